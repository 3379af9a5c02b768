"""What is wrong with a configuration: every problem at once, each with its place and its remedy."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from monitor.config.document import LONGEST, Place

GUESSES = 50
"""Words that are searched for among many before it is no typing mistake any more: each search takes milliseconds."""

FEW = 200
"""Up to so many known words, a search is cheap."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to repair.

    `line` and `column` count from 1; `line` is 0 if the problem is with the file as a whole. `where` is the path to the
    entry as a person would write it, `value` what stands there as it may be shown: "" for a secret.
    """

    file: str
    line: int
    where: str
    message: str
    value: str = ""
    column: int | None = None

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        where = f"{self.where}: " if self.where else ""
        value = f" (it is {self.value})" if self.value else ""
        return f"{place}: {where}{self.message}{value}"


class ConfigError(Exception):
    """A configuration that can't be used; `problems` in the order of the files."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(dict.fromkeys(problems), key=lambda p: (p.file, p.line, p.column or 0)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Findings:
    """Collects problems while a configuration is read."""

    def __init__(self, problems: Iterable[Problem] = ()) -> None:
        self.problems = list(problems)
        self._guesses = GUESSES

    def add(self, place: Place, message: str, value: str = "") -> None:
        """Note a problem at a place; `value` as it may be shown."""
        mark = place.mark()
        self.problems.append(Problem(str(place.document.file), mark.line, str(place), message, value, mark.column))

    def did_you_mean(self, word: str, known: Collection[str]) -> str:
        """A question that ends a message, "" if no known word comes near.

        Among many words only the first few are searched for: a file with hundreds of unknown names has one cause.
        """
        if len(known) > FEW:
            if not self._guesses:
                return ""
            self._guesses -= 1
        return did_you_mean(word, known)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A question that ends a message, "" if no known word comes near."""
    near = get_close_matches(word[:LONGEST], known, n=1)
    return f"; did you mean `{near[0]}`?" if near else ""
