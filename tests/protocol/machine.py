"""What may happen to orders of a small sale, in any order, while every call and every event may fail: the rules.

After each step nothing of ``facts.Memory.check`` may be broken. In the end everything is delivered and all time is
over; then every order that was told paid is sold and paid once, and every other one holds neither units nor money.
An order may end unsold after it was told paid only if its customer cancelled, or if the provider refused the capture.
"""

from __future__ import annotations

import json
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from amazonlite.common.core.errors import DomainError, Unavailable
from amazonlite.common.core.event import Event
from amazonlite.common.core.ids import new_id
from amazonlite.common.core.operator_step import OperatorStep
from amazonlite.common.core.viewer import Viewer
from amazonlite.common.http.once import Once
from amazonlite.inventory import consumers as inventory_consumers
from amazonlite.inventory.flash_sale import remove
from amazonlite.inventory.flash_sale.commit_claims import CLAIMED, commit_claims
from amazonlite.inventory.flash_sale.decide import Claim
from amazonlite.inventory.flash_sale.domain import Sale
from amazonlite.inventory.flash_sale.read import audit_sale
from amazonlite.inventory.reservations import expire
from amazonlite.payment import api as payment_api
from amazonlite.payment import consumers as payment_consumers
from amazonlite.payment.catch_up import BEGINNING, catch_up
from amazonlite.payment.confirm import confirm_payment
from amazonlite.payment.domain import Method
from amazonlite.payment.follow_up import follow_up_due
from amazonlite.payment.read import sum_sale
from amazonlite.payment.schemas import CreateIntent
from amazonlite.payment.signature import sign
from amazonlite.payment.simulated.answer import LateAnswers
from amazonlite.payment.webhook import take_webhook
from protocol.facts import Fact, Memory, never
from protocol.mail import Consumer, Letter, Mail, StoredConsumer
from protocol.network import Fate, Plan
from protocol.shop import Shop

T = TypeVar("T")
MOST_ROUNDS = 20
CUSTOMERS = tuple(f"usr_{letter}" for letter in "abcd")

# Most steps go well, or hardly any sequence would get as far as a payment.
FATES = st.sampled_from([Fate.ARRIVES] * 12 + list(Fate))
DEATHS = st.sampled_from([None] * 12 + [0, 1, 2])
METHODS = st.sampled_from([Method.OK] * 5 + list(Method))
KEYS = st.sampled_from([None, None, "first", "second"])
CLOCKS = st.sampled_from(["inventory", "inventory", "all", "payment", "order"])
ANY = st.integers(0, 15)
"""Which of those that there are, modulo their number."""


def nth(of: list[T], number: int) -> T:
    return of[number % len(of)]


def has_orders(machine: PaymentAndInventory) -> bool:
    return bool(machine.facts)


