from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from amazonlite_operator.crdgen import KINDS, rendered
from amazonlite_operator.docgen import BLOCKS, regenerated
from amazonlite_operator.flash_sale.reasons import Reason
from amazonlite_operator.flash_sale.spec import FlashSaleSpec
from amazonlite_operator.kube.crd import Kind
from amazonlite_operator.kube.patch import merge_patch
from amazonlite_operator.kube.schema import format_duration, parse_duration

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_the_crd_is_what_its_classes_say(kind: Kind) -> None:
    assert (ROOT / "crds" / f"{kind.kind.lower()}.yaml").read_text() == rendered(kind)


def test_the_sample_is_a_valid_spec() -> None:
    sample = yaml.safe_load((ROOT / "crds/samples/flashsale.yaml").read_text())
    assert FlashSaleSpec.model_validate(sample["spec"]).quantity == 100


def test_the_page_draws_the_tables_that_are() -> None:
    page = (ROOT / "docs/operator.md").read_text()
    assert page == regenerated(page)
    assert all(f"<!-- generated:{name} -->" in page for name in BLOCKS)


def test_every_reason_is_explained_and_used() -> None:
    source = "\n".join(path.read_text() for path in (ROOT / "operator").rglob("*.py") if path.name != "reasons.py")
    assert [reason.name for reason in Reason if f"Reason.{reason.name}" not in source] == []
    assert all(reason.explanation.endswith(".") for reason in Reason)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("5m", 300), ("1h30m", 5400), ("250ms", 0.25), ("0s", 0)])
def test_durations_are_read_as_go_reads_them(text: str, seconds: float) -> None:
    assert parse_duration(text).total_seconds() == seconds
    assert parse_duration(format_duration(parse_duration(text))) == parse_duration(text)


@pytest.mark.parametrize("text", ["", "5", "m5", "-5s", "5 m", "1d"])
def test_what_go_refuses_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


def test_a_merge_patch_holds_only_what_differs_and_null_for_what_is_gone() -> None:
    old = {"a": 1, "b": {"c": 1, "d": 2}, "e": [1]}
    assert merge_patch(old, {"a": 1, "b": {"c": 1, "x": 3}, "e": [2]}) == {"b": {"d": None, "x": 3}, "e": [2]}
    assert merge_patch(old, old) == {}
