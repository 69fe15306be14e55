# SPDX-License-Identifier: LGPL-2.1-or-later
"""Types on a machine's serial console what a person would: waits for a text, answers, waits for the next. Pure."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from planex.machine.proof import Listener, without_escapes

DOWN, ENTER = "\x0e", "\r"
"""Control-N, which isolinux' menu and GRUB's take for the arrow down, and which no line noise tears apart."""
_REMEMBERED = 1 << 14
"""Characters that one thing which is waited for has room in."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Once ``hear`` (a regular expression) stands on the console, ``say`` is typed."""

    hear: str
    say: str
    again: float = 0.0
    """Seconds after which it is typed once more, and again, until what follows is heard: some programs throw away what
    was typed before they were ready. 0: never."""


def choose_entry(titles: Sequence[str], default: int, wanted: int) -> Turn:
    """Choose an entry of a boot menu, of which all titles are known, once the whole menu is there."""
    keys = DOWN * (wanted - default) if wanted >= default else "\x10" * (default - wanted)
    return Turn(re.escape(titles[-1]), keys + ENTER)


@dataclass
class Conversation:
    """Goes through ``turns`` in order, then waits for ``success``; ``failure`` ends it at any time."""

    turns: Sequence[Turn]
    success: str
    failure: str
    fatal: str = ""
    said: str = ""
    """What fitted ``success``."""
    listener: Listener = field(default_factory=Listener)
    _done: int = 0
    _spoke: float = 0.0
    _new: str = ""
    """The last of what came since the last turn."""

    def feed(self, text: str) -> str | None:
        """Hear the next characters; returns what to type."""
        self.listener.feed(text)
        self._new = (self._new + text)[-_REMEMBERED:]
        heard = without_escapes(self._new)
        found = re.search(self.failure, heard)
        self.fatal = self.listener.fatal or (found[0] if found else "")
        if self._done == len(self.turns):
            success = re.search(self.success, heard)
            self.said = self.said or (success[0] if success else "")
            return None
        turn = self.turns[self._done]
        if not re.search(turn.hear, heard):
            return self._repeated()
        self._done, self._new, self._spoke = self._done + 1, "", time.monotonic()
        return turn.say

    def _repeated(self) -> str | None:
        last = self.turns[self._done - 1] if self._done else Turn("", "")
        if not last.again or time.monotonic() - self._spoke < last.again:
            return None
        self._spoke = time.monotonic()
        return last.say

    def finished(self) -> bool:
        """Whether the last thing that was waited for has come."""
        return bool(self.said)

    def waited_for(self) -> str:
        """What did not come."""
        return self.success if self._done == len(self.turns) else self.turns[self._done].hear
