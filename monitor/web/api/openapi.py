"""What can be asked of the API as an OpenAPI 3.1 document, made from the declarations that also serve it."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from monitor.people.roles import Role
from monitor.web.api import problems, repeats
from monitor.web.api.endpoint import JSON, Endpoint
from monitor.web.api.paging import Query
from monitor.web.api.problems import Problem

Schema = dict[str, Any]
Key = tuple[str, JsonSchemaMode]
Schemas = Mapping[Key, Schema]
"""Schemas by the name of their type, and whether it is sent or answered."""

_REF = "#/components/schemas/{model}"
_ALWAYS = (401, 403, 421, 422, 429, 500, 503)
"""What can become of every request, but for those that ask for nothing secret."""
_CHANGES = (400, 413)
_RATES = {
    "RateLimit-Limit": "Requests within a minute.",
    "RateLimit-Remaining": "Those that are left.",
    "RateLimit-Reset": "Seconds until all are there again.",
}


async def show(endpoints: tuple[Endpoint, ...]) -> web.Response:
    """GET /openapi.json."""
    answer = web.json_response(document(endpoints))
    answer.enable_compression()
    return answer


@cache
def document(endpoints: tuple[Endpoint, ...]) -> Schema:
    """The document; the same in every installation."""
    schemas, parts = _schemas(endpoints)
    paths: dict[str, Schema] = {}
    for one in endpoints:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Deskwatch",
            "version": "1",
            "summary": "What Deskwatch watches, what happened, and what people answer.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": problems.BELOW}],
        "security": [{"token": []}],
        "tags": [{"name": name} for name in dict.fromkeys(one.tag for one in endpoints)],
        "paths": paths,
        "components": {
            "schemas": parts,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas(endpoints: Iterable[Endpoint]) -> tuple[Schemas, Schema]:
    """The schema of every body and answer by its type, and what they refer to by name."""
    wanted: dict[Key, tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = {}
    problem: Key = ("", "serialization")
    parts: Schema = {}
    for one in endpoints:
        parts |= one.query.model_json_schema(ref_template=_REF).get("$defs", {})
        for key, type in ((_sent(one), one.body), (_given(one), one.gives), (problem, Problem)):
            if type is not None:
                wanted[key] = (*key, TypeAdapter(type))
    found, named = TypeAdapter.json_schemas(list(wanted.values()), ref_template=_REF)
    return {(str(key), mode): schema for (key, mode), schema in found.items()}, parts | named["$defs"]


def _sent(one: Endpoint) -> Key:
    return str(one.body), "validation"


def _given(one: Endpoint) -> Key:
    return str(one.gives), "serialization"


def _operation(one: Endpoint, schemas: Schemas) -> Schema:
    made: Schema = {
        "operationId": _name(one),
        "summary": one.summary,
        "description": f"For the role {one.role}." if one.role is not Role.PUBLIC else "For everybody.",
        "tags": [one.tag],
        "parameters": _parameters(one),
        "responses": _responses(one, schemas),
    }
    if one.role is Role.PUBLIC:
        made["security"] = []
    if one.body is not None:
        content = {type: {"schema": _of_body(one, type, schemas)} for type in one.takes}
        made["requestBody"] = {"required": True, "content": content}
    return made


def _of_body(one: Endpoint, type: str, schemas: Schemas) -> Schema:
    if type == JSON:
        return schemas[_sent(one)]
    return {"type": "string"} if type.startswith("text/") else {"type": "string", "format": "binary"}


def _name(one: Endpoint) -> str:
    return re.sub(r"\W+", "_", f"{one.method.lower()}{one.path}").strip("_")


def _parameters(one: Endpoint) -> list[Schema]:
    text = {"type": "string"}
    found: list[Schema] = [
        {"name": name, "in": "path", "required": True, "schema": {**text, "minLength": 1}} for name in one.parts
    ]
    if not one.direct:
        found += _of_query(one.query)
    if one.method == "POST" and not one.secret:
        says = "Sent again with the same request within a day, it is done once and answered twice."
        schema = {**text, "minLength": 1, "maxLength": repeats.LONGEST_KEY}
        found.append({"name": repeats.KEY, "in": "header", "description": says, "schema": schema})
    if one.tagged and one.parts:
        name = "If-None-Match" if one.reads else "If-Match"
        found.append({"name": name, "in": "header", "description": "An ETag that was answered.", "schema": text})
    return found


def _of_query(model: type[Query]) -> list[Schema]:
    properties = model.model_json_schema(ref_template=_REF).get("properties", {})
    return [{"name": name, "in": "query", "schema": _said(part)} for name, part in properties.items()]


def _said(schema: Schema) -> Schema:
    """Of what may be left out: as it is when it is there, for a parameter is never null."""
    others = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    kept = {name: value for name, value in schema.items() if name not in ("anyOf", "default", "title")}
    if "default" in schema and schema["default"] is not None:
        kept["default"] = schema["default"]
    return kept | (others[0] if len(others) == 1 else {})


def _responses(one: Endpoint, schemas: Schemas) -> Schema:
    made: Schema = {"description": one.summary, "headers": _headers(one)}
    if one.gives is not None:
        made["content"] = {JSON: {"schema": schemas[_given(one)]}}
    elif one.comes_as != (JSON,):
        made["content"] = {type: {} for type in one.comes_as}
    found = {str(one.status): made}
    if one.tagged and one.reads:
        found["304"] = {"description": "It is as you know it."}
    problem = {"$ref": "#/components/schemas/Problem"}
    for status in _errors(one):
        phrase = HTTPStatus(status).phrase
        found[str(status)] = {"description": phrase, "content": {problems.TYPE: {"schema": problem}}}
    return found


def _errors(one: Endpoint) -> list[int]:
    found = {421, 429, 500, 503} if one.role is Role.PUBLIC else set(_ALWAYS)
    if not one.reads:
        found |= set(_CHANGES)
    if one.parts:
        found.add(404)
    if one.body is not None:
        found.add(415)
    if not one.reads:
        found |= {408, 409}
    if one.tagged and not one.reads and one.parts:
        found.add(412)
    return sorted(found)


def _headers(one: Endpoint) -> Schema:
    text, number = {"type": "string"}, {"type": "integer"}
    found: Schema = {name: {"description": says, "schema": number} for name, says in _RATES.items()}
    if one.tagged and one.gives is not None:
        found["ETag"] = {"schema": text}
    if one.status == HTTPStatus.CREATED:
        found["Location"] = {"schema": text}
    if "Page" in str(one.gives):
        found["Link"] = {"description": "The next page.", "schema": text}
    return found
