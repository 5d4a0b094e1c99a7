from __future__ import annotations

from datetime import UTC, datetime, timedelta

from amazonlite_operator.flash_sale.slo import CLAIMS, measure
from amazonlite_operator.flash_sale.spec import Objective
from amazonlite_operator.flash_sale.status import Slo, Verdict
from amazonlite_operator.shop.counters import Counters, Samples

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
OBJECTIVE = Objective.model_validate({"p95": "500ms", "successRate": 0.95, "window": "20s", "minSamples": 10})
METRICS = """# HELP flash_sale_claim_seconds Time
flash_sale_claim_seconds_bucket{le="0.1",sale="fs_1"} 8.0
flash_sale_claim_seconds_bucket{sale="fs_1",le="+Inf"} 1e+01
flash_sale_claim_seconds_bucket{sale="fs_2",le="+Inf"} 99
flash_sale_claims_total{sale="fs_1",outcome="claimed"} 7.0
flash_sale_claims_total{outcome="sold_out",sale="fs_1"} 3.0
flash_sale_claims_created{sale="fs_1",outcome="claimed"} 1.7e+09
http_requests_total{route="/"} 5
"""


def counters(claimed: float, errors: float = 0, slow: float = 0) -> Counters:
    total = claimed + errors
    return {
        ("flash_sale_claims_total", "claimed"): claimed,
        ("flash_sale_claims_total", "store_unavailable"): errors,
        ("flash_sale_claim_seconds_bucket", "0.1"): total - slow,
        ("flash_sale_claim_seconds_bucket", "1.0"): total,
        ("flash_sale_claim_seconds_bucket", "+Inf"): total,
    }


class Sampled(Samples):
    def measure(self, objective: Objective, since: datetime) -> Slo:
        return measure(objective, self.increase(since))


def sampler(*scrapes: dict[str, Counters]) -> Sampled:
    made = Sampled()
    for second, pods in enumerate(scrapes):
        made.add(NOON + timedelta(seconds=second), pods, keep=timedelta(seconds=30))
    return made


def test_only_the_sales_own_claim_series_are_read() -> None:
    assert CLAIMS.parse(METRICS, "fs_1") == {
        ("flash_sale_claim_seconds_bucket", "0.1"): 8.0,
        ("flash_sale_claim_seconds_bucket", "+Inf"): 10.0,
        ("flash_sale_claims_total", "claimed"): 7.0,
        ("flash_sale_claims_total", "sold_out"): 3.0,
    }


def test_few_claims_give_no_verdict() -> None:
    slo = sampler({"a": counters(0)}, {"a": counters(9)}).measure(OBJECTIVE, NOON)
    assert (slo.verdict, slo.samples, slo.p95_ms) == (Verdict.INSUFFICIENT, 9, None)


def test_what_was_there_before_the_first_scrape_does_not_count() -> None:
    slo = sampler({"a": counters(1000, errors=1000)}, {"a": counters(1020, errors=1000)}).measure(OBJECTIVE, NOON)
    assert (slo.verdict, slo.samples, slo.success_rate) == (Verdict.PASS, 20, 1.0)


def test_pods_are_added_up_and_a_restarted_one_begins_at_zero() -> None:
    first = {"a": counters(100), "b": counters(50)}
    second = {"a": counters(110), "b": counters(5), "c": counters(5)}
    third = {"a": counters(110), "b": counters(5), "c": counters(7)}
    assert sampler(first, second, third).measure(OBJECTIVE, NOON).samples == 10 + 5 + 2


def test_faults_miss_the_success_rate() -> None:
    slo = sampler({"a": counters(0)}, {"a": counters(90, errors=10)}).measure(OBJECTIVE, NOON)
    assert (slo.verdict, slo.success_rate) == (Verdict.FAIL, 0.9)


def test_slow_claims_miss_the_p95() -> None:
    slo = sampler({"a": counters(0)}, {"a": counters(100, slow=20)}).measure(OBJECTIVE, NOON)
    assert slo.verdict is Verdict.FAIL
    assert slo.p95_ms == 775


def test_what_was_before_a_change_says_nothing_about_it() -> None:
    made = sampler({"a": counters(0)}, {"a": counters(0, errors=50)}, {"a": counters(50, errors=50)})
    assert made.measure(OBJECTIVE, NOON).verdict is Verdict.FAIL
    assert made.measure(OBJECTIVE, NOON + timedelta(seconds=1)).verdict is Verdict.PASS


def test_a_pod_that_misses_a_scrape_adds_only_what_is_new_when_it_is_back() -> None:
    history = {"a": counters(0), "b": counters(1000, errors=900)}
    slo = sampler(history, {"a": counters(10)}, {"a": counters(20), "b": counters(1015, errors=900)})
    assert slo.measure(OBJECTIVE, NOON) == sampler(
        history, {"a": counters(20), "b": counters(1015, errors=900)}
    ).measure(OBJECTIVE, NOON)
    assert (slo.measure(OBJECTIVE, NOON).samples, slo.measure(OBJECTIVE, NOON).verdict) == (35, Verdict.PASS)


def test_a_pod_that_is_seen_first_in_the_middle_brings_no_history() -> None:
    slo = sampler({"a": counters(0)}, {"a": counters(20), "late": counters(10, errors=500)})
    assert slo.measure(OBJECTIVE, NOON).verdict is Verdict.PASS


def test_a_gap_that_began_before_a_change_says_nothing_about_what_came_after_it() -> None:
    made = sampler({"a": counters(0)}, {}, {"a": counters(50, errors=50)}, {"a": counters(70, errors=50)})
    slo = made.measure(OBJECTIVE, NOON + timedelta(seconds=1))
    assert (slo.samples, slo.verdict) == (20, Verdict.PASS)


def test_a_restart_is_one_of_all_series_of_a_pod() -> None:
    before, after = counters(100, errors=1, slow=90), counters(20, errors=2, slow=0)
    slo = sampler({"a": before}, {"a": after}).measure(OBJECTIVE, NOON)
    assert (slo.samples, slo.success_rate) == (22, round(20 / 22, 5))
    assert slo.p95_ms is not None and slo.p95_ms <= 100


def test_a_restart_within_a_missed_scrape_is_seen_too() -> None:
    made = sampler({"a": counters(100, errors=50)}, {}, {"a": counters(15)})
    assert (made.measure(OBJECTIVE, NOON).samples, made.measure(OBJECTIVE, NOON).success_rate) == (15, 1.0)
