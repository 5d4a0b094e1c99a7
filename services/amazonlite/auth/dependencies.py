"""What every use case of the auth service works with."""

from __future__ import annotations

from dataclasses import dataclass, field

from amazonlite.auth.clients import Clients
from amazonlite.auth.devices import Devices
from amazonlite.auth.keys import SigningKeys
from amazonlite.auth.mint import Mint
from amazonlite.auth.ports import Revocations
from amazonlite.auth.sign_in_queue import SignInQueue
from amazonlite.common.core.clock import Clock, SystemClock
from amazonlite.common.core.ids import IdSource, new_id
from amazonlite.common.data.unit_of_work import UnitOfWorkFactory
from amazonlite.common.security.passwords import Passwords


@dataclass(frozen=True, slots=True)
class AuthDependencies:
    transactions: UnitOfWorkFactory
    keys: SigningKeys
    clients: Clients
    revocations: Revocations
    passwords: Passwords
    clock: Clock = field(default_factory=SystemClock)
    ids: IdSource = new_id
    sign_ins: SignInQueue = field(default_factory=SignInQueue)

    @property
    def devices(self) -> Devices:
        return Devices(self.keys, self.clock, self.ids)

    @property
    def mint(self) -> Mint:
        return Mint(self.keys, self.clock, self.ids)
