"""Signs in at a token endpoint of OAuth 2.0 (RFC 6749)."""

from collections.abc import Mapping
from http import HTTPStatus

from probes._base import Failed, Unmeasured
from probes._engines.api import Api, Grant, Lines, Question, bearer
from probes._engines.json_values import number

_REFUSED = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)  # RFC 6749 §5.2 has 400 for most
_LIFETIME = 3600.0  # seconds, where the endpoint does not tell


async def grant(
    api: Api, path: str, form: Mapping[str, str], settings: str, deadline: float, private: Lines = ()
) -> Grant:
    """What the token endpoint at a path gives for a form, by a time of the monotonic clock.

    `settings` names what to correct if it gives nothing; `private` are header lines that go along. Raises Unmeasured
    "no_permission" if it gives nothing, Failed when the endpoint failed.
    """
    answer = await api.try_(Question(path, form=form, private=private, signed=False), deadline)
    if answer.status in _REFUSED:
        raise Unmeasured("no_permission", f"{api.who} does not let us in, status {answer.status}; correct {settings}")
    if answer.status != HTTPStatus.OK:
        raise api.objection(answer.status)
    document = answer.document if isinstance(answer.document, Mapping) else {}
    token = document.get("access_token")
    if not isinstance(token, str) or not token or not token.isprintable() or not token.isascii():
        raise Failed("malformed", f"{api.who} signed us in and gave no token")
    return Grant(bearer(token), number(document.get("expires_in")) or _LIFETIME)
