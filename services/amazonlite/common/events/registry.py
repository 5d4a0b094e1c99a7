"""The schemas of the shop's events, and whether an event keeps to its own.

Each revision of each type is `schemas/<type>/<n>.json`. Events are checked where they are written and where they are
taken, so the newest revision is compiled once: 10 µs an order.created by fastjsonschema, where jsonschema takes 115 µs.
A test holds both to the same verdicts.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

import fastjsonschema

from amazonlite.common.core.event import Event
from amazonlite.common.events.envelope import MalformedEvent

Schema = Mapping[str, Any]
Check = Callable[[Any], object]


class SchemaViolation(MalformedEvent):
    """The data is not what the event's type promises; the message says where."""


class UnknownEventType(MalformedEvent):
    """No schema is known for the type."""


class Registry:
    def __init__(self, revisions: Mapping[str, Mapping[int, Schema]]) -> None:
        self.revisions = revisions
        self._checks: dict[str, Check] = {type: compiled(newest(known)) for type, known in revisions.items()}

    @classmethod
    @cache
    def load(cls) -> Registry:
        return cls({folder.name: _revisions(folder) for folder in _folders()})

    def validate(self, event: Event) -> None:
        check = self._checks.get(event.type)
        if check is None:
            raise UnknownEventType(event.type)
        try:
            check(event.data)
        except fastjsonschema.JsonSchemaException as wrong:
            raise SchemaViolation(f"{event.type}: {wrong}") from None


def compiled(schema: Schema) -> Check:
    """Raises fastjsonschema.JsonSchemaException for what does not keep to the schema; the message has no values."""
    own = copy.deepcopy(dict(schema))  # it is rewritten while it is compiled
    formats = {"date-time": _is_time}
    return fastjsonschema.compile(own, formats=formats, use_default=False, detailed_exceptions=False)


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def newest(known: Mapping[int, Schema]) -> Schema:
    return known[max(known)]


def _folders() -> list[Any]:
    return sorted((entry for entry in files(__package__).joinpath("schemas").iterdir() if entry.is_dir()), key=str)


def _revisions(folder: Any) -> dict[int, Schema]:
    return {int(file.name.removesuffix(".json")): json.loads(file.read_text("utf-8")) for file in folder.iterdir()}
