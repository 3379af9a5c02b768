"""What users write about a Prometheus that everything measured is sent to."""

import re
from functools import partial
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from monitor.config.parts import Duration, Keyed, Part
from monitor.config.values import is_web_address, parse_duration
from probes._secrets import LineSecret

MOST_LABELS = 10
_OWN_LABELS = ("asset", "check", "kind", "site")
_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")
_SIZE = re.compile(r"([1-9][0-9]{0,5})(MB|GB)")
_BYTES = {"MB": 1_000_000, "GB": 1_000_000_000}


def _address(value: str) -> str:
    if not is_web_address(value):
        raise ValueError(
            "must be the whole address, like `https://prometheus.example.org/api/v1/write`; what signs in belongs into "
            "`authorization`, or into `username` and `password`"
        )
    return value


def _label(name: str) -> str:
    if name in _OWN_LABELS:
        raise ValueError(f"is a label that series of Deskwatch have already; {', '.join(_OWN_LABELS)} are taken")
    if not _LABEL.fullmatch(name):
        raise ValueError("must be letters, digits and underscores, like `instance`, and not begin with a digit or `__`")
    return name


def _size(value: object) -> int:
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be a size like `256MB` or `1GB`")
    return int(match[1]) * _BYTES[match[2]]


def _user(name: str) -> str:
    if ":" in name:
        raise ValueError("must not have a colon: it ends the name where the receiver reads it")
    return name


def _duration(least: float, most: float) -> BeforeValidator:
    """Reads a duration within bounds, which are in seconds like the result."""
    return BeforeValidator(partial(parse_duration, least=least, most=most))


Size = Annotated[int, BeforeValidator(_size), WithJsonSchema({"type": "string", "pattern": f"^{_SIZE.pattern}$"})]
Label = Annotated[str, AfterValidator(_label)]
LabelValue = Annotated[str, Field(min_length=1, max_length=200)]
User = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_user)]


class RemoteWriteFile(Part):
    """A Prometheus, or what speaks its language, that everything measured is sent to."""

    url: Annotated[str, AfterValidator(_address)] = Field(
        description="Where it takes samples, like https://prometheus.example.org/api/v1/write."
    )
    authorization: LineSecret | None = Field(
        None, description="Value of the header Authorization, as a reference: `Bearer ${env:PROMETHEUS_TOKEN}`."
    )
    username: User | None = Field(None, description="Instead of `authorization`: the user of basic authentication.")
    password: LineSecret | None = Field(None, description="The user's password, as a reference.")
    interval: Annotated[float, _duration(5, 3600), Duration] = Field(30, description="How often.")
    labels: Annotated[Keyed[Label, LabelValue], Field(max_length=MOST_LABELS)] = Field(
        {}, description="Labels of all series, beside `job: deskwatch` and the site's id as `instance`."
    )
    spool: Size = Field(
        256_000_000,
        description="How much may wait on disk while it cannot be sent, like 256MB.",
        json_schema_extra={"default": "256MB"},
    )
    keep: Annotated[float, _duration(60, 30 * 86_400), Duration] = Field(
        86_400, description="How long it may wait; what is older is dropped."
    )
    folder: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="Where it waits; `remote-write` beside the SQLite database unless said."
    )

    @model_validator(mode="after")
    def _signs_in_one_way(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("`username` and `password` belong together; give both, or neither")
        if self.username is not None and self.authorization is not None:
            raise ValueError("signs in twice; give `authorization`, or `username` and `password`")
        return self
