# SPDX-License-Identifier: LGPL-2.1-or-later
"""Boot code that says on screen and serial line that a disk has no system; it stands there until GRUB comes. Pure."""

from __future__ import annotations

import os

SIZE = 440
"""Bytes that a master boot record has for code; behind them stand the disk's identity and the partitions."""
# fmt: off
_CODE = bytes([
    0xFA, 0x31, 0xC0, 0x8E, 0xD8, 0x8E, 0xC0,              # cli; ds = es = 0
    0x8E, 0xD0, 0xBC, 0x00, 0x7C, 0xFB,                    # stack below the code; sti
    0xBA, 0xFB, 0x03, 0xB0, 0x83, 0xEE,                    # first serial port: set the speed,
    0xBA, 0xF8, 0x03, 0xB8, 0x01, 0x00, 0xEF,              # 115200 bit/s
    0xBA, 0xFB, 0x03, 0xB0, 0x03, 0xEE,                    # 8n1
    0xBE, 0x00, 0x00,                                      # si = the text (set below)
    0xFC, 0xAC, 0x84, 0xC0, 0x74, 0x14,                    # next: al = [si++]; at 0 go to the end
    0x50, 0xB4, 0x0E, 0xBB, 0x07, 0x00, 0xCD, 0x10, 0x58,  # to the screen
    0x31, 0xD2, 0xB4, 0x01, 0xCD, 0x14,                    # to the serial port
    0xEB, 0xEA, 0x90, 0x90, 0x90,                          # next
    0xF4, 0xEB, 0xFD,                                      # end: wait for ever
])
# fmt: on
_TEXT_AT = _CODE.index(b"\xbe\x00\x00") + 1
_LOADED_AT = 0x7C00


def boot_code(text: str) -> bytes:
    """440 bytes of code that print ``text`` and stop."""
    address = _LOADED_AT + len(_CODE)
    code = bytearray(_CODE)
    code[_TEXT_AT : _TEXT_AT + 2] = address.to_bytes(2, "little")
    message = f"\r\n{text}\r\n".encode("ascii", "replace")
    return bytes(code + message[: SIZE - len(code) - 1]).ljust(SIZE, b"\0")


def write_boot_code(path: str, text: str) -> None:
    """Write it to a disk, with the mark that a BIOS looks for, and wait until it is there."""
    with open(path, "r+b") as disk:  # noqa: PTH123
        disk.write(boot_code(text))
        disk.seek(510)
        disk.write(b"\x55\xaa")
        disk.flush()
        os.fsync(disk.fileno())
