# SPDX-License-Identifier: LGPL-2.1-or-later
"""What leaves a build: RPMs that a builder left in a folder which the package could write to are checked and copied.

Nothing there is believed: folders and files are opened without following links, only regular files of one name are
read, and everything is decided on the copy, which the package cannot reach.
"""

from __future__ import annotations

import os
import posixpath
import re
import stat
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from planex.content.copies import PUBLISHED, write_all
from planex.distro.config import LintSettings
from planex.engine import takeover
from planex.engine.lint import RULES
from planex.engine.workshop import Workshop
from planex.errors import PlanexError
from planex.rpm.index import Index
from planex.rpm.rpmfile import BadRpm, Rpm, RpmEntry, read_rpm
from planex.rpm.spec import Package

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CHUNK = 1 << 20
_SHOWN = 5
"""Things that one RPM takes from the base, named at most."""
_DEBUG = ("/usr/lib/debug", "/usr/src/debug")
_KINDS = {
    stat.S_ISLNK: "a symbolic link",
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a FIFO",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}
_INTO_HOST = re.compile(r"^/proc/[^/]+/(?:root|cwd|exe|fd|map_files|task)(?:/|$)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class OutputLimits:
    """Of what one build may leave: bytes of a file, bytes in all, entries of a folder."""

    file: int = 8 << 30
    total: int = 32 << 30
    entries: int = 10_000


@dataclass(frozen=True, slots=True)
class Rules:
    """What an RPM is measured by. ``base``: what the base has, None where that is not known here."""

    base: Index | None = None
    replaces: Collection[str] = ()
    limits: OutputLimits = OutputLimits()
    lint: LintSettings = field(default_factory=LintSettings)


@dataclass(frozen=True, slots=True)
class Accepted:
    """File names of the RPMs, and what a person should know of them."""

    rpms: tuple[str, ...]
    warnings: tuple[str, ...]
    remarks: tuple[str, ...]


class RefusedOutput(PlanexError):
    """Something that a build left is not taken; ``message`` names the file."""


class MissingOutput(PlanexError):
    """A build did not make all that its spec promises."""


def rules_of(workshop: Workshop, name: str) -> Rules:
    """What the RPMs of a package are measured by."""
    project = workshop.project
    return Rules(workshop.base, project.recipe(name).settings.replaces, lint=project.config.lint)


def accept(folder: Path, within: Path, package: Package, destination: Path, rules: Rules) -> Accepted:
    """Check and copy the RPMs of ``package`` from ``folder`` into ``destination``, a new folder.

    ``within`` is the folder above ``folder`` that the build could not replace. Raises RefusedOutput for the first
    thing that is wrong, MissingOutput where an RPM is lacking; what was copied until then is of no use.
    """
    found: dict[str, Rpm] = {}
    left = rules.limits.total
    with _opened(within, folder) as handle:
        for place, name in _candidates(handle, rules.limits):
            _require_promised(name, package, found)
            with _opened_folder(handle, place) as parent:
                left -= _copy(parent, name, destination / name, min(left, rules.limits.file))
            found[name] = _read(destination / name)
    missing = [name for name in package.rpm_names if name not in found]
    if missing:
        raise MissingOutput(f"the build ended well but did not make {', '.join(missing)}")
    return _judged(found, rules)


def take(folder: Path, within: Path, suffix: str, destination: Path, limit: int) -> bool:
    """Copy the one RPM of ``folder`` whose name ends in ``suffix``, with no look into it; False where there is none."""
    with _opened(within, folder) as handle:
        names = [name for place, name in _candidates(handle, OutputLimits()) if place == "." and name.endswith(suffix)]
        if len(names) > 1:
            raise RefusedOutput(f"the build left {len(names)} files *{suffix}, where it should leave one")
        for name in names:
            _copy(handle, name, destination, limit)
        return bool(names)


def _judged(found: dict[str, Rpm], rules: Rules) -> Accepted:
    warnings: list[str] = []
    remarks: list[str] = []
    for name, rpm in sorted(found.items()):
        if problem := next(payload_problems(rpm), None):
            raise RefusedOutput(f"{name}: {problem}")
        if rules.base is not None:
            claims = takeover.claims_of(rpm)
            if problems := takeover.taken(claims, rules.base, rules.replaces):
                raise RefusedOutput("; ".join(map(str, problems[:_SHOWN])), takeover.hint(problems))
            warnings += takeover.shared_libraries(claims, rules.base, rules.replaces)
        for weight, text in _linted(rpm, rules.lint):
            if weight == "required":
                raise RefusedOutput(f"{name}: {text}", "mend the spec, or weigh the rule less: 'lint' in planex.yaml")
            (warnings if weight == "warning" else remarks).append(f"{name}: {text}")
    return Accepted(tuple(sorted(found)), tuple(warnings), tuple(remarks))


def _linted(rpm: Rpm, lint: LintSettings) -> Iterator[tuple[str, str]]:
    """Weight and words of each thing that an RPM should not have."""
    for rule, look in RULES.items():
        weight = getattr(lint, rule)
        if weight != "off":
            yield from ((weight, _shown(text)) for text in look(rpm))


def promised(package: Package) -> tuple[str, ...]:
    """File names of RPMs that a build of the package may make: the spec's own, and rpm's debug packages."""
    subs = [sub for sub in package.subpackages if sub.arch != "noarch"]
    debug = {f"{sub.name}-debuginfo-{sub.version}-{sub.release}.{sub.arch}.rpm" for sub in subs}
    for sub in subs:
        end = f"{package.version}-{package.release}.{sub.arch}.rpm"
        debug |= {f"{package.name}-debuginfo-{end}", f"{package.name}-debugsource-{end}"}
    return (*package.rpm_names, *sorted(debug - set(package.rpm_names)))


def _require_promised(name: str, package: Package, found: Collection[str]) -> None:
    if name in found:
        raise RefusedOutput(f"{name} was made twice", "the spec's %_rpmfilename must give each RPM a name of its own")
    if name not in promised(package):
        raise RefusedOutput(
            f"{_shown(name)} is no RPM that the spec promises", "it promises " + ", ".join(package.rpm_names)
        )


def payload_problems(rpm: Rpm) -> Iterator[str]:
    """What is wrong with the paths of an RPM, in words."""
    links = {entry.path for entry in rpm.entries if entry.is_link}
    debug = rpm.name.endswith(("-debuginfo", "-debugsource"))
    for entry in rpm.entries:
        yield from _entry_problems(entry)
        if any(str(above) in links for above in Path(entry.path).parents):
            yield f"{_shown(entry.path)} lies behind a symbolic link of the same package"
        if debug and not any(_is_near(entry.path, top) for top in _DEBUG):
            yield f"{_shown(entry.path)} has no place in a debug package"


def _is_near(path: str, top: str) -> bool:
    return f"{path}/".startswith(f"{top}/") or f"{top}/".startswith(f"{path}/")


def _entry_problems(entry: RpmEntry) -> Iterator[str]:
    path = entry.path
    if not path.startswith("/") or posixpath.normpath(path) != (path.rstrip("/") or "/") or "//" in path:
        yield f"{_shown(path)} is no absolute, plain path"
    if _CONTROL.search(path) or _CONTROL.search(entry.link):
        yield f"{_shown(path)} has control characters"
    if not (stat.S_ISREG(entry.mode) or entry.is_folder or entry.is_link):
        yield f"{_shown(path)} is {_kind(entry.mode)}"
    if entry.is_link and _leaves_root(path, entry.link):
        yield f"{_shown(path)} is a symbolic link out of the root: {_shown(entry.link)}"


def _leaves_root(path: str, link: str) -> bool:
    """Whether a link climbs over the root, or through /proc into another one."""
    depth = 0 if link.startswith("/") else len(posixpath.dirname(path).strip("/").split("/"))
    if not link:
        return True
    for part in link.split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        if depth < 0:
            return True
    return bool(_INTO_HOST.match(posixpath.normpath(posixpath.join(posixpath.dirname(path), link))))


def _kind(mode: int) -> str:
    return next((kind for test, kind in _KINDS.items() if test(mode)), "of an unknown kind")


def _shown(text: str) -> str:
    """A hostile name as printable text."""
    return text.encode("unicode_escape", "surrogateescape").decode("ascii", "replace")[:200]


@contextmanager
def _opened(within: Path, folder: Path) -> Iterator[int]:
    """``folder``, opened from ``within`` down without following a link."""
    handle = os.open(within, _FOLDER)
    try:
        for part in folder.relative_to(within).parts:
            try:
                below = os.open(part, _FOLDER, dir_fd=handle)
            except OSError as error:
                raise RefusedOutput(f"the build left no folder {folder.name} with RPMs: {error.strerror}") from None
            os.close(handle)
            handle = below
        yield handle
    finally:
        os.close(handle)


@contextmanager
def _opened_folder(parent: int, name: str) -> Iterator[int]:
    handle = os.open(name, _FOLDER, dir_fd=parent)
    try:
        yield handle
    finally:
        os.close(handle)


def _candidates(handle: int, limits: OutputLimits) -> list[tuple[str, str]]:
    """Subfolder (``.`` for the folder itself) and name of all that is called an RPM, one folder deep, sorted."""
    found = []
    for place in (".", *_subfolders(handle)):
        with _opened_folder(handle, place) as folder, os.scandir(folder) as entries:
            for number, entry in enumerate(entries):
                if number >= limits.entries:
                    raise RefusedOutput(f"the build left more than {limits.entries} files where its RPMs should be")
                if entry.name.endswith(".rpm") and not entry.name.endswith(".src.rpm"):
                    found.append((place, entry.name))
    return sorted(found, key=lambda item: item[::-1])


def _subfolders(handle: int) -> Sequence[str]:
    with os.scandir(handle) as entries:
        return sorted(
            entry.name for entry in entries if entry.is_dir(follow_symlinks=False) and not entry.name.endswith(".rpm")
        )[:100]


def _copy(parent: int, name: str, destination: Path, limit: int) -> int:
    """Copy one regular file of one name; its size in bytes."""
    shown = _shown(name)
    _require_plain(shown, os.stat(name, dir_fd=parent, follow_symlinks=False), limit)
    try:
        reading = os.open(name, _FILE, dir_fd=parent)
    except OSError as error:
        raise RefusedOutput(f"{shown} cannot be read: {error.strerror}") from None
    try:
        _require_plain(shown, os.fstat(reading), limit)
        return _copy_bytes(reading, destination, shown, limit)
    finally:
        os.close(reading)


def _require_plain(shown: str, found: os.stat_result, limit: int) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise RefusedOutput(f"{shown} is {_kind(found.st_mode)}, not a file")
    if found.st_nlink != 1:
        raise RefusedOutput(f"{shown} is a hard link: the same file has {found.st_nlink} names")
    if found.st_size > limit:
        raise RefusedOutput(f"{shown} is too large: {found.st_size} bytes, {limit} are allowed")


def _copy_bytes(reading: int, destination: Path, shown: str, limit: int) -> int:
    writing = os.open(destination, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    done = 0
    try:
        while data := os.read(reading, _CHUNK):
            done += len(data)
            if done > limit:
                raise RefusedOutput(f"{shown} grows while it is read")
            write_all(writing, data)
        os.fchmod(writing, PUBLISHED)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(destination)) from None
    finally:
        os.close(writing)
    return done


def _read(path: Path) -> Rpm:
    try:
        with path.open("rb") as file:
            rpm = read_rpm(file)
    except BadRpm as error:
        raise RefusedOutput(f"{path.name}: {error.message}") from None
    if rpm.file_name != path.name:
        raise RefusedOutput(f"{path.name}: it says of itself that it is {_shown(rpm.file_name)}")
    return rpm
