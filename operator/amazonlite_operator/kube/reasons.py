"""A reason is a constant with one line of explanation; docs/operator.md lists them from here."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class ExplainedReason(StrEnum):
    """Members are written `NAME = "CamelCase", "explanation"`."""

    explanation: str

    def __new__(cls, value: str, explanation: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.explanation = explanation
        return member

    @classmethod
    def of(cls, value: str) -> Self:
        """The member a status holds by its value; a reason that only another version knows keeps its name."""
        return next((member for member in cls if member.value == value), None) or cls._of_another_version(value)

    @classmethod
    def _of_another_version(cls, value: str) -> Self:
        member = str.__new__(cls, value)
        member._name_ = member._value_ = value
        member.explanation = "Written by another version of the operator."
        return member
