"""What users write about other sites: each has a Deskwatch of its own, which this one asks how it is."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from monitor.config.parts import Id, Part
from monitor.config.values import is_web_address
from monitor.hosts import is_loopback
from probes._secrets import LineSecret


def _address(value: str) -> str:
    if not is_web_address(value):
        raise ValueError("must be the address of its Deskwatch, like `https://east.example.org`")
    url = urlsplit(value)
    if url.path.strip("/"):
        raise ValueError("must end with the name of the machine, like `https://east.example.org`: no path follows")
    if url.scheme != "https" and not is_loopback(url.hostname or ""):
        raise ValueError("must begin with `https://`: the token is not sent where everybody on the way can read it")
    return value.rstrip("/")


class OtherSiteFile(Part):
    """Another site."""

    id: Id = Field(description="Its name for programs; no other site has it.")
    name: Annotated[str, Field(min_length=1, max_length=80)] | None = Field(
        None, description="What people call it; the id unless said."
    )
    url: Annotated[str, AfterValidator(_address)] = Field(
        description="Where its Deskwatch is, like https://east.example.org."
    )
    token: LineSecret = Field(
        description="An API token of that Deskwatch with the role viewer, as a reference: `${env:EAST_TOKEN}`."
    )
