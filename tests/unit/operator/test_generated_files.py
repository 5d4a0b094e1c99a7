from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from amazonlite_operator.flash_sale.spec import FlashSaleSpec
from amazonlite_operator.generate import blocks, files
from amazonlite_operator.kind.kind import AnyKind
from amazonlite_operator.kind.reasons import CommonReason
from amazonlite_operator.kinds import KINDS
from amazonlite_operator.kube.patch import merge_patch
from amazonlite_operator.kube.reasons import ExplainedReason
from amazonlite_operator.kube.schema import format_duration, parse_duration

ROOT = Path(__file__).parents[3]
REASONS: list[type[ExplainedReason]] = [CommonReason, *(kind.decisions.reasons for kind in KINDS)]


@pytest.mark.parametrize("path", files(ROOT), ids=lambda path: str(path.relative_to(ROOT)))
def test_generated_files_are_what_the_kinds_say(path: Path) -> None:
    assert path.read_text() == files(ROOT)[path]


def test_every_block_stands_on_a_page() -> None:
    pages = "".join(
        (ROOT / page).read_text() for page in ("docs/operator.md", "charts/platform/templates/operator.yaml")
    )
    assert [name for name in blocks(KINDS) if f"generated:{name} " not in pages] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_sample_is_a_valid_spec(kind: AnyKind) -> None:
    sample = yaml.safe_load((ROOT / f"crds/samples/{kind.name.lower()}.yaml").read_text())
    assert kind.resource.spec.model_validate(sample["spec"])


def test_the_sample_sale_sells_what_the_demo_says() -> None:
    sample = yaml.safe_load((ROOT / "crds/samples/flashsale.yaml").read_text())
    assert FlashSaleSpec.model_validate(sample["spec"]).quantity == 100


@pytest.mark.parametrize("reasons", REASONS, ids=lambda reasons: reasons.__module__)
def test_every_reason_is_explained_and_used(reasons: type[ExplainedReason]) -> None:
    source = "\n".join(path.read_text() for path in (ROOT / "operator").rglob("*.py") if path.name != "reasons.py")
    assert [reason.name for reason in reasons if f"Reason.{reason.name}" not in source] == []
    assert all(reason.explanation.endswith(".") for reason in reasons)


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
