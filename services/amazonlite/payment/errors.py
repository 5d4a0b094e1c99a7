"""Why the payment service refuses a command."""

from __future__ import annotations

from typing import ClassVar

from amazonlite.common.core.errors import Conflict, InvalidInput, NotFound, Unauthorized
from amazonlite.payment.domain import Payment, PaymentState
from amazonlite.payment.schemas import PaymentView


class PaymentNotFound(NotFound):
    """No such payment, or it is somebody else's: nobody learns which."""

    code: ClassVar[str] = "payment_not_found"
    title: ClassVar[str] = "Payment not found"

    def __init__(self, payment_id: str) -> None:
        super().__init__(f"There is no payment {payment_id}.")


class OrderNotReady(Conflict):
    """The order is not there, or not reserved yet; the same command may succeed in a moment."""

    code: ClassVar[str] = "order_not_ready"
    title: ClassVar[str] = "The order is not ready to be paid"

    def __init__(self, order_id: str) -> None:
        super().__init__(
            f"Order {order_id} is not there or not reserved yet.",
            next_step="Send the same request again; if it stays so for seconds, check the order's id.",
            headers={"Retry-After": "1"},
        )


class OrderNotPayable(Conflict):
    """The order is past paying: cancelled, timed out, or paid already."""

    code: ClassVar[str] = "order_not_payable"
    title: ClassVar[str] = "The order cannot be paid"


class PaymentAlreadyDecided(Conflict):
    """Another command or event came first; ``payment`` is what it made of the payment."""

    code: ClassVar[str] = "payment_already_decided"
    title: ClassVar[str] = "The payment was decided otherwise"

    def __init__(self, payment: Payment) -> None:
        super().__init__(
            f"The payment is {payment.state}.",
            next_step=_next_step(payment),
            payment=PaymentView.of(payment).as_json(),
        )


def _next_step(payment: Payment) -> str:
    if payment.state is PaymentState.PROCESSING:
        return "Wait for the answer to the method that is being tried; if it is declined, try another."
    return "Nothing: it is paid." if payment.binding else "To buy, place a new order."


class SignatureInvalid(Unauthorized):
    """The webhook was not signed with our shared secret."""

    code: ClassVar[str] = "signature_invalid"
    title: ClassVar[str] = "Invalid signature"


class SignatureExpired(Unauthorized):
    """The webhook was signed too long ago, or in the future: it may be a replay."""

    code: ClassVar[str] = "signature_expired"
    title: ClassVar[str] = "Expired signature"


class WebhookMalformed(InvalidInput):
    """Signed by the provider, yet nothing we understand; the provider keeps it and tells its operators."""

    code: ClassVar[str] = "webhook_malformed"
    title: ClassVar[str] = "Malformed webhook"
