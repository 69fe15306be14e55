# SPDX-License-Identifier: LGPL-2.1-or-later
"""SHA-256 that can be kept half-way and gone on with by another process, which hashlib's cannot.

It is OpenSSL's, out of the library that hashlib has loaded already. Where that has it not, nothing can be kept.
"""

from __future__ import annotations

import _hashlib
import ctypes
import hashlib
from functools import cache
from typing import Any, Self


class _Context(ctypes.Structure):
    """SHA256_CTX of OpenSSL's sha.h."""

    _fields_ = (
        ("words", ctypes.c_uint32 * 8),
        ("bits", ctypes.c_uint32 * 2),
        ("data", ctypes.c_uint32 * 16),
        ("count", ctypes.c_uint),
        ("length", ctypes.c_uint),
    )


class Sha256:
    """As hashlib's, with a ``state`` for whoever goes on with it."""

    def __init__(self, openssl: ctypes.CDLL, context: _Context) -> None:
        self._openssl, self._context = openssl, context

    def update(self, data: bytearray | memoryview) -> None:
        """``data``: writable, as what is read into is."""
        piece = (ctypes.c_char * len(data)).from_buffer(data)
        self._openssl.SHA256_Update(ctypes.byref(self._context), piece, ctypes.c_size_t(len(data)))

    def copy(self) -> Self:
        return type(self)(self._openssl, _Context.from_buffer_copy(self._context))

    def hexdigest(self) -> str:
        digest = ctypes.create_string_buffer(32)
        self._openssl.SHA256_Final(digest, ctypes.byref(self.copy()._context))
        return digest.raw.hex()

    @property
    def state(self) -> str:
        return bytes(self._context).hex()


def begin(state: str = "") -> Any:
    """A Sha256, from a state on where one was kept; hashlib's where nothing can be kept."""
    openssl = _find()
    if openssl is None:
        return hashlib.sha256()
    context = _Context.from_buffer_copy(bytes.fromhex(state)) if state else _Context()
    if not state:
        openssl.SHA256_Init(ctypes.byref(context))
    return Sha256(openssl, context)


@cache
def _find() -> ctypes.CDLL | None:
    try:
        openssl = ctypes.CDLL(_hashlib.__file__)  # symbols are looked for in what it was linked with, too
        return openssl if openssl.SHA256_Init and openssl.SHA256_Update and openssl.SHA256_Final else None
    except (AttributeError, OSError):
        return None
