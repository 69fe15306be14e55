# SPDX-License-Identifier: LGPL-2.1-or-later
"""A script, called with NUMBER COMMAND: the open file of that number, a terminal, controls it; it becomes the command.

When planex ends, however, that terminal hangs up, and the kernel tells the command so (SIGHUP, tty(4)), whoever it runs
as by then. A command that changes its user loses the signal that prctl(2) promises it, and planex may not signal it.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import termios

if __name__ == "__main__":
    fcntl.ioctl(int(sys.argv[1]), termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup(1) lets all that is started ignore it
    os.execvp(sys.argv[2], sys.argv[2:])
