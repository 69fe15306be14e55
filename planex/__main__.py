# SPDX-License-Identifier: LGPL-2.1-or-later
"""``python -m planex`` is the same as ``planex``."""

from planex.cli import main

if __name__ == "__main__":
    main()
