"""FULL_TRANSITIVE: every revision of an event's schema reads what any other wrote, because history is replayed.

Producers write only properties their revision declares, and consumers ignore those they do not know. So a revision may
add or drop an optional property; whatever two revisions share must mean the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

Schema = Mapping[str, Any]

_ANNOTATIONS = frozenset({"$schema", "$id", "title", "description", "examples", "$comment"})
_STRUCTURE = frozenset({"$defs", "$ref", "properties", "required", "items"})


def violations(older: Schema, newer: Schema) -> list[str]:
    """What keeps one of the two from reading what the other wrote."""
    return list(_differences(older, newer, older, newer, "data"))


def transitive_violations(revisions: Mapping[int, Schema]) -> list[str]:
    return [
        f"revisions {first} and {second}: {problem}"
        for first, second in combinations(sorted(revisions), 2)
        for problem in violations(revisions[first], revisions[second])
    ]


def _differences(older: Schema, newer: Schema, older_root: Schema, newer_root: Schema, where: str) -> Iterator[str]:
    older, newer = _resolved(older, older_root), _resolved(newer, newer_root)
    yield from _keyword_differences(older, newer, where)
    before, after = older.get("properties", {}), newer.get("properties", {})
    for name in sorted(set(older.get("required", ())) ^ set(newer.get("required", ()))):
        yield f"{where}.{name} is required by one and not by the other"
    for name in sorted(before.keys() & after.keys()):
        yield from _differences(before[name], after[name], older_root, newer_root, f"{where}.{name}")
    if "items" in older and "items" in newer:
        yield from _differences(older["items"], newer["items"], older_root, newer_root, f"{where}[]")


def _keyword_differences(older: Schema, newer: Schema, where: str) -> Iterator[str]:
    for keyword in sorted((older.keys() | newer.keys()) - _ANNOTATIONS - _STRUCTURE):
        if older.get(keyword) != newer.get(keyword):
            yield f"{where}: {keyword} was {older.get(keyword)!r} and is {newer.get(keyword)!r}"
    if ("items" in older) != ("items" in newer):
        yield f"{where}: items is declared by one and not by the other"
    for schema in (older, newer):
        if schema.get("additionalProperties") is False:
            yield f"{where}: additionalProperties false refuses what another revision adds"
            return


def _resolved(schema: Schema, root: Schema) -> Schema:
    if "$ref" in schema:
        resolved: Schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
        return resolved
    return schema
