"""Sequences of steps that show one rule of the protocol each, played by hand on a state machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from amazonlite.payment.domain import Method
from protocol.machine import PaymentAndInventory
from protocol.mail import Letter
from protocol.network import Fate
from protocol.shop import Shop

Machine = type[PaymentAndInventory]
Act = Callable[[PaymentAndInventory], None]
ARRIVES = Fate.ARRIVES


def play(shop: Shop, machine: Machine, acts: Sequence[Act]) -> None:
    """Two customers have claimed a unit each; the first one's order is what happens to something."""
    played = machine(shop)
    try:
        played.open_the_sale(claims=2, method=None, fate=ARRIVES)
        played.rules_hold()
        for act in acts:
            act(played)
            played.rules_hold()
    finally:
        played.teardown()


def open_intent(machine: PaymentAndInventory) -> None:
    machine.open_intent(0, ARRIVES, None)


def paying(fate: Fate = ARRIVES, method: Method = Method.OK) -> Act:
    return lambda machine: machine.pay(0, method, None, fate, None)


def declined(fate: Fate = ARRIVES) -> Act:
    return paying(fate, Method.DECLINED)


def changing_its_mind(machine: PaymentAndInventory) -> None:
    machine.provider_changes_its_mind(0)


def webhook(machine: PaymentAndInventory) -> None:
    machine.webhook(0, again=False, dies_after=None)


def recover(machine: PaymentAndInventory) -> None:
    """The provider is asked how a call ended whose answer nobody heard."""
    machine.follow_up(ARRIVES, None, leases_are_over=True)


def cancel(machine: PaymentAndInventory) -> None:
    machine.cancel(0, None)


def sweeping(fate: Fate = ARRIVES) -> Act:
    return lambda machine: machine.sweep(0, "inventory", fate, None)


def remove(machine: PaymentAndInventory) -> None:
    machine.remove_the_sale(ARRIVES, None)


def follow_up(machine: PaymentAndInventory) -> None:
    machine.follow_up(ARRIVES, None, leases_are_over=False)


def resume(machine: PaymentAndInventory) -> None:
    machine.resume(0, ARRIVES)


def delivering(kind: str, to: str) -> Act:
    return lambda machine: machine.deliver(machine.mail.letters.index(_letter(machine, kind, to)), 1, False, None)


def dropping(kind: str, to: str) -> Act:
    return lambda machine: machine.mail.remove([_letter(machine, kind, to)])


def _letter(machine: PaymentAndInventory, kind: str, to: str) -> Letter:
    return next(one for one in machine.mail.letters if (one.event.type, one.consumer.name) == (kind, to))
