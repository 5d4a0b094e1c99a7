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
                self.config["Env"].extend(shlex.split(rest))
            case "LABEL":
                self.config["Labels"].update(item.split("=", 1) for item in shlex.split(rest))
            case "USER":
                self.config["User"] = rest
            case "WORKDIR":
                self.config["WorkingDir"] = rest
            case "ENTRYPOINT" | "CMD":
                self.config[word.capitalize()] = json.loads(rest)
            case "EXPOSE":
                self.config.setdefault("ExposedPorts", {})[f"{rest}/tcp"] = {}
            case _:
                raise UnsupportedInstruction(word)


def _instructions(text: str) -> list[tuple[str, str]]:
    joined = text.replace("\\\n", " ")
    lines = [line.strip() for line in joined.splitlines()]
    return [
        (word.upper(), rest.strip())
        for word, _, rest in (line.partition(" ") for line in lines if line and line[0] != "#")
    ]


def read(path: Path, arguments: Mapping[str, str]) -> Dockerfile:
    """The Dockerfile at `path`; `arguments` win over the defaults of its ARGs."""
    parsed, values = Dockerfile(), dict(arguments)
    for word, raw in _instructions(path.read_text()):
        rest = _VARIABLE.sub(lambda found: values[found[1]], raw)
        if word == "ARG":
            name, _, default = rest.partition("=")
            values.setdefault(name, default)
        elif word == "FROM":
            parsed.base = rest
        elif word == "COPY":
            source, target = rest.split()
            parsed.copies.append(Copy(source, target))
        else:
            parsed.setting(word, rest)
    return parsed