class PaymentAndInventory(RuleBasedStateMachine):
    """The real payment and inventory; orders are in memory, by their own table."""

    def __init__(self, shop: Shop) -> None:
        super().__init__()
        self.shop = shop
        self.network = shop.network
        self.memory = shop.memory = Memory()
        self.facts: Mapping[str, Fact] = {}
        self.webhooks: list[bytes] = []
        self.mail = Mail([*self._stored_consumers(), self._orders()])
        self.sale: Sale | None = None
        self.removing = False
        self._swept = False
        self._sound = True
        self._changed = True

    def _stored_consumers(self) -> list[Consumer]:
        shop = self.shop
        return [
            StoredConsumer("inventory", shop.inventory.transactions, inventory_consumers.handlers(shop.deps)),
            StoredConsumer("payment", shop.payment.transactions, payment_consumers.HANDLERS),
        ]

    # What a customer does

    @initialize(claims=st.integers(1, 2), method=st.one_of(METHODS, st.none()), fate=FATES)
    def open_the_sale(self, claims: int, method: Method | None, fate: Fate) -> None:
        self.sale = self.shop.wait(self.shop.new_sale())
        for number in range(claims):
            self.claim(number, 1, None)
        if method is not None:
            self._read()
            self.pay(0, method, None, fate, None)

    @rule(customer=ANY, method=METHODS, fate=FATES, dies_after=DEATHS)
    def buy(self, customer: int, method: Method, fate: Fate, dies_after: int | None) -> None:
        """From the claim to the payment without a pause."""
        before = len(self.facts)
        self.claim(customer, 1, None)
        self._read()
        if len(self.facts) > before:
            self.pay(before, method, None, fate, dies_after)

    @rule(customer=ANY, quantity=st.integers(1, 2), dies_after=DEATHS)
    def claim(self, customer: int, quantity: int, dies_after: int | None) -> None:
        claim = Claim(self.sale_id, nth(list(CUSTOMERS), customer), new_id("key"), quantity)
        self._run("claim", commit_claims(self.shop.deps, self.sale_id, [claim]), Plan(dies_after=dies_after))

    @precondition(has_orders)
    @rule(order=ANY, fate=FATES, dies_after=DEATHS)
    def open_intent(self, order: int, fate: Fate, dies_after: int | None) -> None:
        fact = self._order(order)
        once = Once("POST", "/api/payments/intents", new_id("key"))
        body = CreateIntent(order_id=fact.order_id)
        work = payment_api.create(self.shop.payment_deps, Viewer(fact.customer_id), body, once)
        self._run("open an intent", work, Plan(fate, dies_after), DomainError)

    @precondition(has_orders)
    @rule(order=ANY, method=METHODS, key=KEYS, fate=FATES, dies_after=DEATHS)
    def pay(self, order: int, method: Method, key: str | None, fate: Fate, dies_after: int | None) -> None:
        """With a key that was used before, it is the same command again: nothing new is tried."""
        if not self._order(order).payment_id:
            self.open_intent(order, Fate.ARRIVES, None)
            self._read()
        fact = self._order(order)
        work = confirm_payment(
            self.shop.payment_deps, Viewer(fact.customer_id), fact.payment_id, method, key=key or new_id("key")
        )
        told = self._run("confirm a payment", work, Plan(fate, dies_after), DomainError)
        refused = told is not None and (told.method, told.retriable) == (Method.OK, True)
        never(refused, "a good card was declined", fact)

    @precondition(has_orders)
    @rule(order=ANY, dies_after=DEATHS)
    def cancel(self, order: int, dies_after: int | None) -> None:
        self._changed = True
        self._cancel(self._order(order), Plan(dies_after=dies_after))

    # What the services do by themselves

    @precondition(has_orders)
    @rule(order=ANY, clock=CLOCKS)
    def time_is_up(self, order: int, clock: str) -> None:
        self._changed = True
        self._time_is_up([self._order(order).order_id], clock)

    @precondition(has_orders)
    @rule(order=ANY, clock=CLOCKS, fate=FATES, dies_after=DEATHS)
    def sweep(self, order: int, clock: str, fate: Fate, dies_after: int | None) -> None:
        """Once the order's time is over, by the clock of one service or of all."""
        self._time_is_up([self._order(order).order_id], clock)
        ended = self._run("sweep", expire.expire_overdue(self.shop.deps), Plan(fate, dies_after), Unavailable)
        self._swept = ended is not None and dies_after is None

    @precondition(lambda self: self.memory.told_paid or len(self.facts) > 1)
    @rule(fate=FATES, dies_after=DEATHS)
    def remove_the_sale(self, fate: Fate, dies_after: int | None) -> None:
        self.removing = True
        self._run("remove the sale", self._removed(), Plan(fate, dies_after), Unavailable)

    @precondition(lambda self: any(fact.payment_id for fact in self.facts.values()))
    @rule(fate=FATES, dies_after=DEATHS, leases_are_over=st.booleans())
    def follow_up(self, fate: Fate, dies_after: int | None, leases_are_over: bool) -> None:
        if leases_are_over:
            self.shop.wait(self._end_leases())
        self._run("follow up", follow_up_due(self.shop.payment_deps, batch=1), Plan(fate, dies_after), Unavailable)

    @precondition(lambda self: any(fact.payment_id for fact in self.facts.values()))
    @rule(fate=FATES, dies_after=DEATHS)
    def ask_about_orders(self, fate: Fate, dies_after: int | None) -> None:
        self.shop.wait(self._let_time_pass())
        self._run("ask about orders", self._caught_up(), Plan(fate, dies_after), Unavailable)

    # What the network does

    @precondition(lambda self: self.mail.letters)
    @rule(letter=ANY, most=st.integers(1, 3), again=st.booleans(), dies_after=DEATHS)
    def deliver(self, letter: int, most: int, again: bool, dies_after: int | None) -> None:
        """``again``: the consumer's offset was not committed, so that the events come once more."""
        letters = self.mail.group(nth(self.mail.letters, letter), most)
        if self._run("deliver", _taken(letters), Plan(dies_after=dies_after)) and not again:
            self.mail.remove(letters)

    @precondition(lambda self: any(letter.droppable for letter in self.mail.letters))
    @rule(letter=ANY)
    def drop(self, letter: int) -> None:
        self.mail.remove([nth([letter for letter in self.mail.letters if letter.droppable], letter)])

    @precondition(lambda self: self.network.suspended)
    @rule(operation=ANY, fate=FATES)
    def resume(self, operation: int, fate: Fate) -> None:
        self._begin()
        self.network.resume(nth(self.network.suspended, operation), fate)
        self._collect()

    @precondition(lambda self: self.network.given_up)
    @rule(request=ANY)
    def arrive_late(self, request: int) -> None:
        self._begin()
        with suppress(DomainError):  # an answer that nobody hears
            self.network.arrive(nth(self.network.given_up, request))
        self._collect()

    @precondition(lambda self: any("PENDING" in fact.charges.values() for fact in self.facts.values()))
    @rule(order=ANY)
    def provider_decides(self, order: int) -> None:
        self._changed = True
        self.shop.wait(self._decide(nth(self._pending(), order)))

    @precondition(lambda self: any("DECLINED" in fact.charges.values() for fact in self.facts.values()))
    @rule(order=ANY)
    def provider_changes_its_mind(self, order: int) -> None:
        """A charge that was declined holds money all the same, and a webhook says so."""
        self._changed = True
        declined = [
            (fact, key) for fact in self.facts.values() for key, state in fact.charges.items() if state == "DECLINED"
        ]
        fact, key = nth(declined, order)
        self.memory.revived.add(fact.payment_id)
        self.shop.wait(self._revive(key))

    @precondition(lambda self: self.webhooks)
    @rule(webhook=ANY, again=st.booleans(), dies_after=DEATHS)
    def webhook(self, webhook: int, again: bool, dies_after: int | None) -> None:
        payload = nth(self.webhooks, webhook)
        if self._run("webhook", self._webhook(payload), Plan(dies_after=dies_after)) and not again:
            self.webhooks.remove(payload)

    # What must hold

    @invariant()
    def rules_hold(self) -> None:
        if not self._changed:
            return
        self._sound = False
        books = self._read()
        self.memory.check(self.facts, books)
        late = [fact for fact in self.facts.values() if fact.hold == "HELD" and fact.overdue]
        never(self._swept and bool(late), "a sweep left an overdue hold", *late)
        self._swept = self._changed = False
        self._sound = True

    def teardown(self) -> None:
        if not self._sound or self.sale is None:
            self.network.forget()
            self.shop.wait(self.shop.retire_leftovers())
            return
        try:
            self._come_to_rest()
            self._check_end()
        except BaseException:
            self.shop.wait(self.shop.retire_leftovers())
            raise

    def _check_end(self) -> None:
        self.memory.check_end(self.facts)
        lost = self.shop.wait(sum_sale(self.shop.payment_deps, self.sale_id)).lost
        never(lost > 0, "payment counts lost orders", lost)
        books = self.shop.wait(audit_sale(self.shop.deps, self.sale_id))
        never(not books.conserved, "counters, ledger and holds disagree", books)

    def _come_to_rest(self) -> None:
        """Twice over: first what is under way arrives, then all time is over as well."""
        self._settle()
        self._time_is_up(list(self.facts), "all")
        self._settle()

    def _settle(self) -> None:
        for _ in range(MOST_ROUNDS):
            self._everything_arrives()
            self.rules_hold()
            if not self.mail.letters and not self.webhooks:
                return
        never(True, "the services do not come to rest", *self.mail.letters)

    def _everything_arrives(self) -> None:
        while self.network.suspended:
            self.resume(0, Fate.ARRIVES)
        while self.network.given_up:
            self.arrive_late(0)
        for operation, work in self._background():
            self._run(operation, work, Plan())
        while self.mail.letters:
            letters = self.mail.group(self.mail.letters[0], 100)
            self._run("deliver", _taken(letters), Plan())
            self.mail.remove(letters)
        self.shop.wait(self._end_leases())
        self.shop.wait(self._decide_all())
        while self.webhooks:
            self._run("webhook", self._webhook(self.webhooks.pop()), Plan())
        self.shop.wait(self._let_time_pass())
        self._run("ask about orders", self._caught_up(), Plan())
        while self._run("follow up", follow_up_due(self.shop.payment_deps), Plan()):
            pass

    def _background(self) -> list[tuple[str, Coroutine[Any, Any, Any]]]:
        sweep = [("sweep", expire.expire_overdue(self.shop.deps))]
        return [*sweep, ("remove the sale", self._removed())] if self.removing else [*sweep]

    # Steps

    @property
    def sale_id(self) -> str:
        assert self.sale is not None
        return self.sale.id

    def _run(self, name: str, work: Coroutine[Any, Any, Any], plan: Plan, *expected: type[BaseException]) -> Any:
        self._begin()
        result = self.network.run(name, work, plan, expected)
        self._collect()
        return result

    def _begin(self) -> None:
        self._changed, self._sound = True, False

    def _collect(self) -> None:
        """Posts what was committed to the outboxes."""
        events = self.shop.wait(self.shop.new_events())
        for event in events:
            self._heard(event)
        self.mail.post([*events, *self._announced()])
        self._sound = True

    def _heard(self, event: Event) -> None:
        self.memory.heard(event)
        if event.type == CLAIMED:
            self._opened(event)

    def _read(self) -> Any:
        assert self.sale is not None
        self.facts, books = self.shop.wait(self.shop.look(self.sale))
        self.facts = {order_id: self._with_order(fact) for order_id, fact in self.facts.items()}
        return books

    def _order(self, number: int) -> Fact:
        return nth(list(self.facts.values()), number)

    def _paying(self, number: int) -> Fact:
        return nth([fact for fact in self.facts.values() if fact.payment_id], number)

    async def _removed(self) -> bool:
        await remove.remove(self.shop.sale_deps, self.sale_id, OperatorStep("remove", 1))
        return True

    async def _webhook(self, payload: bytes) -> bool:
        deps = self.shop.payment_deps
        await take_webhook(deps, payload, sign(deps.webhook_secret, payload, deps.clock.now()))
        return True

    async def _end_leases(self) -> None:
        due = "UPDATE payment_intent SET due_at = UTC_TIMESTAMP(6) WHERE due_at IS NOT NULL AND sale_id = '{}'"
        await self.shop.payment.write(due.format(self.sale_id))

    async def _let_time_pass(self) -> None:
        """Payments are asked about once nothing happened to them for a while."""
        ago = "UPDATE payment_intent SET changed_at = changed_at - INTERVAL 1 HOUR WHERE sale_id = '{}'"
        await self.shop.payment.write(ago.format(self.sale_id))

    async def _caught_up(self) -> None:
        await catch_up(self.shop.payment_deps, BEGINNING)

    def _pending(self) -> list[str]:
        """The keys of the charges that the provider has yet to decide."""
        return [key for fact in self.facts.values() for key, state in fact.charges.items() if state == "PENDING"]

    async def _decide_all(self) -> None:
        for key in self._pending():
            await self._decide(key)

    async def _revive(self, key: str) -> None:
        held = "UPDATE provider_charge SET state = 'AUTHORIZED' WHERE charge_key = '{}'"
        await self.shop.payment.write(held.format(key))
        told = {"id": new_id("pwh"), "key": key, "state": "AUTHORIZED", "reason": ""}
        self.webhooks.append(json.dumps(told).encode())

    async def _decide(self, key: str) -> None:
        due = "UPDATE provider_charge SET due_at = UTC_TIMESTAMP(6) WHERE due_at IS NOT NULL AND charge_key = '{}'"
        await self.shop.payment.write(due.format(key))
        await LateAnswers(self.shop.payment.immortal, self._tell).answer_due()

    async def _tell(self, payload: bytes) -> bool:
        self.webhooks.append(payload)
        return True

    def _time_is_up(self, order_ids: list[str], clock: str) -> None:
        if clock in {"all", "inventory"}:
            self.shop.wait(self.shop.inventory.end_time("reservation", "expires_at", order_ids))
        if clock in {"all", "payment"}:
            self.shop.wait(self.shop.payment.end_time("payment_intent", "pay_before", order_ids))
        if clock in {"all", "order"}:
            self._order_time_is_up(order_ids)

    # Orders, in memory

    def _orders(self) -> Consumer:
        self.orders = self.shop.in_memory()
        return self.orders

    def _opened(self, claimed: Event) -> None:
        self.orders.open(claimed)

    def _announced(self) -> list[Event]:
        announced, self.orders.announced = self.orders.announced, []
        for event in announced:
            self.memory.heard(event)
        return announced

    def _with_order(self, fact: Fact) -> Fact:
        return replace(fact, order=self.orders.state(fact.order_id))

    def _cancel(self, fact: Fact, plan: Plan) -> None:
        """In memory nothing dies half way."""
        self.orders.cancel(fact.order_id)
        self._collect()

    def _order_time_is_up(self, order_ids: list[str]) -> None:
        for order_id in order_ids:
            self.orders.time_is_up(order_id)


async def _taken(letters: list[Letter]) -> bool:
    await letters[0].consumer.take([letter.event for letter in letters])
    return True
