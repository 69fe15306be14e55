# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a hostile package would try: one table for every place in which planex runs what strangers wrote.

Each probe is a line of shell whose exit status is 0 when the attack worked. Outside of a cage many of them would do
what they say (mount, make devices), so out there only HARMLESS ones are ever run. What the kernel's settings would take
is only asked (``test -w``), never tried. ``CANARY`` and ``PORT`` are put in by the tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

CANARY = "planex-canary-6b1f"
"""A name that only things outside of any cage have: files, processes, variables, sockets."""
_PERL = "perl -e"


@dataclass(frozen=True, slots=True)
class Probe:
    """``attack`` is what is tried, in the words of docs/security.md; ``shell`` exits with 0 if it worked."""

    name: str
    attack: str
    shell: str


PROBES = (
    Probe("environment", "read a secret of the caller's environment", f"cat /proc/[0-9]*/environ | grep -q {CANARY}"),
    Probe(
        "files", "find a file of the host, the workspace or another package", f"find / -xdev -name '{CANARY}*' | grep ."
    ),
    Probe(
        "root-links",
        "reach the host's root through /proc/PID/root",
        f"find /proc/[0-9]*/root/ /proc/[0-9]*/cwd/ -maxdepth 4 -name '{CANARY}*' | grep .",
    ),
    Probe("processes", "see a process of the host", f"cat /proc/[0-9]*/cmdline | grep -a '[p]{CANARY[1:]} sleeps'"),
    Probe("loopback", "reach a server on the host's loopback", "bash -c 'exec 3<>/dev/tcp/127.0.0.1/PORT'"),
    Probe("interfaces", "have a network interface besides its own loopback", "sed 1,2d /proc/net/dev | grep -v ' lo:'"),
    Probe("abstract", "reach an abstract socket of the host", f"grep {CANARY} /proc/net/unix"),
    Probe("vsock", "open a socket that knows no network namespace", f"{_PERL} 'exit(syscall(41, 40, 1, 0) < 0)'"),
    Probe("sysctl", "write to the kernel's settings", "test -w /proc/sys/kernel/core_pattern"),
    Probe(
        "sysctl-any", "write to any setting below /proc/sys", "find /proc/sys -type f -writable 2>/dev/null | grep ."
    ),
    Probe("sysrq", "press the kernel's emergency keys", "test -w /proc/sysrq-trigger"),
    Probe("sys", "see devices below /sys", "ls /sys/devices /sys/kernel | grep ."),
    Probe(
        "disks",
        "open a disk, the kernel's memory or its log",
        "ls /dev | grep -E '^(sd|vd|nvme|dm-|k?mem|kmsg|kvm|fuse)'",
    ),
    Probe("mknod", "make a device", "mknod /tmp/device b 8 0"),
    Probe("mount", "mount a file system", "mount -t tmpfs none /tmp"),
    Probe("remount", "make the host's programs writable", "mount -o remount,rw /usr"),
    Probe("usr", "write to the host's programs", "test -w /usr/bin -a ! -e /builddir"),
    Probe("namespaces", "make a user namespace to have all rights in", "unshare --user true"),
    Probe("clone", "the same by clone(2)", f"{_PERL} 'exit(syscall(56, 0x10000011, 0, 0, 0, 0) <= 0)'"),
    Probe("ptrace", "hold up process 1 of the cage", f"{_PERL} 'exit(syscall(101, 16, 1, 0, 0) != 0)'"),
    Probe("ptrace-seize", "the same by PTRACE_SEIZE", f"{_PERL} 'exit(syscall(101, 0x4206, 1, 0, 0) != 0)'"),
    Probe(
        "keyring",
        "use the kernel's keyring, which knows no namespace",
        f"{_PERL} 'exit(syscall(250, 0, -4, 0, 0, 0) < 0)'",
    ),
    Probe("bpf", "load a program into the kernel", f"{_PERL} 'exit(syscall(321, 5, 0, 0) < 0 && $!{{EPERM}})'"),
    Probe(
        "io_uring", "use io_uring, which goes round seccomp", f"{_PERL} 'exit(syscall(425, 1, 0) < 0 && $!{{EPERM}})'"
    ),
    Probe(
        "setuid",
        "become root by a set-user-id program",
        "test $(id -u) != 0 && /usr/bin/setuid-sh -pc 'test $(id -u) = 0'",
    ),
    Probe(
        "layer", "find what another build left behind", "ls /tmp /var/tmp /builddir /builddir/build | grep '^left-by-'"
    ),
    Probe("limits", "raise its limit of processes", "bash -c 'ulimit -Hu unlimited'"),
    Probe("nice", "take precedence over the host's processes", "nice -n -5 test $(nice -n -5 nice) -lt 0"),
)


HARMLESS = frozenset({"environment", "processes", "loopback", "abstract", "vsock"})
"""These only read and connect; run outside of a cage they show that a probe can succeed at all."""


def script(port: int, probes: Iterable[Probe] = PROBES) -> str:
    """Shell that tries ``probes`` and prints ``probe NAME held`` or ``probe NAME BROKEN`` for each."""
    lines = [
        f"if ( {probe.shell.replace('PORT', str(port))} ) >/dev/null 2>&1; then echo probe {probe.name} BROKEN; "
        f"else echo probe {probe.name} held; fi"
        for probe in probes
    ]
    return "\n".join(lines) + "\n"


def results(text: str) -> dict[str, str]:
    """Probe to ``held`` or ``BROKEN``, from what the script printed."""
    words = [line.split() for line in text.splitlines() if line.startswith("probe ")]
    return {name: result for _, name, result in words}
