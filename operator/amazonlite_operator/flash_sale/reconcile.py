"""Look, plan, act, again: until the plan says wait. The status is written with what was seen and why it waits."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from amazonlite_operator.flash_sale import announce, plan
from amazonlite_operator.flash_sale import metrics as flash_sale_metrics
from amazonlite_operator.flash_sale.actions import Record, RememberFloors, RestoreFloors, StopClaims, Wait
from amazonlite_operator.flash_sale.apply import Effect, Effects
from amazonlite_operator.flash_sale.crd import FLASH_SALE
from amazonlite_operator.flash_sale.moves import SOON, STALLED_FOR, cluster_refuses, inventory_away, shop_refuses
from amazonlite_operator.flash_sale.observe import Look, Observer, path_of
from amazonlite_operator.flash_sale.observed import Observed
from amazonlite_operator.flash_sale.ports import Cluster
from amazonlite_operator.flash_sale.reasons import Reason
from amazonlite_operator.flash_sale.state import FlashSaleStatus
from amazonlite_operator.flash_sale.status import described
from amazonlite_operator.kube import metrics
from amazonlite_operator.kube.api import KubeError, ObjectNotFound
from amazonlite_operator.kube.controller import Key
from amazonlite_operator.kube.events import Announcer
from amazonlite_operator.kube.lease import LeadershipLost, Lease
from amazonlite_operator.kube.patch import merge_patch
from amazonlite_operator.shop.client import Refusal, Unreachable

# A sale needs about fifteen steps from its first look to its last; more in one go is a plan that turns in circles.
MOST_STEPS = 40
KIND = FLASH_SALE.kind
ASKED_BEFORE_HOLDS_END, DELETE_AGAIN = frozenset({"payment", "auth"}), 2.0

_REFUSALS = {
    "unknown_sku": Reason.UNKNOWN_SKU,
    "insufficient_stock": Reason.INSUFFICIENT_STOCK,
    "sku_on_sale": Reason.SKU_ON_SALE,
    "holds_outstanding": Reason.HOLDS_OUTSTANDING,
}


class Reconciler:
    """`await reconciler(key)`: seconds until the next look, or None when nothing is left to do."""

    def __init__(
        self, cluster: Cluster, observer: Observer, effects: Effects, lease: Lease, announcer: Announcer
    ) -> None:
        self._cluster = cluster
        self._observer = observer
        self._effects = effects
        self._lease = lease
        self._announcer = announcer
        self._followed: dict[Key, str] = {}
        self._replicas = asyncio.Lock()

    async def __call__(self, key: Key) -> float | None:
        for _ in range(MOST_STEPS):
            manifest = await self._cluster.get(path_of(key))
            self._follow(key, manifest["metadata"]["uid"] if manifest else None)
            if manifest is None:
                return None
            look = await self._observer.look(key, manifest)
            action = plan.next_action(look.observed)
            if isinstance(action, Wait):
                await self._publish(look, look.observed.status, action)
                return action.seconds
            if isinstance(action, Record):
                await self._publish(look, action.status, _why(action.status))
            elif (stop := await self._in_turn(action, look)) is not None:
                return stop
        raise RuntimeError(f"{MOST_STEPS} steps without rest")

    def forget_all(self) -> None:
        """When this replica leads no longer: what it remembers grows old, and the next leader exports it."""
        for key in list(self._followed):
            self._follow(key, None)

    def _follow(self, key: Key, uid: str | None) -> None:
        """Before each look, so that what the look remembers of an object goes when the object is seen to be gone."""
        before = self._followed.pop(key, None)
        if uid is not None:
            self._followed[key] = uid
        if before is not None and before != uid:
            self._observer.forget(before)
            self._announcer.forget(before)
            flash_sale_metrics.forget(key.namespace, key.name)

    async def _in_turn(self, effect: Effect, look: Look) -> float | None:
        """Sales decide about replicas one after another, each by what the one before has written down.

        Two that end together would each leave the replicas to the other, and nobody would put them back.
        """
        if not isinstance(effect, RememberFloors | RestoreFloors):
            return await self._perform(effect, look)
        async with self._replicas:
            return await self._perform(effect, look)

    async def _perform(self, effect: Effect, look: Look) -> float | None:
        """Seconds to wait when the shop refuses; None to go on."""
        name, outcome = type(effect).__name__, "ok"
        try:
            status = await self._effects.perform(effect, look, self._lease.fence())
        except Refusal as refusal:
            outcome = refusal.code
            return await self._refused(look, refusal)
        except Unreachable as unreachable:
            outcome = "unreachable"
            wait, pause = _unreachable(look.observed, effect, unreachable)
            await self._publish(look, look.observed.status, wait)
            if pause is None:
                raise
            return pause
        except KubeError as error:
            outcome = str(error.status)
            if not error.refused:
                raise
            wait = cluster_refuses(f"{error}.")
            await self._publish(look, look.observed.status, wait)
            return wait.seconds
        finally:
            metrics.EFFECTS.labels(KIND, name, outcome).inc()
        if isinstance(status, Wait):
            await self._publish(look, look.observed.status, status)
            return status.seconds
        if status is not None:
            await self._publish(look, status, _why(status))
        return None

    async def _refused(self, look: Look, refusal: Refusal) -> float:
        if refusal.code == "stale_fence":
            self._lease.step_back(int(refusal.members.get("fence", 0)))
            raise LeadershipLost(refusal.detail)
        if refusal.status in (401, 403):
            wait = shop_refuses(f"inventory: {refusal}")
            await self._publish(look, look.observed.status, wait)
            return STALLED_FOR
        reason = _REFUSALS.get(refusal.code, Reason.SALE_REFUSED)
        stalled = reason is not Reason.HOLDS_OUTSTANDING
        pause = STALLED_FOR if stalled else SOON
        message = f"{refusal.detail} {reason.explanation}"
        await self._publish(look, look.observed.status, Wait(pause, reason, message, stalled=stalled))
        return pause

    async def _publish(self, look: Look, status: FlashSaleStatus, wait: Wait) -> None:
        """Write the status unless it says so already; guarded by the version that was looked at."""
        self._lease.fence()
        o = look.observed
        new = described(o, status, wait)
        unread = o.invalid.status_fields - {"conditions"} if o.invalid is not None else frozenset[str]()
        changes = merge_patch(look.manifest.get("status") or {}, _dump(new))
        patch = {field: value for field, value in changes.items() if field not in unread}
        if patch:
            guard = {"resourceVersion": look.manifest["metadata"]["resourceVersion"]}
            try:
                await self._cluster.merge(
                    f"{path_of(Key(o.namespace, o.name))}/status", {"metadata": guard, "status": patch}
                )
            except ObjectNotFound:
                return
        flash_sale_metrics.export(o.namespace, o.name, new)
        if status.phase is not o.status.phase:
            _count(o.status, status, (o.now - o.status.timeline[-1].at) / timedelta(seconds=1))
        for happening in announce.happenings(o, new):
            await self._announcer.tell(look.manifest, happening)


def _unreachable(o: Observed, effect: Effect, unreachable: Unreachable) -> tuple[Wait, float | None]:
    """What to say, and when to try again; None: with growing pauses."""
    if (wait := _deletion_waits(o, unreachable)) is not None:
        return wait, DELETE_AGAIN
    if isinstance(effect, StopClaims):
        return effect.then if isinstance(effect.then, Wait) else inventory_away(o), SOON
    return Wait(None, Reason.INVENTORY_UNAVAILABLE), None


def _deletion_waits(o: Observed, unreachable: Unreachable) -> Wait | None:
    """Inventory answers looks, but not the deletion: before it ends holds it asks payment which of them are paid."""
    held = o.sale.stock.held if o.deleting and o.sale is not None else 0
    if unreachable.service in ASKED_BEFORE_HOLDS_END:
        silent = f"{unreachable.service} does not answer, so nobody knows which orders are paid"
        message = f"{silent}: paid orders are not given up; {held} units stay held until it does"
        return Wait(DELETE_AGAIN, Reason.PAYMENTS_UNAVAILABLE, message)
    if held:
        return Wait(DELETE_AGAIN, Reason.HOLDS_OUTSTANDING, f"{held} units are held; inventory has not ended them yet")
    return None


def _why(status: FlashSaleStatus) -> Wait:
    """What to say between two steps: why the phase was entered."""
    last = status.timeline[-1]
    return Wait(0.0, Reason.of(last.reason), last.message)


def _dump(status: FlashSaleStatus) -> dict[str, Any]:
    return status.model_dump(by_alias=True, mode="json", exclude_none=True)


def _count(old: FlashSaleStatus, new: FlashSaleStatus, seconds: float) -> None:
    metrics.PHASE_SECONDS.labels(KIND, old.phase).observe(seconds)
    metrics.PHASE_CHANGES.labels(KIND, new.phase, new.timeline[-1].reason).inc()
