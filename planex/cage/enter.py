# SPDX-License-Identifier: LGPL-2.1-or-later
"""A script that makes namespaces and mounts, then runs a command in them.

``python3 -I -S enter.py OPTION... -- COMMAND``, with COMMAND's first word a path.

It becomes root of a user namespace whose ids own nothing outside (an ordinary user stays owner of what is its own),
shows the folders that ``--mount`` names below STAGE, and goes on as that root or as the builder. So the command needs
no way to the folders' real places, and may be told paths without odd characters. Run by real root, it loses all of
root's rights outside before the command starts.

It is a script of its own, with the standard library alone, because it runs once a build and must take milliseconds.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the part in C: all of signal takes as long as all the rest
import ctypes
import os
import resource
import sys

STAGE = "/tmp"
"""Where the mounts are seen, whatever is there for others."""
BUILDER = 1000
"""User and group that builds run as, mock's ``chrootuid`` by convention."""
PARENT = "PLANEX_PARENT"
"""Variable with the process that must be alive; it is not set where a command of a log is typed again by hand."""
FAILED = 125
"""Exit status when the command could not be started; the reason is on standard error."""

_ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}

_CLONE_NEWNS, _CLONE_NEWUSER, _CLONE_NEWPID = 0x00020000, 0x10000000, 0x20000000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
_PR_SET_PDEATHSIG = 1
_SIGKILL = 9
_libc = ctypes.CDLL(None, use_errno=True)


class Request:
    """What the command line asks for. No dataclass: importing that is slow, too."""

    def __init__(self) -> None:
        self.users = self.groups = ""
        self.builder = self.filtered = False
        self.mounts: dict[str, str] = {}
        """Name below STAGE to folder or file."""
        self.owned: list[str] = []
        """Mounts whose folder is given to the namespace's root."""
        self.overlay: tuple[str, ...] = ()
        """Names of: where to mount it, upper and work in one, lower layers from the top."""
        self.limits: list[tuple[str, int]] = []
        self.command: list[str] = []


def parse(words: list[str]) -> Request:
    """Read the command line; it is written by ``planex.cage.command`` alone, so errors are not explained."""
    request = Request()
    words = list(words)
    while (word := words.pop(0)) != "--":
        if word == "--ids":
            request.users, request.groups = words.pop(0).split(",")
        elif word == "--builder":
            request.builder = True
        elif word == "--filter":
            request.filtered = True
        elif word == "--mount":
            name, _, path = words.pop(0).partition("=")
            request.mounts[name] = path
        elif word == "--own":
            request.owned.append(words.pop(0))
        elif word == "--overlay":
            request.overlay = tuple(words.pop(0).split(","))
        elif word == "--limit":
            name, _, value = words.pop(0).partition("=")
            request.limits.append((name, int(value)))
        else:
            raise ValueError(f"unknown option {word}")
    request.command = words
    return request


def main(request: Request) -> None:
    """Enter, and become the command; with a filter, run it and end when all that it started has ended."""
    program = _filter() if request.filtered else b""  # from a file that may be out of reach once inside
    if os.geteuid() == 0:
        # Real root sees every folder, and after the next step none: so mounts first.
        _call("unshare", _CLONE_NEWNS)
        _stage(request, give=True)
        _new_user_namespace(request)
    else:
        _new_user_namespace(request)
        _stage(request, give=False)
    _overlay(request.overlay)
    for name, value in request.limits:
        _limit(name, value)
    user = BUILDER if request.builder else 0
    if request.filtered:
        sys.exit(_enclose(_with_filter(request.command, program), user))
    _become(user)
    _die_with(int(os.environ.get(PARENT, os.getppid())))
    os.execv(request.command[0], request.command)


