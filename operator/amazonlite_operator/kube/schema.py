"""Field types every kind shares: what people write in YAML, what the API server checks, what the code computes with."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel

from amazonlite.common.core.clock import iso

_DURATION = r"^([0-9]{1,6}(h|m|s|ms))+$"
_PART = re.compile(r"([0-9]+)(ms|h|m|s)")
_UNITS = {
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}


def parse_duration(text: Any) -> timedelta:
    """`90s`, `5m`, `1h30m`, `250ms`: what Go and CEL read as a duration."""
    if isinstance(text, timedelta):
        return text
    if not isinstance(text, str) or not re.fullmatch(_DURATION, text):
        raise ValueError(f"{text!r} is not a duration such as 90s, 5m or 1h30m")
    return sum((int(count) * _UNITS[unit] for count, unit in _PART.findall(text)), timedelta())


def format_duration(value: timedelta) -> str:
    """The shortest single-unit spelling that loses nothing; milliseconds are the finest."""
    milliseconds = round(value / timedelta(milliseconds=1))
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1_000)):
        if milliseconds % size == 0 and milliseconds:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms" if milliseconds else "0s"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration),
    WithJsonSchema({"type": "string", "pattern": _DURATION, "maxLength": 16}),
]

Instant = Annotated[
    datetime,
    PlainSerializer(lambda moment: iso(moment.astimezone(UTC).replace(microsecond=0))),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


Count = Annotated[int, Field(ge=0)]


class Fields(BaseModel):
    """An object of a manifest: camelCase outside, unknown fields ignored (the API server has pruned them already)."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


SpecInstant = Annotated[AwareDatetime, PlainSerializer(iso), WithJsonSchema({"type": "string", "format": "date-time"})]


def rules(*pairs: tuple[str, str]) -> dict[str, Any]:
    """CEL the API server evaluates: (rule, what to tell the person)."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in pairs]}


def between(field: str, least: str, most: str) -> tuple[str, str]:
    return (
        f"duration(self.{field}) >= duration('{least}') && duration(self.{field}) <= duration('{most}')",
        f"{field} must be between {least} and {most}",
    )


def lasting(default: str, description: str, **options: Any) -> Any:
    """A duration with a default, which the schema spells as people do."""
    return Field(
        default=parse_duration(default), description=description, json_schema_extra={"default": default}, **options
    )


M = TypeVar("M", bound=Fields)


def read_what_fits(model: type[M], stored: Mapping[str, Any]) -> tuple[M, dict[str, str]]:
    """What another version has stored: fields that do not validate are left out, and named with what is wrong.

    For models whose fields all have defaults.
    """
    try:
        return model.model_validate(stored), {}
    except ValidationError as error:
        wrong = {str(fault["loc"][0]): _fault(fault) for fault in error.errors()}
    return model.model_validate({name: value for name, value in stored.items() if name not in wrong}), wrong


def explain(error: ValidationError) -> str:
    """Which fields, and what is wrong with each."""
    return "; ".join(_fault(fault) for fault in error.errors())


def _fault(fault: Any) -> str:
    return f"{'.'.join(str(step) for step in fault['loc'])}: {fault['msg']}"


class Condition(Fields):
    """A metav1.Condition."""

    type: str = Field(max_length=64, description="What is judged.")
    status: Annotated[str, Field(json_schema_extra={"enum": ["True", "False", "Unknown"]})] = Field(
        description="Whether it holds."
    )
    reason: str = Field(max_length=64, description="A constant, explained in docs/operator.md.")
    message: str = Field(max_length=1024, description="For people.")
    last_transition_time: Instant = Field(description="When the status last changed.")
    observed_generation: int = Field(ge=0, description="The generation of the spec this was judged by.")
