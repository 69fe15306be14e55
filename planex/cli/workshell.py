# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex work shell``: a person's terminal joined to one in the cage."""

from __future__ import annotations

import fcntl
import os
import selectors
import signal
import sys
import termios
import tty
from contextlib import closing, suppress
from typing import IO

import click

from planex.cage.command import caged
from planex.cli.context import Context, pass_context
from planex.cli.patchqueue.options import offline_option
from planex.cli.work import opened_bench
from planex.run import Process, attached, on_terminal

_CHUNK = 65536
_SHELL = ("setsid", "--ctty", "--wait", "bash", "-i")


@click.command(
    short_help="Open a shell, or run a command, where it is built.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option("-p", "--package", metavar="PKG", help="Of this package (default: the tree in which this is typed).")
@offline_option
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@pass_context
def shell(context: Context, package: str | None, offline: bool, command: tuple[str, ...]) -> None:
    """Open a shell, or run COMMAND, in the cage where the tree is compiled, with the files as they lie in the tree.

    It sees the buildroot and no network. What is changed there stays for later builds; a file of the tree is brought
    again when it is edited in the tree. The exit status is that of the shell.

    \b
    Examples:
      planex work shell
      planex work shell make -C xen syms
    """
    with opened_bench(context, package, offline=offline) as (ready, _):
        cage = ready.cage()
        status = _status(caged(cage, command or _SHELL if sys.stdin.isatty() else command or ["bash"]), not command)
    sys.exit(status)


def _status(argv: list[str], interactive: bool) -> int:
    """Run it; its exit status."""
    if not interactive or not sys.stdin.isatty():
        return attached(argv)
    with on_terminal(argv) as (process, terminal):
        _join(process, terminal)
        return process.returncode


def _join(process: Process[bytes], terminal: IO[bytes]) -> None:
    """Carry what is typed and what is said between this terminal and the other, until that hangs up."""
    own = sys.stdin.fileno()
    before = termios.tcgetattr(own)
    resized = signal.signal(signal.SIGWINCH, lambda *_: _same_size(own, terminal.fileno()))
    _same_size(own, terminal.fileno())
    try:
        tty.setraw(own)
        _carry(own, terminal.fileno())
        process.wait()
    finally:
        termios.tcsetattr(own, termios.TCSADRAIN, before)
        signal.signal(signal.SIGWINCH, resized)


def _carry(own: int, other: int) -> None:
    ways = {own: other, other: sys.stdout.fileno()}
    with closing(selectors.DefaultSelector()) as selector, suppress(OSError):  # EIO: the other end is closed
        for source in ways:
            selector.register(source, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                data = os.read(key.fd, _CHUNK)
                if not data:
                    return
                os.write(ways[key.fd], data)


def _same_size(own: int, other: int) -> None:
    size = fcntl.ioctl(own, termios.TIOCGWINSZ, b"\0" * 8)
    fcntl.ioctl(other, termios.TIOCSWINSZ, size)
