"""Payment's word on orders, for every service that gives something back for want of payment."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from amazonlite.common.http.client import RemoteProblem, RemoteUnavailable, ServiceClient


async def seal_orders(payment: ServiceClient, order_ids: Sequence[str]) -> tuple[Collection[str], Mapping[str, str]]:
    """The orders closed for good, and the payment of each that is paid. RemoteUnavailable: nothing is decided."""
    try:
        answer = await payment.request(
            "POST", "/internal/payments/seal", json={"orderIds": list(order_ids)}, repeatable=True
        )
    except RemoteProblem as problem:  # whatever payment means by it, it has decided nothing
        raise RemoteUnavailable(f"payment does not seal: {problem.code}", service="payment") from problem
    return answer["closed"], {paid["orderId"]: paid["paymentId"] for paid in answer["authorized"]}
