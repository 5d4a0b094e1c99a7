"""Compiles the part of JSON Schema 2020-12 our events use into functions; any other keyword is refused at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

Check = Callable[[Any, str], Iterator[str]]  # the value and where it stands; yields what is wrong

_ANNOTATIONS = frozenset({"$schema", "$id", "$defs", "title", "description", "examples", "$comment"})


class UnsupportedSchema(ValueError):
    """The schema uses what is not compiled here; write it with the keywords below."""


def compiled(schema: Mapping[str, Any]) -> Check:
    return _compiled(schema, schema.get("$defs", {}))


def _compiled(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Check:
    if "$ref" in schema:
        return _compiled(definitions[schema["$ref"].removeprefix("#/$defs/")], definitions)
    kind = schema.get("type")
    if kind not in _KINDS:
        raise UnsupportedSchema(f"type {kind!r}")
    make, keywords = _KINDS[kind]
    unknown = schema.keys() - keywords - _ANNOTATIONS - {"type"}
    if unknown:
        raise UnsupportedSchema(f"{kind} with {sorted(unknown)}")
    return make(schema, definitions)


def _object(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Check:
    required: Sequence[str] = schema.get("required", ())
    properties = {name: _compiled(each, definitions) for name, each in schema.get("properties", {}).items()}

    def check(value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, Mapping):
            yield f"{where} is not an object"
            return
        for name in required:
            if name not in value:
                yield f"{where}.{name} is missing"
        for name, found in value.items():
            if name in properties:
                yield from properties[name](found, f"{where}.{name}")

    return check


def _array(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Check:
    item = _compiled(schema["items"], definitions)
    least, most = schema.get("minItems", 0), schema.get("maxItems", float("inf"))

    def check(value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, list | tuple):
            yield f"{where} is not an array"
            return
        if not least <= len(value) <= most:
            yield f"{where} has {len(value)} items"
        for position, found in enumerate(value):
            yield from item(found, f"{where}[{position}]")

    return check


def _string(schema: Mapping[str, Any], _: Mapping[str, Any]) -> Check:
    least, most = schema.get("minLength", 0), schema.get("maxLength", float("inf"))
    pattern = re.compile(schema["pattern"]) if "pattern" in schema else None
    options = frozenset(schema["enum"]) if "enum" in schema else None
    is_time = schema.get("format") == "date-time"

    def check(value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield f"{where} is not a string"
            return
        if not least <= len(value) <= most:
            yield f"{where} has {len(value)} characters"
        if pattern is not None and not pattern.search(value):
            yield f"{where} is not like {pattern.pattern}"
        if options is not None and value not in options:
            yield f"{where} is none of {sorted(options)}"
        if is_time and not _is_time(value):
            yield f"{where} is not a time with an offset"

    return check


def _integer(schema: Mapping[str, Any], _: Mapping[str, Any]) -> Check:
    least, most = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))

    def check(value: Any, where: str) -> Iterator[str]:
        if type(value) is not int:
            yield f"{where} is not an integer"
        elif not least <= value <= most:
            yield f"{where} is {value}"

    return check


def _boolean(_schema: Mapping[str, Any], _: Mapping[str, Any]) -> Check:
    def check(value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, bool):
            yield f"{where} is not a boolean"

    return check


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


_Make = Callable[[Mapping[str, Any], Mapping[str, Any]], Check]
_KINDS: dict[object, tuple[_Make, frozenset[str]]] = {
    "object": (_object, frozenset({"required", "properties"})),
    "array": (_array, frozenset({"items", "minItems", "maxItems"})),
    "string": (_string, frozenset({"minLength", "maxLength", "pattern", "enum", "format"})),
    "integer": (_integer, frozenset({"minimum", "maximum"})),
    "boolean": (_boolean, frozenset()),
}
