"""One customer of a sale, taken step by step by a test: up to the payment, and then to pay."""

from __future__ import annotations

from dataclasses import dataclass

from amazonlite.common.testing.eventually import eventually
from amazonlite_cli.shoppers.api import Answer, ShopApi


@dataclass(slots=True)
class Buyer:
    """``deadline`` is in monotonic seconds: until then calls are repeated while their answer is transient."""

    api: ShopApi
    sale: str
    customer: str
    token: str
    deadline: float
    order: str = ""
    payment: str = ""

    async def ready_to_pay(self) -> None:
        """Queues, claims one unit and opens its payment."""
        ticket = await self._admitted()
        headers = {"X-Queue-Ticket": ticket, "Idempotency-Key": f"{self.customer}-claim"}
        claim = await self._post(f"flash-sales/{self.sale}/claims", "claim", {"quantity": 1}, headers)
        self.order = str(claim.body["orderId"])
        key = {"Idempotency-Key": f"{self.order}-intent"}
        intent = await self._post("payments/intents", "intent", {"orderId": self.order}, key)
        self.payment = str(intent.body["paymentId"])

    async def pay(self) -> Answer:
        """Confirms the payment; its answer."""
        key = {"Idempotency-Key": f"{self.order}-confirm"}
        return await self._post(f"payments/intents/{self.payment}/confirm", "pay", {"method": "pm_ok"}, key)

    async def _admitted(self) -> str:
        joined = await self._post(f"flash-sales/{self.sale}/queue", "queue")
        ticket = str(joined.body["ticket"])

        async def admitted() -> bool:
            path = f"/api/flash-sales/{self.sale}/queue"
            headers = {"X-Queue-Ticket": ticket}
            place = await self.api.call("GET", path, label="poll", token=self.token, headers=headers)
            return place.body.get("state") == "ADMITTED"

        await eventually(admitted, within=60, every=0.25, what=f"{self.customer} admitted")
        return ticket

    async def _post(self, path: str, label: str, json: object = None, headers: dict[str, str] | None = None) -> Answer:
        answer = await self.api.persist(
            "POST", f"/api/{path}", label=label, deadline=self.deadline, token=self.token, headers=headers, json=json
        )
        assert answer.ok, (label, answer)
        return answer
