"""An ordinary day's shopping mix: most visitors browse, a few buy; only an answer that a good shop never gives fails.

    locust -f tests/load/locustfile.py [--host http://127.0.0.1:8080] [--category NAME]

Every shopper is a customer ``syn_load-mix-NNNNN``. The gateway counts requests by the customer in the token, at least
20 a second of each service, which nobody here comes near. Tokens are fetched once and good for an hour, a longer run
is refused then.
"""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from locust import FastHttpUser, between, events, task
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.exception import RescheduleTask

from amazonlite_cli.cluster.base import SHOP_URL

Body = dict[str, Any]

# What a good shop may answer instead of serving; with Retry-After the same request is sent again after that time.
REFUSALS = {(409, "insufficient_stock"), (409, "order_not_ready"), (429, "rate_limited")}
ATTEMPTS = 10
SORTS = {"sku": 6, "price": 1, "-price": 1, "name": 1, "rating": 1}  # most leave the order as it comes
STARTS_A_NEW_SEARCH = 0.3
LOOKS_BEFORE_LEAVING = 5
BOUGHT = frozenset({"CONFIRMED", "COMPLETED"})
PATIENCE_SECONDS, POLL_SECONDS = 30.0, 0.5
FETCH_TOKENS = """
import asyncio, json, sys
from amazonlite_cli.load import load_client
from amazonlite_cli.reach import reached
from amazonlite_cli.shoppers.tokens import shopper_tokens
async def fetch(customers):
    async with reached("auth") as auth:
        return await shopper_tokens(auth, load_client(), customers, reason="load test: shopping mix")
print(json.dumps(asyncio.run(fetch(sys.argv[1:]))))
"""


class NotServed(RuntimeError):
    """The shop kept a shopper waiting for longer than it may; locust's exit status tells."""


