# SPDX-License-Identifier: LGPL-2.1-or-later
"""Results on standard output: the only place of the command line that prints there, but for tables."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from planex.disk import DiskError
from planex.pages.table import WIDTH
from planex.printable import printable


def echo(text: object = "", *, nl: bool = True, err: bool = False) -> None:
    """Print a result. Control characters, of a hostile name for instance, are shown escaped."""
    with _told():
        click.echo(printable(str(text)), nl=nl, err=err)


def columns() -> int:
    """How wide a line of the results may be: as the terminal, or as the variable COLUMNS says."""
    return max(shutil.get_terminal_size((WIDTH, 24)).columns, 40)


def verbatim(text: str) -> None:
    """Print a file's text: byte for byte to a file or pipe, escaped on a terminal."""
    with _told():
        click.echo(printable(text) if sys.stdout.isatty() else text.encode("utf-8", "surrogateescape"), nl=False)


@contextmanager
def _told() -> Iterator[None]:
    """A write to standard output that fails names no file; a reader that went away is no error of planex's."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise DiskError(f"cannot write to standard output: {error.strerror}", None, error.errno) from None
