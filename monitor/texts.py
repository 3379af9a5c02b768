"""How templates speak: what a `_()` or `{% trans %}` of theirs becomes in the language that is spoken."""

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from language import translated, translated_plural

Finalize = Callable[[Any], Any]
"""What an environment does at last with everything that is put into a page."""


def speak(environment: Environment, finalize: Finalize) -> None:
    """Let the templates say messages, which are markup, with values that are not: each is finalized and escaped."""

    def say(message: str, /, **values: Any) -> Markup:
        return Markup(translated(message)) % _final(values, finalize)  # noqa: S704 - ours; what is put into it is escaped

    def say_number(one: str, many: str, number: int, /, **values: Any) -> Markup:
        """The form that fits the number, which is its value `num` unless another is given."""
        said = Markup(translated_plural(one, many, number))  # noqa: S704 - as above
        return said % _final({"num": number, **values}, finalize)

    environment.add_extension("jinja2.ext.i18n")
    environment.policies["ext.i18n.trimmed"] = True
    environment.newstyle_gettext = True  # type: ignore[attr-defined] # the extension's: messages take their values by name
    environment.globals.update(_=say, gettext=say, ngettext=say_number)


def _final(values: Mapping[str, Any], finalize: Finalize) -> dict[str, Any]:
    return {name: finalize(value) for name, value in values.items()}
