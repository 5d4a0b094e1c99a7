"""Reads the few Dockerfile instructions that need no running container: FROM, COPY and the image's settings."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_VARIABLE = re.compile(r"\$\{(\w+)\}")


class UnsupportedInstruction(ValueError):
    """The Dockerfile needs a real builder; put the work into what is copied instead."""


@dataclass(frozen=True)
class Copy:
    """One COPY: a path below the build context, and where its content goes in the image."""

    source: str
    target: str


@dataclass
class Dockerfile:
    """What the file says, with build arguments filled in. `config` is the `config` member of an OCI image."""

    base: str = ""
    copies: list[Copy] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=lambda: {"Env": [], "Labels": {}})

    def setting(self, word: str, rest: str) -> None:
        """Applies one instruction that only changes the image's settings."""
        match word:
            case "ENV":
                self.config["Env"].extend(f"{name}={value}" for name, value in _pairs(rest).items())
            case "LABEL":
                self.config["Labels"].update(_pairs(rest))
            case "USER":
                self.config["User"] = rest
            case "WORKDIR":
                self.config["WorkingDir"] = rest
            case "ENTRYPOINT" | "CMD":
                self.config[word.capitalize()] = _words(rest)
            case "EXPOSE":
                self.config.setdefault("ExposedPorts", {})[f"{int(rest)}/tcp"] = {}
            case _:
                raise ValueError(word)


def _pairs(rest: str) -> dict[str, str]:
    return dict(item.split("=", 1) for item in shlex.split(rest))


def _words(rest: str) -> list[str]:
    found = json.loads(rest)
    if not isinstance(found, list):
        raise ValueError(rest)
    return found


def _copy(rest: str) -> Copy:
    """Both words, without options; what the target may be relative to is not known here."""
    source, target = rest.split()
    if not target.startswith("/") or ".." in target.split("/"):
        raise ValueError(target)
    return Copy(source, target)


def _instructions(text: str) -> list[tuple[str, str]]:
    lines = [line.strip() for line in text.splitlines()]
    joined = "\n".join(line for line in lines if line and line[0] != "#").replace("\\\n", " ")
    return [(word.upper(), rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines())]


def _filled(raw: str, values: Mapping[str, str]) -> str:
    if "$" in _VARIABLE.sub("", raw):
        raise ValueError(raw)
    return _VARIABLE.sub(lambda found: values[found[1]], raw)


def _apply(parsed: Dockerfile, values: dict[str, str], word: str, raw: str) -> None:
    # the variables of a command are for the shell that runs it
    rest = raw if word in ("ENTRYPOINT", "CMD") else _filled(raw, values)
    if word == "ARG":
        (argument,) = shlex.split(rest)
        name, _, default = argument.partition("=")
        values.setdefault(name, default)
    elif word == "FROM":
        if parsed.base or " " in rest:
            raise ValueError("one stage only")
        parsed.base = rest
    elif word == "COPY":
        parsed.copies.append(_copy(rest))
    else:
        parsed.setting(word, rest)


def read(path: Path, arguments: Mapping[str, str]) -> Dockerfile:
    """The Dockerfile at `path`; `arguments` win over the defaults of its ARGs.

    Raises:
        UnsupportedInstruction: names the first line that only a real builder would get right.
    """
    parsed, values = Dockerfile(), dict(arguments)
    for word, raw in _instructions(path.read_text()):
        try:
            _apply(parsed, values, word, raw)
        except (ValueError, KeyError) as error:
            advice = "needs a real builder; put the work into what is copied instead"
            raise UnsupportedInstruction(f"{path}: `{word} {raw}` {advice}") from error
    return parsed
