# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hears what a program prints that a host runs after its report, and its exit status. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from planex.machine.proof import Listener, readable

BEGIN, END = "planex-try: begin", "planex-try: ended"
_SAID = re.compile(rf"^{BEGIN}\n(.*?)^{END} (\d+)$", re.DOTALL | re.MULTILINE)


@dataclass
class Commanded:
    """Listens until the program has ended."""

    listener: Listener = field(default_factory=Listener)
    _text: str = ""

    @property
    def fatal(self) -> str:
        """See ``planex.machine.boot.Ear``."""
        return self.listener.fatal

    def feed(self, text: str) -> None:
        """See ``planex.machine.boot.Ear``."""
        self.listener.feed(text)
        if self.listener.finished():
            self._text += text

    def finished(self) -> bool:
        """Whether the program has ended."""
        return self.answer() is not None

    def answer(self) -> tuple[str, int] | None:
        """What it printed, with messages of Xen and the kernel where some came between, and its exit status."""
        found = _SAID.search(readable(self._text) + "\n") if END in self._text else None
        return (found[1].rstrip("\n"), int(found[2])) if found else None
