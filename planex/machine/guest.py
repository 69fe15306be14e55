# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is typed on a live host to have it start a paravirtual guest, work in that, and be reached from it. Pure.

The guest is made of what the medium has: the host's kernel, and its initrd for the shell in that.
"""

from __future__ import annotations

from planex.machine.conversation import ENTER, Turn

NAME, BRIDGE = "planex-guest", "xenbr0"
HOST, GUEST = "192.0.2.1", "192.0.2.2"
"""Addresses of the bridge and of the guest, of a block that is nobody's (RFC 5737)."""
ANSWERED = rf"{NAME}-42 (?!0{{8}}-)[0-9a-f]{{8}}-[0-9a-f-]{{27}}\s(.|\n)*{HOST} is alive"
"""What the guest says: what it computes, its UUID, which dom0's is not as that is nought, and that the host answers."""
LISTED = rf"{NAME} +[1-9]\d* +\d+ +\d+ +[rb-][^\n]*"
"""What the host says of it."""
_PROMPT = r"[#$] ($|\(XEN\)|\[ *\d+\.\d)"
"""Messages of Xen or of a kernel may stand behind it."""
_LEAVE = "\x1d"
"""Control-], which ends ``xl console``."""


def guest_turns(kernel: str, initrd: str) -> tuple[Turn, ...]:
    """From the host's report to its list of guests; ``kernel`` and ``initrd`` are paths on the medium.

    Lines are short: Xen keeps 128 characters that its dom0 has not read, and drops what comes after.
    """
    config = [
        f"name='{NAME}'",
        "memory=192",
        f"kernel='/run/initramfs/live{kernel}'",
        f"ramdisk='/run/initramfs/live{initrd}'",
        "extra='console=hvc0 rdinit=/bin/busybox -- sh'",
        f"vif=['bridge={BRIDGE}']",
    ]
    host = [
        "dmesg -n 1",
        f"ip link add {BRIDGE} type bridge",
        f"ip addr add {HOST}/24 dev {BRIDGE}",
        f"ip link set {BRIDGE} up",
        *(f'echo "{line}" >>/tmp/guest.cfg' for line in config),
        "xl create -c /tmp/guest.cfg",
    ]
    guest = [
        "/bin/busybox --install -s /bin",
        "export PATH=/bin; mkdir -p /sys; mount -t sysfs s /sys",
        f"ip addr add {GUEST}/24 dev eth0; ip link set eth0 up",
        f"echo {NAME}-$((6*7)) $(cat /sys/hypervisor/uuid); ping {HOST}",
    ]
    return (
        Turn(r"planex-boot-report: end", ENTER),
        Turn(r"login: *$", f"root{ENTER}"),
        *(Turn(_PROMPT, f"{line}{ENTER}") for line in [*host, *guest]),
        Turn(ANSWERED, _LEAVE),
        Turn(_PROMPT, f"xl list {NAME}{ENTER}"),
    )
