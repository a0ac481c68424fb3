"""The OpenAPI 3.1 document of the API, made of the table of endpoints."""

from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

import msgspec

from appliance.outside.tokens import SCOPES
from web.api.endpoint import PREFIX, Endpoint, Problem, Sound

REF = "#/components/schemas/{name}"
PROBLEMS = {
    "400": "Not readable: no JSON, or no form token of the page",
    "401": "No token that is in force",
    "403": "Not yours: the scope, the role, or another unit's ticket",
    "404": "Not there",
    "409": "The world moved on: look again",
    "413": "Too large",
    "415": "Send application/json",
    "422": "Not right as given; the sentence says what to do",
    "429": "Asked too often; Retry-After says how long to wait",
    "503": "A part of the box is away",
}
_NUMBER = {"type": "string", "minLength": 1, "maxLength": 80}


def document(table: Sequence[Endpoint], server: str = "/") -> dict[str, Any]:
    """Describe the table."""
    forms = [
        form
        for e in table
        for form in (e.query, e.body, e.answer)
        if form is not None and not isinstance(form, Sound)
    ]
    schemas, components = msgspec.json.schema_components([Problem, *dict.fromkeys(forms)], ref_template=REF)
    del schemas
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in table:
        operation = _operation(endpoint, components)
        paths.setdefault(PREFIX + endpoint.path, {})[endpoint.method.lower()] = operation
    asked = {form.__name__ for form in forms} - {e.query.__name__ for e in table if e.query is not None} | {
        "Problem"
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Hotline Box 热线一体机",
            "version": version("hotline-box"),
            "description": "Tickets, calls and recordings of a city hotline. 工单、通话、录音与设置。",
        },
        "servers": [{"url": server}],
        "tags": [{"name": name} for name in dict.fromkeys(_tag(e) for e in table)],
        "paths": paths,
        "components": {
            "schemas": {n: s for n, s in components.items() if n in asked or _is_used(n, components)},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": _scopes()},
                "session": {"type": "apiKey", "in": "cookie", "name": "hotline"},
            },
        },
        "security": [{"token": []}],
    }


def _is_used(name: str, components: dict[str, Any]) -> bool:
    return any(REF.format(name=name) in str(schema) for schema in components.values())


def _scopes() -> str:
    return "Scopes: " + "; ".join(f"{name} {zh} {en}" for name, (zh, en) in SCOPES.items())


def _tag(endpoint: Endpoint) -> str:
    return endpoint.path.split("/")[1]


def _operation(endpoint: Endpoint, components: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "tags": [_tag(endpoint)],
        "summary": endpoint.en,
        "description": f"{endpoint.zh}\n\nScope: {endpoint.scope or 'any token'}. "
        f"Roles: {' '.join(sorted(endpoint.roles))}.",
        "parameters": [*_parameters(endpoint, components)],
        "responses": dict(_answers(endpoint)),
    }
    if endpoint.body is not None:
        operation["requestBody"] = {"required": True, "content": _json(endpoint.body.__name__)}
    return operation


def _parameters(endpoint: Endpoint, components: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name in endpoint.places:
        yield {"name": name, "in": "path", "required": True, "schema": dict(_NUMBER)}
    if endpoint.query is not None:
        for name, schema in components[endpoint.query.__name__]["properties"].items():
            yield {"name": name, "in": "query", "required": False, "schema": _plain(schema)}
    if endpoint.stale:
        schema = {"type": "string", "pattern": '^"[0-9a-f]{32}"$'}
        words = "The `seen` of what you looked at: refused with 409 when it has changed since"
        yield {"name": "If-Match", "in": "header", "required": False, "schema": schema, "description": words}
    if endpoint.once:
        schema = {"type": "string", "pattern": "^[0-9A-Za-z_.:-]{1,100}$"}
        words = "Asked again under the same key within a day, the answer is the same and nothing is done"
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": schema,
            "description": words,
        }


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter's form: what is left out cannot be null."""
    kept = {key: value for key, value in schema.items() if key != "default"}
    if "anyOf" in kept:
        (kept,) = [part for part in kept["anyOf"] if part.get("type") != "null"]
    return kept


def _answers(endpoint: Endpoint) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(endpoint.answer, Sound):
        content: dict[str, Any] = {
            kind: {"schema": {"type": "string", "format": "binary"}} for kind in endpoint.answer.kinds
        }
        yield "200", {"description": "The file", "content": content}
        yield "206", {"description": "The range asked for", "content": content}
        yield "416", {"description": "No such range", "content": _json("Problem")}
    else:
        good: dict[str, Any] = {
            "description": (endpoint.answer.__doc__ or "").split("\n")[0],
            "content": _json(endpoint.answer.__name__),
        }
        if "seen" in endpoint.answer.__struct_fields__:
            good["headers"] = {"ETag": {"schema": {"type": "string"}}}
        yield str(endpoint.status), good
    for status in _statuses(endpoint):
        yield status, {"description": PROBLEMS[status], "content": _json("Problem")}


def _statuses(endpoint: Endpoint) -> list[str]:
    statuses = {"401", "403", "422", "429"}
    if endpoint.places:
        statuses.add("404")
    if endpoint.method != "GET":
        statuses |= {"400", "404", "409"}
    if endpoint.body is not None:
        statuses |= {"413", "415"}
    return sorted(statuses)


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": REF.format(name=name)}}}