def _enclose(command: list[str], user: int) -> int:
    """Run bubblewrap as ``user`` in a new namespace of processes that ends with this one; its exit status.

    Of two parts of bubblewrap the inner one outlives the outer, and waits for ever, where that is killed before the
    inner one asked to die with it. Nothing outlives process 1 of a namespace.
    """
    for number in (_signal.SIGINT, _signal.SIGTERM):
        _signal.signal(number, _signal.SIG_IGN)  # the whole group gets them
    _call("unshare", _CLONE_NEWPID)
    alive, held = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(held)
        # bubblewrap looks for its processes by the numbers that they have in this namespace.
        _mount("proc", "/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
        _become(user)
        _call("prctl", _PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
        if _at_its_end(alive):  # what held the other end has ended already; its number is not known in here
            os._exit(FAILED)
        os._exit(_attend(command))
    _become(user)
    _die_with(int(os.environ.get(PARENT, os.getppid())))
    os.close(alive)
    return _status(os.waitpid(child, 0)[1])


def _at_its_end(pipe: int) -> bool:
    os.set_blocking(pipe, False)
    try:
        return not os.read(pipe, 1)
    except BlockingIOError:
        return False


def _attend(command: list[str]) -> int:
    """Run bubblewrap; its exit status, when the cage is empty.

    bubblewrap ends before its processes in the cage do, which hold mounts and what was deleted on a full disk. They
    become children of this process, which is the first of its namespace and ends last. Where bubblewrap fails on the
    way, its inner part would wait for it for ever.
    """
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        for number in (_signal.SIGINT, _signal.SIGTERM):
            _signal.signal(number, _signal.SIG_DFL)
        _die_with(parent)
        # bubblewrap stays in the cage as process 1, where all can read its environment.
        os.execve(command[0], command, _ENVIRONMENT)
    status = 0
    while True:
        try:
            pid, ended = os.wait()
        except ChildProcessError:
            break
        if pid == child:
            status = ended
            if parent == 1:
                _libc.kill(-1, _SIGKILL)  # all others of this namespace; fails where there are none
    return _status(status)


def _status(ended: int) -> int:
    return 128 + os.WTERMSIG(ended) if os.WIFSIGNALED(ended) else os.WEXITSTATUS(ended)


def _die_with(parent: int) -> None:
    """Be killed when the parent ends, and do not outlive one that has ended already."""
    _call("prctl", _PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(FAILED)


def _new_user_namespace(request: Request) -> None:
    """Enter one, as its root. Only a process outside may write more than one id into its map."""
    real = (os.geteuid(), os.getegid())
    ready, proceed = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(proceed)
        if not os.read(ready, 1):
            os._exit(0)
        _write_maps(os.getppid(), request, *real)
        os._exit(0)
    os.close(ready)
    _call("unshare", _CLONE_NEWUSER | _CLONE_NEWNS)
    os.write(proceed, b"x")
    os.close(proceed)
    if os.waitpid(child, 0)[1]:
        raise OSError(0, "no ids can be mapped into a user namespace")
    _become(0)
    _mount("none", "/", None, _MS_REC | _MS_PRIVATE)


def _write_maps(pid: int, request: Request, uid: int, gid: int) -> None:
    """Map ids: root's namespace has the range alone, a user's has the user as root and then the range."""
    for kind, own, ids in (("uid", uid, request.users), ("gid", gid, request.groups)):
        first, _, count = ids.partition(":")
        if uid == 0:
            with open(f"/proc/{pid}/{kind}_map", "w") as file:
                file.write(f"0 {first} {count}\n")
        else:
            words = [f"new{kind}map", str(pid), "0", str(own), "1", "1", first, count]
            if os.spawnvp(os.P_WAIT, words[0], words):
                os._exit(1)


def _become(number: int) -> None:
    os.setgroups([])
    os.setresgid(number, number, number)
    os.setresuid(number, number, number)


def _stage(request: Request, give: bool) -> None:
    """Mount a small file system on STAGE and show the folders in it. ``give``: they get a new owner first."""
    if not request.mounts:
        return
    _mount("none", "/", None, _MS_REC | _MS_PRIVATE)
    # STAGE hides what lies below it, so everything is opened before.
    opened = {name: os.open(path, os.O_PATH) for name, path in request.mounts.items()}
    if give:
        first_user, first_group = (int(ids.partition(":")[0]) for ids in (request.users, request.groups))
        for name in request.owned:
            os.chown(f"/proc/self/fd/{opened[name]}", first_user, first_group)
    _mount("tmpfs", STAGE, "tmpfs", 0, "size=1m,mode=755")
    for name, number in opened.items():
        source, target = f"/proc/self/fd/{number}", f"{STAGE}/{name}"
        if os.path.isdir(source):
            os.mkdir(target)
        else:
            os.close(os.open(target, os.O_CREAT, 0o644))
        _mount(source, target, None, _MS_BIND | _MS_REC)
        os.close(number)
    if request.overlay:
        os.mkdir(f"{STAGE}/{request.overlay[0]}")


def _overlay(names: tuple[str, ...]) -> None:
    if not names:
        return
    target, scratch, *lowers = names
    lower = ":".join(f"{STAGE}/{name}" for name in lowers)
    place = f"{STAGE}/{scratch}"
    for name in ("upper", "work"):
        os.makedirs(f"{place}/{name}", exist_ok=True)
    # userxattr: overlayfs in a user namespace keeps its notes where its root may write them (kernel, overlayfs.rst)
    options = f"lowerdir={lower},upperdir={place}/upper,workdir={place}/work,userxattr"
    _mount("overlay", f"{STAGE}/{target}", "overlay", 0, options)


def _limit(name: str, value: int) -> None:
    number = getattr(resource, f"RLIMIT_{name.upper()}")
    hard = resource.getrlimit(number)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(number, (value, value))


def _filter() -> bytes:
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    from planex.cage.syscalls import program

    return program()


def _with_filter(command: list[str], program: bytes) -> list[str]:
    """The command, bwrap, told to read the filter from an open file."""
    number = os.memfd_create("filter", 0)
    os.write(number, program)
    os.lseek(number, 0, os.SEEK_SET)
    return [command[0], "--seccomp", str(number), *command[1:]]


def _mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    words = [word.encode() if word is not None else None for word in (source, target, kind)]
    if _libc.mount(*words, ctypes.c_ulong(flags), options.encode() or None):
        number = ctypes.get_errno()
        raise OSError(number, f"cannot mount {source} ({kind or 'bind'}): {os.strerror(number)}", target)


def _call(name: str, *arguments: int) -> None:
    if getattr(_libc, name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


if __name__ == "__main__":
    try:
        main(parse(sys.argv[1:]))
    except OSError as error:
        print(f"planex: {error.strerror}", file=sys.stderr)
        sys.exit(FAILED)
