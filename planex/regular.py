# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads files that a stranger may have made: regular files only (a pipe or a device never ends), up to a limit."""

from __future__ import annotations

import os
import stat
from io import BufferedReader, FileIO
from pathlib import Path

from planex.errors import PlanexError
from planex.units import size_text

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISSOCK, "a socket"),
)


class NotRegular(PlanexError):
    """What is at a path cannot be read as a file: it is of another kind, too large, or not readable.

    ``reason`` says why without the path; ``line`` (from 1) where in the file, 0 for the whole.
    """

    def __init__(self, message: str, hint: str | None = None, *, reason: str | None = None, line: int = 0) -> None:
        super().__init__(message, hint)
        self.reason = reason or message
        self.line = line


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading. Raises NotRegular, at once, for anything else, a missing file included."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise NotRegular(f"{path}: {error.strerror}", reason=error.strerror) from None
    except ValueError:
        raise NotRegular(f"{str(path)!r} is no path: it holds a NUL") from None
    kind = kind_of(os.fstat(handle).st_mode)
    if kind:
        os.close(handle)
        raise NotRegular(f"{path} is {kind}, not a file", reason=f"is {kind}, not a file")
    return BufferedReader(FileIO(handle))


def inside(path: Path, folder: Path) -> Path:
    """``path``, if no link leads it out of ``folder``: a stranger's link may name any file of this machine."""
    if not (real := path.resolve()).is_relative_to(folder.resolve()):
        reason = f"leads out of {folder}, to {real}"
        raise NotRegular(f"{path} {reason}", "put the file itself there", reason=reason)
    return path


def read_regular(path: Path, limit: int) -> bytes:
    """The bytes of a regular file; NotRegular if there are more than ``limit``."""
    with open_regular(path) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        reason = f"is larger than {size_text(limit)}"
        raise NotRegular(f"{path} {reason}", "no such file is expected to be that large", reason=reason)
    return data


def read_text(path: Path, limit: int = 32 << 20) -> str:
    """The text of a regular file in UTF-8; NotRegular says the line of the first byte that is none."""
    data = read_regular(path, limit)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        reason = f"is not UTF-8 text (byte 0x{data[error.start]:02x})"
        raise NotRegular(f"{path}:{line}: {reason}", reason=reason, line=line) from None


def kind_of(mode: int) -> str:
    """What a path is (``st_mode``) that is no regular file, in words; empty for a regular file."""
    if stat.S_ISREG(mode):
        return ""
    return next((words for is_kind, words in _KINDS if is_kind(mode)), "something else")
