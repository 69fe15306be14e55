# SPDX-License-Identifier: LGPL-2.1-or-later
"""The system calls that no caged program needs, as a seccomp filter (seccomp(2), classic BPF) for bubblewrap.

They are refused with EPERM, so that a program that tries one goes on as it would for an ordinary user. The filter
knows x86-64, the only architecture that planex builds for; a 32-bit program could go round it, so it gets ENOSYS.
"""

from __future__ import annotations

import errno
import struct

ARCH_X86_64 = 0xC000003E
_X32 = 0x40000000
"""Numbers from here on are the x32 ABI's, another way round the filter."""

REFUSED = {
    # mounts and namespaces: the cage is made, and stays as it is
    "mount": 165, "umount2": 166, "pivot_root": 155, "unshare": 272, "setns": 308,
    "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433,
    "mount_setattr": 442, "open_by_handle_at": 304,
    # the kernel itself
    "init_module": 175, "finit_module": 313, "delete_module": 176, "kexec_load": 246, "kexec_file_load": 320,
    "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "io_uring_setup": 425, "io_uring_enter": 426,
    "io_uring_register": 427, "iopl": 172, "ioperm": 173, "reboot": 169, "swapon": 167, "swapoff": 168,
    "acct": 163, "quotactl": 179, "syslog": 103, "settimeofday": 164, "clock_settime": 227, "adjtimex": 159,
    "lookup_dcookie": 212, "pidfd_getfd": 438, "nfsservctl": 180, "vhangup": 153, "uselib": 134,
    # the kernel's keyring knows no namespace
    "add_key": 248, "request_key": 249, "keyctl": 250,
}  # fmt: skip
CLONE, CLONE3, SOCKET, PTRACE, IOCTL = 56, 435, 41, 101, 16
PROCESS_VM = (310, 311)
"""process_vm_readv, process_vm_writev: their first argument is a process id, as ptrace's second is."""
CLONE_NEW = 0x7E020000
"""Every CLONE_NEW* flag: mount, cgroup, UTS, IPC, user, pid and network namespace."""
FAMILIES = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6, AF_NETLINK: others (AF_VSOCK above all) reach past a network namespace."""
TIOCSTI = 0x5412
"""Types into the terminal."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _ARGUMENT = 0, 4, 16
_ALLOW, _REFUSE, _ABSENT = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false, value: ``struct sock_filter``."""


def program() -> bytes:
    """The filter, as ``bwrap --seccomp`` reads it: an array of ``struct sock_filter``."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in _instructions())


def _instructions() -> list[Instruction]:
    rules = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, ARCH_X86_64),
        (_RETURN, 0, 0, _ABSENT),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _ABSENT),
        # glibc falls back to clone, whose flags a filter can see
        *_when(CLONE3, [(_RETURN, 0, 0, _ABSENT)]),
        *_when(CLONE, _argument(0, _ANY_BIT, CLONE_NEW)),
        *_when(PTRACE, _argument(1, _EQUAL, 1)),
        *_when(IOCTL, _argument(1, _EQUAL, TIOCSTI)),
        *_when(SOCKET, _socket()),
    ]
    for number in PROCESS_VM:
        rules += _when(number, _argument(0, _EQUAL, 1))
    for number in sorted(REFUSED.values()):
        rules += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _REFUSE)]
    return [*rules, (_RETURN, 0, 0, _ALLOW)]


def _when(number: int, then: list[Instruction]) -> list[Instruction]:
    """``then`` for one system call; it must return."""
    return [(_EQUAL, 0, len(then), number), *then]


def _argument(index: int, test: int, value: int) -> list[Instruction]:
    """Refuse where the low half of an argument passes the test; the call's number is not needed any more."""
    return [
        (_LOAD, 0, 0, _ARGUMENT + 8 * index),
        (test, 0, 1, value),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _socket() -> list[Instruction]:
    """Allow the known families only."""
    count = len(FAMILIES)
    tests = [(_EQUAL, count - index, 0, family) for index, family in enumerate(FAMILIES)]
    return [(_LOAD, 0, 0, _ARGUMENT), *tests, (_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)]
