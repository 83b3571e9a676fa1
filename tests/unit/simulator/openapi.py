"""HubSpot's descriptions as JSON schemas, relaxed where the real service is known to differ from them."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jsonschema import Draft202012Validator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER = Path(__file__).parents[2] / "data" / "openapi"
HTTP_ERROR = 400
Schemas = dict[str, dict[str, Any]]


def values_may_be_null(schemas: Schemas) -> None:
    """(a) v3 says plain strings; real answers hold nulls, and 2026-09 says nullable."""
    for name, schema in schemas.items():
        if name.startswith("SimplePublicObject") and "properties" in schema.get("properties", {}):
            schema["properties"]["properties"]["additionalProperties"] = {"type": ["string", "null"]}


def search_body_is_optional(schemas: Schemas) -> None:
    """(b) Sorts are objects, and no key of a search is required."""
    request = schemas.get("PublicObjectSearchRequest", {"properties": {}})
    request.pop("required", None)
    request["properties"]["sorts"] = {"type": "array", "items": {"type": ["object", "string"]}}


def batch_read_properties_are_optional(schemas: Schemas) -> None:
    """(c) `properties` and `propertiesWithHistory` may be left out."""
    schemas.get("BatchReadInputSimplePublicObjectId", {})["required"] = ["inputs"]


def associated_ids_are_numbers(schemas: Schemas) -> None:
    """(d) `toObjectId` is a number, and a label may be null."""
    for schema in schemas.values():
        properties = schema.get("properties", {})
        if "toObjectId" in properties:
            properties["toObjectId"] = {"type": "integer"}
        if "label" in properties and "typeId" in properties:
            properties["label"] = {"type": ["string", "null"]}


def error_envelopes_vary(schemas: Schemas) -> None:
    """(e), (f) 404 and 429 lack a category, 429 has a policy, batch errors lack `errors` and `links`."""
    for name in ("Error", "StandardError"):
        if name in schemas:
            extra = ("status", "errorType", "policyName", "groupName", "requestId")
            schemas[name]["required"] = ["message"]
            schemas[name]["properties"] |= {each: {"type": "string"} for each in extra}
            schemas[name]["properties"]["subCategory"] = {"type": "string"}


def search_has_no_previous_page(schemas: Schemas) -> None:
    """(g) A search answer has neither `paging.prev` nor `link`."""
    for schema in schemas.values():
        if {"next", "prev"} <= schema.get("properties", {}).keys():
            schema.pop("required", None)


def batch_answers_may_be_partial(schemas: Schemas) -> None:
    """(h) 2026-09 describes no 207; its answer has the errors of v3's."""
    for name in list(schemas):
        if name.startswith("BatchResponse") and "errors" not in schemas[name]["properties"]:
            schemas[name]["properties"] |= {"numErrors": {"type": "integer"}, "errors": {"type": "array"}}


def introspection_says_more(schemas: Schemas) -> None:
    """(j) 2026-09 describes of an introspection only what tokens of all kinds have in common; v3 describes the rest."""
    base = schemas.get("TokenInfoResponseBaseIF", {})
    if base.get("properties"):
        base["additionalProperties"] = True


# (i), the missing single-record read of associations in 2026-09, needs none: there is nothing to check against.
RELAXATIONS: tuple[Callable[[Schemas], None], ...] = (
    values_may_be_null,
    search_body_is_optional,
    batch_read_properties_are_optional,
    associated_ids_are_numbers,
    error_envelopes_vary,
    search_has_no_previous_page,
    batch_answers_may_be_partial,
    introspection_says_more,
)


class Description:
    """One file of the collection."""

    def __init__(self, path: Path) -> None:
        self.version = path.parent.name
        document = json.loads(path.read_text(encoding="utf-8"))
        self.paths: dict[str, dict[str, Any]] = document["paths"]
        self._components = document["components"]
        for relax in RELAXATIONS:
            relax(self._components["schemas"])
        for schema in self._components["schemas"].values():
            _make_strict(schema)

    def operations(self) -> Iterator[tuple[str, str]]:
        for path, operations in self.paths.items():
            for method in operations:
                yield method, path

    def problems(self, method: str, path: str, status: int, answer: object) -> list[str]:
        """What is wrong with an answer; nothing when it conforms."""
        responses = self.paths[path][method]["responses"]
        if status == 207 and "207" not in responses:
            status = 200
        if str(status) not in responses and status < HTTP_ERROR:
            return []  # the token endpoint of 2026-09 describes errors only
        schema = self._content(responses.get(str(status)) or responses["default"])
        return [] if schema is None else self._errors(schema, answer)

    def request_problems(self, method: str, path: str, body: object) -> list[str]:
        schema = self._content(self.paths[path][method].get("requestBody", {}))
        return [] if schema is None else self._errors(schema, body)

    def parameter(self, method: str, path: str, name: str) -> dict[str, Any] | None:
        found = [each for each in self.paths[path][method]["parameters"] if each["name"] == name]
        return found[0]["schema"] if found else None

    def _content(self, holder: dict[str, Any]) -> dict[str, Any] | None:
        if "$ref" in holder:
            holder = self._components["responses"][holder["$ref"].rpartition("/")[2]]
        content = list(holder.get("content", {}).values())
        return content[0].get("schema") if content else None

    def _errors(self, schema: dict[str, Any], instance: object) -> list[str]:
        validator = Draft202012Validator({"components": self._components, **schema})
        return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(instance)]


def _make_strict(schema: dict[str, Any]) -> None:
    """A key that the description does not know is an invention of ours."""
    if schema.get("properties"):
        schema.setdefault("additionalProperties", False)
    for each in schema.get("properties", {}).values():
        if each.pop("nullable", False) and "type" in each:
            each["type"] = [each["type"], "null"]


class Operation(NamedTuple):
    description: Description
    method: str
    path: str

    def problems(self, status: int, answer: object) -> list[str]:
        return self.description.problems(self.method, self.path, status, answer)

    def parameter(self, name: str) -> dict[str, Any] | None:
        return self.description.parameter(self.method, self.path, name)


@lru_cache(maxsize=1)
def descriptions() -> tuple[Description, ...]:
    return tuple(Description(path) for path in sorted(FOLDER.glob("*/*.json")))
