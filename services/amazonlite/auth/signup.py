"""Opens an account; whoever comes second with an address is told so."""

from __future__ import annotations

from amazonlite.auth import store
from amazonlite.auth.dependencies import AuthDependencies
from amazonlite.auth.domain import normalised_email
from amazonlite.common.data.unit_of_work import UnitOfWork, in_transaction


async def sign_up(deps: AuthDependencies, email: str, password: str, name: str, *, network: str) -> str:
    """The new user's id."""
    mailbox = normalised_email(email)
    user_id = deps.ids("usr")
    async with deps.sign_ins.turn(network):
        password_hash = await deps.passwords.hash(password)

    async def work(uow: UnitOfWork) -> None:
        await store.add_user(
            uow, user_id=user_id, email=mailbox, password_hash=password_hash, name=name, now=deps.clock.now()
        )

    await in_transaction(deps.transactions, work)
    return user_id
