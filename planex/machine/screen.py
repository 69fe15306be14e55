# SPDX-License-Identifier: LGPL-2.1-or-later
"""Takes pictures of a machine's screen."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

from planex.errors import PlanexError
from planex.machine.boot import Ear
from planex.machine.monitor import ask

_SETTLE = 1.5
"""Seconds that a menu which is on the serial line may take to be on the screen, too; menus wait longer for a key."""


def take_picture(monitor: Path, picture: Path) -> bool:
    """Save the machine's screen as PNG; whether that could be done. A picture is never worth the boot it shows."""
    with contextlib.suppress(PlanexError):
        ask(monitor, "screendump", {"filename": str(picture.absolute()), "format": "png"})
        return True
    return False


@dataclass
class Onlooker:
    """Listens as ``ear`` does, and has a picture taken of what is there when that first types something: the menu."""

    ear: Ear
    monitor: Path
    picture: Path
    _taken: bool = False

    @property
    def fatal(self) -> str:
        return self.ear.fatal

    def feed(self, text: str) -> str | None:
        said = self.ear.feed(text)
        if said and not self._taken:
            self._taken = True
            time.sleep(_SETTLE)
            take_picture(self.monitor, self.picture)
        return said

    def finished(self) -> bool:
        return self.ear.finished()
