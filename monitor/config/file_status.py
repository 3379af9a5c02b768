"""What users write about the status page: which assets everybody may see, under which names."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from monitor.config.parts import Id, OrText, Part
from monitor.config.values import ID_PATTERN

MOST_ASSETS = 50
"""Assets on the page: more than that nobody reads."""
MOST_DAYS = 400

Words = Annotated[str, Field(min_length=1, max_length=300)]
Name = Annotated[str, Field(min_length=1, max_length=80)]


def _one_is_an_id(value: object) -> object:
    return {"id": value} if isinstance(value, str) else value


class ShownFile(Part):
    """An asset that everybody may see."""

    id: Id = Field(description="The asset.")
    name: Name | None = Field(None, description="What members call it; the name of the asset unless said.")
    words: Words | None = Field(None, description="What they are told while it does not work, like where to book.")


Shown = Annotated[ShownFile, BeforeValidator(_one_is_an_id), OrText(f"^{ID_PATTERN}$")]


class StatusPageFile(Part):
    """A page that tells members, without signing in, what works and what does not."""

    title: Name = Field(description="The headline of the page, like the name of the space.")
    assets: tuple[Shown, ...] = Field(
        min_length=1, max_length=MOST_ASSETS, description="What is on it, in this order; nothing else ever is."
    )
    days: Annotated[int, Field(strict=True, ge=1, le=MOST_DAYS)] = Field(90, description="How many days it looks back.")
    contact: Words | None = Field(None, description="A sentence that says whom to ask.")
