# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex``, and the same as ``python -m planex``."""

from __future__ import annotations

import gc
import os
import sys
from types import ModuleType

_OBJECTS = 200_000
"""Made between two searches for circles: a run makes much that stays, and searching it takes a tenth of a short one."""

_FINDER = "pydantic.plugin._loader"


def main() -> None:
    """Start the command line; Ctrl-C while it is still being loaded ends as at any other time."""
    gc.set_threshold(_OBJECTS)
    # nothing that lies about on this machine has a say in what planex reads, and looking for it takes time
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"
    # and pydantic's finder of plugins imports the readers of mails and ZIP files before it reads that
    sys.modules[_FINDER] = ModuleType(_FINDER)
    sys.modules[_FINDER].__dict__["get_plugins"] = tuple
    try:
        from planex.cli import main as run

        run()
    except KeyboardInterrupt:
        os.write(2, b"interrupted before anything was begun\n")
        os._exit(130)
    finally:
        gc.freeze()  # whoever ends searches no more


if __name__ == "__main__":
    main()
