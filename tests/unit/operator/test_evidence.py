"""The report of a sale tells people money as they write it, and programs minor units."""

from __future__ import annotations

import json

from support.sale_world import SALE_ID, World, spec


async def evidence() -> dict[str, str]:
    world = World(spec(price={"amount": 5400, "currency": "USD"}))
    await world.run(62)
    world.inventory.claim(SALE_ID, 10)
    world.inventory.pay(SALE_ID, 10)
    await world.run(20)
    name = world.status["evidence"]["configMap"]
    data: dict[str, str] = world.cluster.objects[f"/api/v1/namespaces/amazonlite/configmaps/{name}"]["data"]
    return data


async def test_people_read_no_minor_units() -> None:
    text = (await evidence())["evidence.md"]
    assert "10 of SKU1 at $54.00, " in text
    assert "| paid | $540.00 |" in text
    assert "$540.00 due, $540.00 paid" in text
    assert "minor units" not in text
    assert "54000" not in text


async def test_programs_read_integers() -> None:
    facts = json.loads((await evidence())["evidence.json"])
    assert facts["outcome"]["books"]["amountPaid"] == 54000
    assert facts["spec"]["price"] == {"amount": 5400, "currency": "USD"}
