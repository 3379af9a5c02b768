"""The reference parts of the documentation, written from what the kinds of probes declare."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from probes import REASONS, UNKNOWN_REASONS, DefaultRule, Metric, Params, kinds, load

BEGIN = "<!-- begin generated -->"
END = "<!-- end generated -->"

_TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
    "object": "mapping",
    "array": "list",
}
_FORMATS = {"regex": "pattern", "ipvanyaddress": "address"}

OVERVIEW = "README.md"
"""The page of all kinds, beside the pages of each."""

_AREAS = {
    "internet": "Internet",
    "wifi": "Wi-Fi",
    "access": "Doors",
    "booking": "Booking and payments",
    "rooms": "Meeting rooms",
    "equipment": "Printers, switches, power supplies",
    "passive": "What others tell us",
}

Schema = Mapping[str, Any]


def overview() -> str:
    """A table for each area, as Markdown: its kinds and what each tells."""
    sections = ((title, [kind for kind in kinds() if kind.startswith(f"{area}.")]) for area, title in _AREAS.items())
    return "\n\n".join(
        f"## {title}\n\n{table(('Kind', 'What it tells'), [(f'[{kind}]({kind}.md)', told(kind)) for kind in found])}"
        for title, found in sections
    )


def told(kind: str) -> str:
    """What a kind tells, in a sentence. Raises KeyError when there is no such kind."""
    return (load(kind).__doc__ or "").partition("\n")[0]


def probe_page(kind: str) -> str:
    """The tables of one kind as Markdown: settings, metrics, reasons, default rules.

    Raises KeyError when there is no such kind.
    """
    probe = load(kind)
    sections = (
        *_settings(probe.Params),
        "## Metrics",
        table(("Metric", "Unit", "Part", "Meaning"), (_metric(metric) for metric in probe.metrics)),
        "## Reasons",
        table(("Reason", "State", "Meaning"), _reasons(probe.reasons)),
        "## Default rules",
        table(("Rule", "Severity", "Raised when", "Says"), (_rule(rule) for rule in probe.rules))
        if probe.rules
        else "None beyond the check's own state.",
    )
    return "\n\n".join(sections)


def with_generated(page: str, generated: str) -> str:
    """The page with what is between its markers replaced. Raises ValueError when a marker is missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"there must be a line {BEGIN} and after it a line {END}")
    return f"{before}{BEGIN}\n\n{generated}\n\n{END}{after}"


def update(folder: Path) -> tuple[Path, ...]:
    """Rewrite the tables in the pages of a folder, and begin those that are missing: the pages that changed.

    The pages are `<kind>.md` and the overview. Raises ValueError when one has no markers.
    """
    written = {f"{kind}.md": (kind, probe_page(kind)) for kind in kinds()}
    written[OVERVIEW] = ("What can be measured", overview())
    return tuple(folder / name for name, (title, tables) in written.items() if _renewed(folder / name, title, tables))


def _renewed(path: Path, title: str, generated: str) -> bool:
    """Write these tables into a page; whether that changed it."""
    page = path.read_text("utf-8") if path.exists() else f"# {title}\n\n{BEGIN}\n{END}\n"
    try:
        wanted = with_generated(page, generated)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if wanted == page:
        return False
    path.write_text(wanted, "utf-8")
    return True


def _settings(params: type[Params]) -> Iterator[str]:
    """A table of the settings, and one for each kind of part that they are made of."""
    schema = params.model_json_schema()
    yield "## Settings"
    yield _fields(schema)
    for name, part in schema.get("$defs", {}).items():
        if "properties" in part:
            yield f"### {name}"
            yield _fields(part)


def _fields(schema: Schema) -> str:
    required = schema.get("required", ())
    rows = (
        (
            f"`{name}`",
            _type(field),
            "required" if name in required else _default(field.get("default")),
            _bounds(field),
            str(field.get("description", "")),
        )
        for name, field in schema["properties"].items()
    )
    return table(("Setting", "Type", "Default", "Bounds", "Meaning"), rows)


def _type(field: Schema) -> str:
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if "anyOf" in field or "oneOf" in field:
        return " or ".join(dict.fromkeys(_type(option) for option in _options(field)))
    if "enum" in field or "const" in field:
        return ", ".join(f"`{_plain(value)}`" for value in field.get("enum", [field.get("const")]) if value != "")
    if field.get("writeOnly"):
        return "secret"
    match field.get("type"):
        case "array" if "items" in field:
            return f"list of {_type(field['items'])}"
        case "object" if value := _value_schema(field):
            return f"mapping to {_type(value)}"
    return _FORMATS.get(str(field.get("format")), _TYPES.get(str(field.get("type")), "anything"))


def _options(field: Schema) -> Sequence[Schema]:
    """The alternatives of a field other than its absence."""
    return [option for option in field.get("anyOf", field.get("oneOf", ())) if option.get("type") != "null"]


def _value_schema(field: Schema) -> Schema | None:
    """What the values of a mapping are, None if anything."""
    named = list(field.get("patternProperties", {}).values())
    value = named[0] if named else field.get("additionalProperties")
    return value if isinstance(value, Mapping) else None


def _bounds(field: Schema) -> str:
    if "anyOf" in field:
        return ", ".join(filter(None, (_bounds(option) for option in _options(field))))
    least = field.get("minimum", field.get("exclusiveMinimum"))
    most = field.get("maximum", field.get("exclusiveMaximum"))
    if least is not None and most is not None:
        return f"{least:g} to {most:g}" if isinstance(least, float) else f"{least} to {most}"
    if least is not None:
        return f"at least {least}" if "minimum" in field else f"above {least}"
    return f"at most {most}" if most is not None else ""


def _default(value: Any) -> str:
    """The default as YAML shows it; nothing for "not set"."""
    return "" if value in (None, "", [], {}) and value is not False else f"`{_plain(value)}`"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(_plain(item) for item in value)}]"
    return str(value)


def _metric(metric: Metric) -> Sequence[str]:
    parts = f"{metric.part}: {', '.join(metric.parts)}" if metric.parts else metric.part
    return (f"`{metric.name}`", metric.unit, parts, metric.help)


def _reasons(own: Mapping[str, str]) -> Iterator[Sequence[str]]:
    for word, meaning in {**REASONS, **own}.items():
        yield f"`{word}`", "UP" if word == "ok" else "DOWN", meaning
    for word, meaning in UNKNOWN_REASONS.items():
        yield f"`{word}`", "UNKNOWN", meaning


def _rule(rule: DefaultRule) -> Sequence[str]:
    severity = f"{rule.severity}; {rule.closed} while closed" if rule.closed else rule.severity
    return (f"`{rule.id}`", severity, _condition(rule), rule.says)


def _usual(rule: DefaultRule) -> str:
    """That a limit is a multiple of what is usual, and from where on."""
    if rule.against != "usual":
        return ""
    return " times the usual" + (f" where that is {rule.least_usual:g} or more" if rule.least_usual else "")


def _condition(rule: DefaultRule) -> str:
    side, limit = ("above", rule.above) if rule.above is not None else ("below", rule.below)
    words = [f"`{rule.metric}`{f' of {rule.part}' if rule.part else ''} is {side} {limit:.15g}{_usual(rule)}"]
    if rule.window > 1:
        words.append(f"in {rule.times} of {rule.window} readings")
    if rule.hold:
        words.append(f"for {rule.hold:g} s")
    if rule.clear is not None:
        words.append(f"until it is {'below' if side == 'above' else 'above'} {rule.clear:.15g}")
    return " ".join(words)


def table(head: Sequence[str], rows: Iterator[Sequence[str]] | Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
