"""What people do on the pages programs can do by the API, but for a short list with its reasons."""

from monitor.web.api.endpoints import ENDPOINTS
from monitor.web.app import routes
from monitor.web.files import Files

BY_API = {
    "GET /": "GET /board",
    "GET /wallboard": "GET /board",
    "GET /sites": "GET /sites",
    "GET /assets/{id}": "GET /assets/{asset}",
    "GET /checks/{asset}/{name}": "GET /checks/{asset}/{name}/rules",
    "POST /checks/{asset}/{name}/run": "POST /checks/{asset}/{name}/run",
    "GET /events": "GET /events",
    "GET /about": "GET /site",
    "GET /incidents": "GET /incidents",
    "POST /incidents": "POST /incidents",
    "GET /incidents/{id}": "GET /incidents/{incident}",
    "GET /incidents/{id}/{shape}": "GET /incidents/{incident}/export",
    "POST /incidents/{id}/acknowledge": "POST /incidents/{incident}/acknowledge",
    "POST /incidents/{id}/pass-on": "POST /incidents/{incident}/pass-on",
    "POST /incidents/{id}/fixed": "POST /incidents/{incident}/fixed",
    "POST /incidents/{id}/note": "POST /incidents/{incident}/notes",
    "POST /incidents/{id}/merge": "POST /incidents/{incident}/merge",
    "POST /incidents/{id}/review": "PATCH /incidents/{incident}/review",
    "POST /incidents/{id}/times": "PATCH /incidents/{incident}/times",
    "POST /incidents/{id}/lines/{line}": "PATCH /incidents/{incident}/timeline/{line}",
    "POST /incidents/{id}/impact": "PATCH /incidents/{incident}/impact",
    "POST /incidents/{id}/actions": "POST /incidents/{incident}/actions",
    "POST /incidents/{id}/actions/{action}/done": "POST /incidents/{incident}/actions/{action}/done",
    "POST /incidents/{id}/actions/{action}/due": "PATCH /incidents/{incident}/actions/{action}",
    "POST /incidents/{id}/files": "POST /incidents/{incident}/files",
    "GET /incidents/{id}/files/{file}": "GET /incidents/{incident}/files/{file}",
    "GET /alerts": "GET /alerts",
    "GET /silences": "GET /silences",
    "POST /silences": "POST /silences",
    "POST /silences/preview": "POST /silences/preview",
    "POST /silences/{id}/end": "POST /silences/{silence}/end",
    "GET /maintenance": "GET /maintenance",
    "GET /why": "GET /why",
    "GET /deliveries": "GET /deliveries",
    "POST /deliveries/test": "POST /deliveries/test",
    "GET /on-call": "GET /on-call/shifts",
    "POST /on-call/overrides": "POST /overrides",
    "POST /on-call/overrides/{id}/remove": "DELETE /overrides/{override}",
    "GET /audits/credentials": "GET /audits/credentials",
    "POST /audits/credentials/sign-off": "POST /audits/credentials/sign-off",
    "GET /reviews": "GET /reviews",
    "POST /reviews/sign-off": "POST /reviews/sign-off",
    "GET /reports": "GET /reports",
    "POST /reports": "POST /reports",
    "GET /reports/{id}": "GET /reports/{report}",
    "GET /reports/{id}/{shape}": "GET /reports/{report}/export",
    "GET /morning": "GET /morning",
    "GET /morning/{id}": "GET /morning/{report}",
    "POST /morning/run": "POST /morning/run",
    "POST /morning/{id}/take": "POST /morning/{report}/take",
    "POST /morning/{id}/give-back": "POST /morning/{report}/give-back",
    "GET /users": "GET /users",
    "POST /users": "POST /users",
    "POST /users/{id}/role": "PATCH /users/{user}/role",
    "POST /users/{id}/disable": "POST /users/{user}/disable",
    "POST /users/{id}/enable": "POST /users/{user}/enable",
    "POST /users/{id}/password": "POST /users/{user}/password",
    "POST /users/{id}/second-factor/off": "POST /users/{user}/second-factor/off",
    "POST /users/{id}/remove": "DELETE /users/{user}",
    "POST /users/tokens": "POST /tokens",
    "POST /users/tokens/{id}/revoke": "DELETE /tokens/{token}",
    "GET /configuration": "GET /configuration",
    "POST /configuration/reload": "POST /configuration/reload",
    "GET /audit-log": "GET /audit-log",
    "GET /audit-log/entries.csv": "GET /audit-log",
    "GET /audit-log/entries.json": "GET /audit-log",
}
ALONE = {
    "/incidents/new": "a form without anything of its own",
    "/fragment/": "pieces of pages",
    "/static/": "what pages are drawn with",
    "/language": "in which language pages are shown to one browser",
    "/sign-in": "a token needs no session",
    "/sign-out": "a token needs no session",
    "/account": "about oneself: a token stands for a program, and must not renew itself or read second factors",
    "/act": "for whoever has the link of a message, without any account",
    "/status": "for members, without any account, in formats of its own",
    "/ping/": "for jobs, by the key of their check",
    "/-/": "for other programs, as they have it",
    "/metrics": "for other programs, as they have it",
    "/probe": "for other programs, as they have it",
    "/api/": "is no page",
}
"""Where addresses begin for which there is nothing in the API, and why."""


def test_every_page_has_its_like_in_the_api_or_a_reason_to_have_none(tmp_path) -> None:
    pages = {f"{one.method} {one.path}" for one in routes(Files(tmp_path)) if not one.path.startswith(tuple(ALONE))}
    assert pages == set(BY_API)


def test_what_pages_have_in_the_api_is_there_for_the_same_people(tmp_path) -> None:
    roles = {f"{one.method} {one.path}": one.role for one in routes(Files(tmp_path))}
    there = {f"{one.method} {one.path}": one.role for one in ENDPOINTS}
    for page, endpoint in BY_API.items():
        assert there.get(endpoint) is roles[page], (page, endpoint)


def test_what_changes_something_has_a_like_of_its_own() -> None:
    changes = [endpoint for page, endpoint in BY_API.items() if page.startswith("POST")]
    assert len(changes) == len(set(changes))
    assert not any(endpoint.startswith("GET") for endpoint in changes)


def test_no_reason_is_left_over(tmp_path) -> None:
    paths = [one.path for one in routes(Files(tmp_path))]
    assert [reason for reason in ALONE if not any(path.startswith(reason) for path in paths)] == []
