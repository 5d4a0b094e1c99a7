"""What a command tells the person who ran it when it cannot do what it promises."""

from __future__ import annotations


class CommandError(RuntimeError):
    """`code` is stable; the message says what failed, `kept` what is safe, `next_step` what to do."""

    def __init__(self, code: str, what: str, kept: str, next_step: str) -> None:
        super().__init__(what)
        self.code, self.what, self.kept, self.next_step = code, what, kept, next_step
