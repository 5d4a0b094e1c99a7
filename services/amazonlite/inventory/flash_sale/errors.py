"""Why a sale refuses a shopper or the operator."""

from __future__ import annotations

from typing import ClassVar

from amazonlite.common.core.errors import Conflict, Forbidden, InvalidInput, NotFound, Unavailable


class SaleNotFound(NotFound):
    """There is no sale of this id."""

    code: ClassVar[str] = "sale_not_found"
    title: ClassVar[str] = "Sale not found"

    def __init__(self, sale_id: str) -> None:
        super().__init__(f"There is no sale {sale_id}.")


class SaleNotOpen(Conflict):
    """Nothing can be claimed now; ``reason`` is set when nothing ever will be again."""

    code: ClassVar[str] = "sale_not_open"
    title: ClassVar[str] = "The sale is not open"

    def __init__(self, state: str, reason: str = "") -> None:
        super().__init__(f"The sale is {state}.", state=str(state), reason=reason)


class SoldOut(Conflict):
    """Fewer units are free than wanted; units of unpaid holds may yet come back."""

    code: ClassVar[str] = "sold_out"
    title: ClassVar[str] = "Sold out"

    def __init__(self, free: int = 0) -> None:
        super().__init__("No unit is free." if free == 0 else f"Only {free} are free.", free=free)


class CustomerLimitReached(Conflict):
    """The customer has as many units, held and bought, as one customer may."""

    code: ClassVar[str] = "customer_limit_reached"
    title: ClassVar[str] = "Customer limit reached"

    def __init__(self, limit: int, taken: int) -> None:
        super().__init__(f"A customer may have {limit}; {taken} are held or bought.", limit=limit, taken=taken)


class ClaimKeyReused(InvalidInput):
    """The key already names a claim for another quantity; send this one under a key of its own."""

    code: ClassVar[str] = "idempotency_key_reused"
    title: ClassVar[str] = "Idempotency key reused"

    def __init__(self) -> None:
        super().__init__("This idempotency key was used to claim another quantity.")


class NotAdmitted(Forbidden):
    """The shopper has no place among those who may claim; ask the queue until it says ADMITTED."""

    code: ClassVar[str] = "not_admitted"
    title: ClassVar[str] = "Not admitted"

    def __init__(self, state: str) -> None:
        super().__init__(
            "It is not your turn.", next_step="Ask GET …/queue until it answers ADMITTED.", queueState=state
        )


class TicketInvalid(Forbidden):
    """The ticket is not of this sale and this customer; join the queue to get one."""

    code: ClassVar[str] = "ticket_invalid"
    title: ClassVar[str] = "Ticket invalid"

    def __init__(self) -> None:
        super().__init__("The ticket is not one of this sale and customer.", next_step="Join the queue.")


class QueueUnavailable(Unavailable):
    """The queue's store is away; nobody loses a place or a hold, ask again."""

    code: ClassVar[str] = "queue_unavailable"
    title: ClassVar[str] = "Queue unavailable"

    def __init__(self) -> None:
        super().__init__("The queue cannot be reached just now.", retry_after=1.0)


class TooManyClaims(Unavailable):
    """More claims wait than can be answered in time; repeat with the same Idempotency-Key."""

    code: ClassVar[str] = "too_many_claims"
    title: ClassVar[str] = "Too many claims"

    def __init__(self) -> None:
        super().__init__("Too many claims are waiting.", retry_after=1.0)


class IllegalSaleTransition(Conflict):
    """The sale cannot go from its state to the wanted one."""

    code: ClassVar[str] = "illegal_transition"
    title: ClassVar[str] = "Illegal transition"

    def __init__(self, state: str, wanted: str) -> None:
        super().__init__(f"A sale that is {state} cannot become {wanted}.", state=str(state))


class SkuOnSale(Conflict):
    """Another sale of the SKU is not over; wait for its end or abort it."""

    code: ClassVar[str] = "sku_on_sale"
    title: ClassVar[str] = "The SKU is on sale already"

    def __init__(self, sku: str, sale_id: str) -> None:
        super().__init__(f"{sku} is on sale in {sale_id}.", saleId=sale_id)


class SaleDiffers(Conflict):
    """The sale exists with other terms, which are fixed; make a new sale for new terms."""

    code: ClassVar[str] = "sale_differs"
    title: ClassVar[str] = "The sale has other terms"

    def __init__(self, sale_id: str) -> None:
        super().__init__(f"{sale_id} was allocated with other terms.")


class HoldsOutstanding(Conflict):
    """Unpaid holds are still out; settle again when they are paid or have expired."""

    code: ClassVar[str] = "holds_outstanding"
    title: ClassVar[str] = "Holds outstanding"

    def __init__(self, held: int) -> None:
        super().__init__(f"{held} units are held.", held=held)
