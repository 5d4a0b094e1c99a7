"""A mutation of each rule of the protocol is found out; otherwise nothing would be proved where none is broken.

Each is shown by a short sequence of the machine's own steps, which breaks nothing without the mutation. The long form
(PROTOCOL_EXAMPLES of 1,000 and more) lets hypothesis find each by itself as well.
"""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings

from protocol.mutations import MUTATIONS, Mutation
from protocol.profile import EXAMPLES, SETTINGS, search
from protocol.sequences import play
from protocol.shop import Shop

LONG_FORM = 1_000
FIND = settings(SETTINGS, max_examples=1_000, phases=[Phase.generate], print_blob=False)
each_mutation = pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)


@each_mutation
def test_nothing_breaks_without_the_mutation(shop: Shop, mutation: Mutation) -> None:
    play(shop, mutation.machine, mutation.acts)


@each_mutation
def test_the_mutation_is_found(shop: Shop, monkeypatch: pytest.MonkeyPatch, mutation: Mutation) -> None:
    mutation.apply(monkeypatch)
    with pytest.raises(mutation.shows):
        play(shop, mutation.machine, mutation.acts)


@pytest.mark.skipif(EXAMPLES < LONG_FORM, reason="minutes long: set PROTOCOL_EXAMPLES to 1000 or more")
@each_mutation
def test_hypothesis_finds_the_mutation(shop: Shop, monkeypatch: pytest.MonkeyPatch, mutation: Mutation) -> None:
    mutation.apply(monkeypatch)
    with pytest.raises(mutation.shows):
        search(lambda: mutation.machine(shop), FIND)
