"""What a migration made, as the text of a configuration file, each entry below a word on where it came from."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from monitor.config.document import printable
from monitor.migrate.draft import Entry, Migration, Verdict

_LONGEST = 300
"""Characters of a comment or of a line of the summary."""


def rendered(migration: Migration, source: str, site: Mapping[str, str] | None = None) -> str:
    """The sections as YAML; a whole configuration if `site` says what stands in that section."""
    head = [f"# From {printable(source, _LONGEST)}, by `deskwatch import`. Look through it, then `deskwatch check`."]
    if site is None:
        head.append("# It goes into a folder beside site.yaml: `deskwatch check FOLDER`.")
    if migration.needed:
        head += ["# These environment variables hold the secrets:"]
        head += [f"#   {needed.name}: {printable(needed.what, _LONGEST)}" for needed in migration.needed]
    parts = ["\n".join(head) + "\n"]
    if site is not None:
        parts.append(_dumped({"site": dict(site)}))
    parts += [f"{name}:\n" + "\n".join(map(_entry, entries)) for name, entries in migration.sections.items()]
    return "\n".join(parts)


def summary(migration: Migration) -> Iterator[str]:
    """What became of everything, a line each, what to set, and how much of it there is."""
    for verdict in Verdict:
        for line in migration.lines:
            if line.verdict is verdict:
                yield f"{verdict}: {printable(line.what, _LONGEST)}: {printable(line.words, _LONGEST)}"
    for needed in migration.needed:
        yield f"set {needed.name}: {printable(needed.what, _LONGEST)}"
    yield ", ".join(f"{migration.count(verdict)} {verdict}" for verdict in Verdict)


def _entry(entry: Entry) -> str:
    lines = _dumped([dict(entry.value)]).splitlines(keepends=True)
    return f"  # {printable(entry.origin, _LONGEST)}\n" + "".join(f"  {line}" for line in lines)


class _Dumper(yaml.SafeDumper):
    """Writes YAML that means the same in versions 1.1 and 1.2, and that people can edit: without aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    """A text; what does not begin with a letter is quoted, as 1e3 is a number only in version 1.2."""
    word = text[:1].isalpha() and text.isprintable()
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if word else '"')


def _number(dumper: _Dumper, number: float) -> yaml.ScalarNode:
    """A number, without a fraction where it has none."""
    return dumper.represent_int(int(number)) if number.is_integer() else dumper.represent_float(number)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(float, _number)


def _dumped(value: Any) -> str:
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000_000))
