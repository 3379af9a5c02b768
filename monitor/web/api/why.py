"""Why somebody was paged, or was not."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from monitor.web.api.endpoint import Call, Reply
from monitor.web.api.models import Moment, Shown, Text
from monitor.web.api.paging import Query
from monitor.web.api.problems import Fault, Unfit
from monitor.web.why import LONGEST
from monitor.why import explain


class WhyAsked(Query):
    """A check, or an episode by its id; and when, now unless said."""

    about: Annotated[str, Field(min_length=1, max_length=LONGEST)]
    at: Moment | None = None


class LineShown(Shown):
    """One thing that happened: when, what it was about (a rule, a route, a destination), and in words."""

    at: datetime
    who: Text
    words: Text


class WhyShown(Shown):
    """Why: in a sentence or a few, and everything that led to it, oldest first."""

    check: str
    summary: Text
    lines: list[LineShown]


async def why(call: Call) -> Reply:
    """GET /why: what was measured, what the rules made of it, and all that was decided."""
    app, asked = call.app, call.query
    try:
        async with app.store.connect() as conn:
            answer = await explain(conn, app.config, asked.about, asked.at or call.now)
    except (LookupError, ValueError) as error:
        raise Unfit(Fault("about", str(error.args[0]))) from None
    lines = [LineShown.model_validate(line) for line in answer.lines]
    return Reply(WhyShown(check=answer.check, summary=answer.summary, lines=lines))
