"""What is recorded of an incident, line by line for people, and what its review still lacks."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from incidents.messages import FIELDS
from incidents.review import TEMPLATES, Category

_LINES = {
    "actions": "{id}  until {due}: {text} ({owner}; done: {done})",
    "attachments": "{id}  {name} ({type}, {size:,} bytes)",
    "related": "{id}  {opened}  {title}",
    "timeline": "{line:>3}  {at}  {who}: {text}",
}


def lacking(category: Category, unwritten: Collection[str]) -> dict[str, list[str]]:
    """What is still to be written down, and what is worth asking and doing about a cause of that category."""
    template = TEMPLATES.get(category)
    return {
        "missing": [FIELDS[field] for field in unwritten],
        "questions": list(template.questions) if template is not None and unwritten else [],
        "suggested_actions": list(template.actions) if template is not None and "actions" in unwritten else [],
    }


def in_words(record: Mapping[str, Any]) -> Iterator[str]:
    """A record, line by line; what is empty is left out."""
    for name, value in record.items():
        if value in (None, "", []):
            continue
        if not isinstance(value, list):
            yield f"{name.replace('_', ' ')}: {_flat(value)}"
            continue
        yield f"{name.replace('_', ' ')}:"
        for one in value:
            yield f"  {_LINES[name].format(**one) if name in _LINES else one}"


def _flat(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    return ", ".join(f"{name.replace('_', ' ')} {part}" for name, part in value.items() if part not in (None, "", ()))