class Shopper(FastHttpUser):
    """One customer. A visit that is refused, or finds nothing to buy, ends early and is no failure."""

    host = SHOP_URL
    wait_time = between(1, 3)
    network_timeout = 15.0
    tokens: Iterator[str] = iter(())
    within: Mapping[str, str] = {}  # the part of the catalogue that shoppers keep to

    def on_start(self) -> None:
        self.token = next(self.tokens)
        self.search: dict[str, str] = {}
        self.cursor = ""
        self.seen: list[Body] = []

    @task
    def visit(self) -> None:
        """Whatever the next card of the deck says."""
        next(DECK)(self)

    def browse(self) -> None:
        """The next page of what the shopper is reading, or the first one of something else."""
        if not self.cursor or random.random() < STARTS_A_NEW_SEARCH:
            self.search, self.cursor = {**search_like(self.seen), **self.within}, ""
        query = urlencode(self.search | ({"cursor": self.cursor} if self.cursor else {}))
        page = self.ask("GET", f"/api/products?{query}", name="/api/products")
        self.cursor = page["nextCursor"] or ""
        self.seen = page["items"] or self.seen
        if not self.seen:
            raise NotServed("The catalogue is empty: `uv run amazonlite seed` loads one.")

    def look(self) -> None:
        """One product of the page just read."""
        if not self.seen:
            self.browse()
        self.look_at(random.choice(self.seen)["sku"])

    def look_at_sales(self) -> None:
        """The flash sales, and one of them if there is any."""
        sales = self.ask("GET", "/api/flash-sales")["items"]
        if sales:
            self.ask("GET", f"/api/flash-sales/{random.choice(sales)['id']}", name="/api/flash-sales/{id}")

    def buy(self) -> None:
        """An order, its payment, and the shop's word that both are final."""
        order = self.order()
        intent = self.ask("POST", "/api/payments/intents", key=f"{order}-intent", body={"orderId": order})
        self.ask(
            "POST",
            f"/api/payments/intents/{intent['paymentId']}/confirm",
            name="/api/payments/intents/{id}/confirm",
            key=f"{order}-confirm",
            body={"method": "pm_ok"},
        )
        self.look_until(order, BOUGHT)

    def change_mind(self) -> None:
        """An order that is cancelled before it is paid."""
        order = self.order()
        self.ask("POST", f"/api/orders/{order}/cancel", name="/api/orders/{id}/cancel")

    def order(self) -> str:
        """The id of a new order whose units are reserved; an order rejected for want of stock ends the visit."""
        units = random.randint(1, 2)
        line = {"sku": self.in_stock(units), "quantity": units}
        order = str(self.ask("POST", "/api/orders", key=uuid.uuid4().hex, body={"lines": [line]})["orderId"])
        if self.look_until(order, {"RESERVED", "REJECTED"}) == "REJECTED":
            raise RescheduleTask
        return order

    def in_stock(self, units: int) -> str:
        """The SKU of a product just seen of which there is enough; without any the visit ends."""
        if not self.seen:
            self.browse()
        for product in random.sample(self.seen, min(LOOKS_BEFORE_LEAVING, len(self.seen))):
            sku = self.look_at(product["sku"])
            if self.ask("GET", f"/api/inventory/{sku}", name="/api/inventory/{sku}")["available"] >= units:
                return sku
        raise RescheduleTask

    def look_at(self, sku: str) -> str:
        return str(self.ask("GET", f"/api/products/{sku}", name="/api/products/{sku}")["sku"])

    def look_until(self, order: str, states: set[str] | frozenset[str]) -> str:
        """The order's state once it is one of ``states``.

        Raises:
            NotServed: it is not after PATIENCE_SECONDS.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            state = str(self.ask("GET", f"/api/orders/{order}", name="/api/orders/{id}")["state"])
            if state in states:
                return state
            time.sleep(POLL_SECONDS)  # not self.wait(): a run that ends must not cut an order off halfway
        raise NotServed(f"An order was {state} after {PATIENCE_SECONDS:g} s instead of {' or '.join(sorted(states))}.")

    def ask(self, method: str, path: str, *, name: str = "", key: str = "", body: object = None) -> Body:
        """The body of a 2xx answer; with anything else the visit ends, and has failed unless it is one of REFUSALS.

        Raises:
            NotServed: the shop said "later" ATTEMPTS times, and each time the shopper came when told.
        """
        for _ in range(ATTEMPTS):
            served, answer, retry_after = self._once(method, path, name or path, key, body)
            if served:
                return answer
            if not retry_after:
                raise RescheduleTask
            time.sleep(retry_after)
        raise NotServed(f"{method} {name or path} was put off {ATTEMPTS} times.")

    def _once(self, method: str, path: str, name: str, key: str, body: object) -> tuple[bool, Body, float]:
        """Whether it was served, the body, and how many seconds later to come again (0: not at all)."""
        headers = {"X-API-Version": "1", "Authorization": f"Bearer {self.token}"}
        headers |= {"Idempotency-Key": key} if key else {}
        with self.client.request(method, path, name=name, headers=headers, json=body, catch_response=True) as response:
            status, answer = int(response.status_code), body_of(response.text)
            if 200 <= status < 300:
                return True, answer, 0.0
            if (status, answer.get("code")) not in REFUSALS:
                response.failure(f"{status} {answer.get('code', response.error)}")
                return False, answer, 0.0
            response.success()
            return False, answer, float(response.headers.get("Retry-After", 0))


def body_of(text: str | None) -> Body:
    """Empty for what is no JSON object."""
    try:
        body = json.loads(text or "{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def search_like(seen: list[Body]) -> dict[str, str]:
    """Everything, or what has something in common with a product seen; in any of the catalogue's orders."""
    search = {"sort": random.choices([*SORTS], [*SORTS.values()])[0]}
    if not seen:
        return search
    product = random.choice(seen)
    category, price = product["category"], product["price"]["amount"]
    likings = [{}, {"brand": product["brand"]}, {"minPrice": str(price // 2), "maxPrice": str(price * 2)}]
    likings += [{"category": random.choice(category)}] if category else []
    return search | random.choice(likings)


def shuffled(cards: Mapping[Callable[[Shopper], None], int]) -> Iterator[Callable[[Shopper], None]]:
    """The cards over and over, shuffled anew each time: also a short run sees every kind of visit in its share."""
    deck = [card for card, times in cards.items() for _ in range(times)]
    while True:
        random.shuffle(deck)
        yield from deck


DECK = shuffled(
    {
        Shopper.browse: 11,
        Shopper.look: 8,
        Shopper.look_at_sales: 3,
        Shopper.buy: 2,
        Shopper.change_mind: 1,
    }
)


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def add_options(parser: LocustArgumentParser, **_: object) -> None:
    parser.add_argument("--category", default="", help="shoppers see and buy products of this category only")


@events.init.add_listener  # type: ignore[untyped-decorator]
def prepare(environment: Environment, **_: object) -> None:
    """Tokens for as many customers as shoppers were asked for; should more come, they share."""
    count = (environment.parsed_options and environment.parsed_options.num_users) or 1
    category = environment.parsed_options and environment.parsed_options.category
    Shopper.within = {"category": category} if category else {}
    customers = [f"syn_load-mix-{number:05d}" for number in range(1, count + 1)]
    # A process of its own, because importing locust has replaced the sockets that asyncio relies on.
    command = [sys.executable, "-c", FETCH_TOKENS, *customers]
    signed = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    Shopper.tokens = itertools.cycle(signed.values())
    # Whoever has begun to buy when the time is up finishes, so that no unpaid order is left behind.
    environment.stop_timeout = environment.stop_timeout or 2 * PATIENCE_SECONDS
