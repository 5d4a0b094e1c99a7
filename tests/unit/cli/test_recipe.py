"""The tag of a recipe changes when what the image is made of does, only then, and before anything is made."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from amazonlite_cli.images import application, layers, stores
from amazonlite_cli.images.recipe import Base, Content, Recipe

pytestmark = pytest.mark.usefixtures("cache")

TEXT = "ARG BASE\nFROM ${BASE}\nCOPY lib/ /opt/lib/\nCOPY files/ /opt/\nUSER 7\n"


def never() -> Path:
    raise AssertionError("made although only its tag was asked for")


def never_layer() -> layers.Layer:
    raise AssertionError("made although only its tag was asked for")


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    path = tmp_path / "Dockerfile"
    path.write_text(TEXT)
    bases = (Base("low", never_layer), Base("high", never_layer))
    return Recipe("shop", path, bases, {"lib": Content("lib-1", never), "files": Content("files-1", never)})


def directory(path: Path, text: str) -> Callable[[], Path]:
    def prepare() -> Path:
        path.mkdir()  # fails when it is asked a second time
        (path / "file").write_text(text)
        return path

    return prepare


def names(layer: layers.Layer) -> list[str]:
    with tarfile.open(layer.path) as archive:
        return archive.getnames()


def test_the_tag_is_known_before_anything_is_made(recipe: Recipe, cache: Path) -> None:
    assert recipe.reference == f"localhost/amazonlite/shop:{recipe.tag}"
    assert not cache.exists()


def test_the_tag_stays_for_the_same_content_wherever_the_dockerfile_lies(recipe: Recipe, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    moved.write_text(TEXT)
    turned = dict(reversed(list(recipe.context.items())))
    assert replace(recipe, dockerfile=moved, context=turned).tag == recipe.tag


def test_the_tag_changes_with_each_thing_the_image_is_made_of(recipe: Recipe, tmp_path: Path) -> None:
    edited = tmp_path / "edited"
    edited.write_text(TEXT.replace("7", "8"))
    low, high = recipe.bases
    others = [
        replace(recipe, dockerfile=edited),
        replace(recipe, bases=(low,)),
        replace(recipe, bases=(high, low)),
        replace(recipe, bases=(low, Base("higher", never_layer))),
        replace(recipe, context={**recipe.context, "lib": Content("lib-2", never)}),
        replace(recipe, context={"lib": recipe.context["files"], "files": recipe.context["lib"]}),
    ]
    assert len({each.tag for each in [recipe, *others]}) == 1 + len(others)


def test_an_image_has_its_bases_below_what_is_copied_in_the_order_of_the_dockerfile(
    recipe: Recipe, tmp_path: Path
) -> None:
    base = layers.of_tree("base", directory(tmp_path / "base", "base")(), "/")
    context = {
        "files": Content("files-1", directory(tmp_path / "files", "files")),
        "lib": Content("lib-1", directory(tmp_path / "lib", "lib")),
    }
    made = replace(recipe, bases=(Base("base", lambda: base),), context=context).image()
    assert made.name.startswith("localhost/amazonlite/shop:")
    assert made.config["User"] == "7"
    assert [names(layer) for layer in made.layers] == [
        [".", "./file"],
        ["opt/lib", "opt/lib/file"],
        ["opt", "opt/file"],
    ]


def test_content_is_prepared_once_for_a_place_and_again_for_another(tmp_path: Path) -> None:
    content = Content("lib-1", directory(tmp_path / "lib", "text"))
    first = content.layer("/opt/")
    assert content.layer("/opt/") == first
    assert Content("lib-1", lambda: tmp_path / "lib").layer("/srv/").digest != first.digest


def test_content_that_changed_is_prepared_again(tmp_path: Path) -> None:
    old = Content("lib-1", directory(tmp_path / "old", "old")).layer("/opt/")
    new = Content("lib-2", directory(tmp_path / "new", "new")).layer("/opt/")
    assert old.digest != new.digest


def test_each_image_of_this_checkout_has_a_tag_of_its_own() -> None:
    recipes = [application.recipe(), *stores.recipes()]
    assert {recipe.name for recipe in recipes} == {"app", "mysql", "redis", "kafka", "mongodb"}
    assert len({recipe.tag for recipe in recipes}) == len(recipes)
    assert all(re.fullmatch("[0-9a-f]{16}", recipe.tag) for recipe in recipes)


def test_the_application_does_not_carry_what_runs_on_peoples_machines() -> None:
    context = application.recipe().context["source"]
    source = context.prepare()
    assert (source / "amazonlite" / "order" / "domain.py").exists()
    assert not (source / "amazonlite" / "cli").exists()
    assert not (source / "amazonlite" / "common" / "testing").exists()
