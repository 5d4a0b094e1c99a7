from amazonlite.gateway.domain import RateLimit
from amazonlite.gateway.limits import Ask, LocalLimiter

FIVE_IN_TEN = RateLimit(5, 10)


class Now:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def ask(client: str = "usr_1", limit: RateLimit | None = FIVE_IN_TEN) -> Ask:
    return Ask("route", client, limit, "")


def test_the_quota_is_there_at_once_then_returns_evenly() -> None:
    now = Now()
    limiter = LocalLimiter(now)
    assert [limiter.take(ask()).remaining for _ in range(5)] == [4, 3, 2, 1, 0]
    refused = limiter.take(ask())
    assert (refused.allowed, refused.wait, refused.reset) == (False, 2, 10)
    now.seconds += 2
    assert limiter.take(ask()).allowed
    assert not limiter.take(ask()).allowed


def test_clients_do_not_share() -> None:
    limiter = LocalLimiter(Now())
    assert [limiter.take(ask(f"usr_{n}")).remaining for n in range(3)] == [4, 4, 4]


def test_no_limit_lets_through() -> None:
    assert LocalLimiter(Now()).take(ask(limit=None)).allowed


def test_memory_is_bounded_and_the_one_not_seen_longest_is_forgotten() -> None:
    limiter = LocalLimiter(Now(), clients=2)
    for client in ("a", "b", "a", "c"):
        limiter.take(ask(client))
    assert limiter.take(ask("a")).remaining == 2
    assert limiter.take(ask("b")).remaining == 4
