"""A Dockerfile is either understood as a real builder would understand it, or refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from amazonlite_cli.images.dockerfile import Copy, Dockerfile, UnsupportedInstruction, read
from amazonlite_cli.paths import REPO


def parsed(tmp_path: Path, text: str, **arguments: str) -> Dockerfile:
    path = tmp_path / "Dockerfile"
    path.write_text(text)
    return read(path, arguments)


def test_the_application_image_is_read_as_written() -> None:
    application = read(REPO / "tools" / "image" / "Dockerfile", {"BASE": "scratch"})
    assert application.base == "scratch"
    assert application.copies == [
        Copy("wheels/", "/opt/amazonlite/wheels/"),
        Copy("source/", "/opt/amazonlite/source/"),
    ]
    environment = dict(item.split("=", 1) for item in application.config.pop("Env"))
    assert environment["PYTHONPATH"] == "/opt/amazonlite/source:/opt/amazonlite/wheels"
    assert environment["PYTHONOPTIMIZE"] == "1"  # stands on a continued line
    assert application.config == {"Labels": {}, "User": "10001:10001", "WorkingDir": "/tmp"}  # noqa: S108


@pytest.mark.parametrize("path", sorted(REPO.glob("tools/**/Dockerfile")), ids=lambda path: path.parent.name)
def test_every_dockerfile_of_the_repository_is_understood_and_runs_as_no_root(path: Path) -> None:
    image = read(path, {"BASE": "scratch"})
    assert image.base == "scratch"
    assert image.config["User"] == "10001:10001"


def test_an_argument_given_wins_over_the_default(tmp_path: Path) -> None:
    text = "ARG BASE=debian\nFROM ${BASE}\n"
    assert parsed(tmp_path, text).base == "debian"
    assert parsed(tmp_path, text, BASE="scratch").base == "scratch"


def test_a_default_may_use_an_earlier_argument_and_quotes(tmp_path: Path) -> None:
    text = 'ARG SUITE=bookworm\nARG BASE="debian:${SUITE}"\nFROM ${BASE}\n'
    assert parsed(tmp_path, text).base == "debian:bookworm"


def test_a_quoted_value_keeps_its_spaces(tmp_path: Path) -> None:
    text = 'FROM a\nENV ONE=1 TWO="a b=c"\nLABEL title="the shop" url=http://shop/?a=b\n'
    config = parsed(tmp_path, text).config
    assert config["Env"] == ["ONE=1", "TWO=a b=c"]
    assert config["Labels"] == {"title": "the shop", "url": "http://shop/?a=b"}


def test_a_comment_between_continued_lines_is_left_out(tmp_path: Path) -> None:
    text = "FROM a\nENV ONE=1 \\\n# why there are two\n    TWO=2\n"
    assert parsed(tmp_path, text).config["Env"] == ["ONE=1", "TWO=2"]


def test_instructions_may_be_small_letters(tmp_path: Path) -> None:
    assert parsed(tmp_path, "from a\nuser 7\n").config["User"] == "7"


def test_command_and_ports_are_named_as_an_image_names_them(tmp_path: Path) -> None:
    config = parsed(tmp_path, 'FROM a\nENTRYPOINT ["run", "-v"]\nCMD ["a b"]\nEXPOSE 80\nEXPOSE 443\n').config
    assert config["Entrypoint"] == ["run", "-v"]
    assert config["Cmd"] == ["a b"]
    assert config["ExposedPorts"] == {"80/tcp": {}, "443/tcp": {}}


def test_variables_in_a_command_are_left_to_the_shell_that_runs_it(tmp_path: Path) -> None:
    text = 'ARG HOME=/root\nFROM a\nCMD ["sh", "-c", "ls ${HOME} $TMP"]\n'
    assert parsed(tmp_path, text).config["Cmd"] == ["sh", "-c", "ls ${HOME} $TMP"]


def test_two_dockerfiles_share_no_settings(tmp_path: Path) -> None:
    parsed(tmp_path, "FROM a\nENV ONE=1\nLABEL one=1\n")
    assert parsed(tmp_path, "FROM a\n").config == {"Env": [], "Labels": {}}


@pytest.mark.parametrize(
    "line",
    [
        "RUN apt-get install curl",
        "ADD source.tar /opt/",
        "HEALTHCHECK NONE",
        "COPY --chown=1:1 source/ /opt/",
        "COPY --from=build /out /opt/",
        "COPY one two /opt/",
        'COPY ["one", "/opt/"]',
        "COPY source/ opt/",
        "COPY source/ .",
        "COPY source/ /opt/../../etc/",
        "FROM other",
        "FROM other AS final",
        "ARG ONE=1 TWO=2",
        "ENV ONE 1",
        "ENV ONE=$BASE",
        "ENV ONE=${BASE:-debian}",
        "ENV ONE=${NOBODY_SET_IT}",
        "LABEL lonely",
        "ENTRYPOINT run.sh",
        'CMD {"run": 1}',
        "EXPOSE 53/udp",
        "EXPOSE 80 81",
    ],
)
def test_what_needs_a_real_builder_is_refused_with_the_line_to_blame(tmp_path: Path, line: str) -> None:
    with pytest.raises(UnsupportedInstruction) as refused:
        parsed(tmp_path, f"ARG BASE=debian\nFROM ${{BASE}}\n{line}\n")
    assert line in str(refused.value)
    assert str(tmp_path / "Dockerfile") in str(refused.value)


def test_a_stage_with_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedInstruction, match="FROM debian AS build"):
        parsed(tmp_path, "FROM debian AS build\n")
