"""Where other programs send messages to, as routes: what to set for each, never what it was."""

from collections.abc import Sequence
from typing import Any

from monitor.config.document import printable
from monitor.migrate.draft import Draft

_APPRISE = {
    "discord": "discord://WEBHOOK_ID/WEBHOOK_TOKEN",
    "slack": "slack://TOKEN_A/TOKEN_B/TOKEN_C",
    "telegram": "tgram://BOT_TOKEN/CHAT_ID",
    "smtp": "mailtos://USER:PASSWORD@HOST?to=ADDRESS",
    "email": "mailtos://USER:PASSWORD@HOST?to=ADDRESS",
    "webhook": "jsons://HOST/PATH",
    "custom": "jsons://HOST/PATH",
    "ntfy": "ntfys://TOKEN@HOST/TOPIC",
    "gotify": "gotifys://HOST/TOKEN",
    "matrix": "matrixs://TOKEN@HOST/ROOM",
    "mattermost": "mmosts://HOST/TOKEN",
    "pushover": "pover://USER_KEY@APP_TOKEN",
    "pagerduty": "pagerduty://INTEGRATION_KEY@API_KEY",
    "opsgenie": "opsgenie://API_KEY",
    "teams": "workflows://HOST/WORKFLOW/SIGNATURE",
    "signal": "signals://HOST:PORT/FROM/TO",
    "twilio": "twilio://SID:TOKEN@FROM/TO",
    "rocket.chat": "rockets://WEBHOOK@HOST",
}


def route(draft: Draft, title: str, program: str, what: str, assets: Sequence[str], **more: Any) -> str:
    """Add a route that tells what was told there of these assets; the id that it gets."""
    example = _APPRISE.get(program.lower())
    words = f"an Apprise URL for {printable(program)}, {f'like {example}' if example else 'see the list of Apprise'}"
    to = draft.secret(f"{words} ({what})", "route", title)
    return draft.entry("routes", title, what, {"to": to, "assets": list(assets), **more})
