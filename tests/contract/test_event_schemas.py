"""The promises about events: known, unchanged once published, compatible with all of their past, documented."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from fastjsonschema import JsonSchemaException
from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker

from amazonlite.common.core.clock import parse_iso
from amazonlite.common.core.event import Event
from amazonlite.common.events import asyncapi, digests
from amazonlite.common.events.compatibility import transitive_violations
from amazonlite.common.events.registry import Registry, SchemaViolation, UnknownEventType, compiled, newest
from amazonlite.common.events.topics import TOPICS

REGISTRY = Registry.load()
TYPES = sorted(REGISTRY.revisions)
TIMES = FormatChecker(formats=())


@TIMES.checks("date-time", raises=ValueError)
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or bool(parse_iso(value))


def test_every_topic_has_a_schema_and_every_schema_a_topic() -> None:
    assert sorted(topic.name for topic in TOPICS) == TYPES


@pytest.mark.parametrize("type", TYPES)
def test_revisions_are_numbered_without_gaps(type: str) -> None:
    assert sorted(REGISTRY.revisions[type]) == list(range(1, len(REGISTRY.revisions[type]) + 1))


@pytest.mark.parametrize("type", TYPES)
def test_all_revisions_read_each_other(type: str) -> None:
    assert transitive_violations(REGISTRY.revisions[type]) == []


def test_published_revisions_are_never_edited() -> None:
    """A new revision is added with `python -m amazonlite.common.events.digests`."""
    assert digests.current(REGISTRY) == digests.published()


def test_the_asyncapi_document_is_current() -> None:
    """Written with `python -m amazonlite.common.events.asyncapi`."""
    assert asyncapi.PATH.read_text("utf-8") == asyncapi.rendered(REGISTRY)


@pytest.mark.parametrize("type", TYPES)
def test_our_checks_and_jsonschema_give_the_same_verdicts(type: str) -> None:
    schema = newest(REGISTRY.revisions[type])
    Draft202012Validator.check_schema(schema)
    reference, check = Draft202012Validator(schema, format_checker=TIMES), compiled(schema)
    example = _example(schema, schema)
    assert reference.is_valid(example)
    for variant in (example, *_spoiled(example)):
        assert accepted(check, variant) == reference.is_valid(variant), variant


def test_a_violation_says_where() -> None:
    schema = newest(REGISTRY.revisions["order.created.v1"])
    data = _example(schema, schema)
    data["lines"][0]["quantity"] = 0
    with pytest.raises(SchemaViolation, match=r"order\.created\.v1: data\.lines\[0\]\.quantity must be .*1"):
        REGISTRY.validate(_event("order.created.v1", data))
    with pytest.raises(UnknownEventType):
        REGISTRY.validate(_event("order.vanished.v1", {}))


def test_a_violation_tells_no_values() -> None:
    schema = newest(REGISTRY.revisions["order.created.v1"])
    data = _example(schema, schema) | {"customerId": "ada@example.com" * 20}
    with pytest.raises(SchemaViolation) as told:
        REGISTRY.validate(_event("order.created.v1", data))
    assert "customerId" in str(told.value)
    assert "ada@" not in str(told.value)


def test_times_need_an_offset() -> None:
    check = compiled({"type": "string", "format": "date-time"})
    assert accepted(check, "2030-01-01T12:00:00Z")
    assert not accepted(check, "2030-01-01T12:00:00")
    assert not accepted(check, "2030-19-39T12:00:00Z")


@pytest.mark.parametrize("type", TYPES)
def test_only_keywords_are_used_that_are_compiled(type: str) -> None:
    """fastjsonschema knows drafts up to 7 and passes over what came after it."""
    known = Draft7Validator.VALIDATORS.keys() | {"$schema", "$id", "$defs", "title", "description"}
    for schema in REGISTRY.revisions[type].values():
        assert set(_keywords(schema)) <= known


def _keywords(schema: Any) -> Iterator[str]:
    yield from schema
    below = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]
    for each in [*below, *([schema["items"]] if "items" in schema else [])]:
        yield from _keywords(each)


def accepted(check: Callable[[Any], object], value: Any) -> bool:
    try:
        check(value)
    except JsonSchemaException:
        return False
    return True


def _event(type: str, data: dict[str, Any]) -> Event:
    return Event("evt_1", type, "/test", "ord_1", datetime(2030, 1, 1, tzinfo=UTC), data)


def _example(schema: Any, root: Any) -> Any:
    if "$ref" in schema:
        return _example(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    match schema["type"]:
        case "object":
            return {name: _example(each, root) for name, each in schema["properties"].items()}
        case "array":
            return [_example(schema["items"], root)]
        case "integer" | "number":
            return schema.get("minimum", 0) + 1
        case "boolean":
            return True
    return _text(schema)


def _text(schema: Any) -> str:
    if schema.get("format") == "date-time":
        return "2030-01-01T12:00:00Z"
    return "EUR" if "pattern" in schema else "text"


def _spoiled(value: Any) -> Iterator[Any]:
    """Copies of the value with one place wrong, left out or of another type, at every depth."""
    yield from (None, 1.5, True, "", "x" * 200, -1, 10**9, [], {})
    if isinstance(value, dict):
        yield {**value, "unknown": 1}
        for name in value:
            yield {key: each for key, each in value.items() if key != name}
            for inner in _spoiled(value[name]):
                yield {**copy.deepcopy(value), name: inner}
    if isinstance(value, list):
        yield value * 101
        for inner in _spoiled(value[0]):
            yield [inner]
