# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex boot --medium pxe``: the set of an ISO, served to a machine by TFTP and HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from planex.drafts import temporary_folder
from planex.host.pxe import make_pxe_set
from planex.machine.qemu import WEB, FirmwareName, Machine, Netboot
from planex.machine.web import web_server
from planex.medium.netboot import FIRMWARES

_FILES: dict[FirmwareName, str] = {"bios": FIRMWARES["bios"].file, "uefi": FIRMWARES["uefi"].file}


@contextmanager
def on_network(machine: Machine, folder: Path) -> Iterator[Machine]:
    """The machine with the set of its ISO, which is below ``folder`` meanwhile, on its network."""
    assert machine.iso is not None
    with temporary_folder(folder, "pxe") as work:
        made = make_pxe_set(machine.iso, work.resolve() / "set", f"http://{WEB}")
        with web_server(made.folder) as port:
            yield replace(machine, medium="pxe", netboot=Netboot(made.folder, _FILES, port))
