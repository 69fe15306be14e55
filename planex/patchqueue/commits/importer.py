# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes a queue of what others keep: quilt, guilt and mail folders, queue tarballs, git branches, specs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from planex.disk import naming
from planex.drafts import temporary_folder, write_atomic
from planex.errors import ConfigError, PlanexError, Problem
from planex.git.repository import Repository
from planex.patchqueue.commits.export import export, read_commits
from planex.patchqueue.commits.numbered import read_numbered
from planex.patchqueue.format.queue import MAX_PATCH, SERIES, PatchQueue, load_queue
from planex.patchqueue.format.series import Series, make_entry
from planex.patchqueue.format.specpatches import SpecPatch, read_spec
from planex.sources.tarballs import UnpackLimits, content_of, read_tarball

_LIMITS = UnpackLimits(size=4 << 30, members=200_000, member=MAX_PATCH)
"""Of a tarball with a queue: its files are unpacked."""
_PLACES = ("series", "patches/series", "debian/patches/series", "quilt/series")


@dataclass(frozen=True, slots=True)
class Found:
    """A queue to be: the series' text, its patches, and what was noticed on the way."""

    series: str
    patches: dict[str, bytes]
    remarks: tuple[str, ...] = ()


def find(source: str, scratch: Path, *, span: str | None = None, prefix: str | None = None) -> Found:
    """Read a queue from a folder, a tarball, a git repository (with ``span``: base..head) or a .spec file.

    ``prefix`` names the folder that holds the series, where there are several. Raises ConfigError with file and
    line for what cannot be used.
    """
    path = Path(source)
    if span is not None:
        return from_git(source, span, scratch)
    if not path.exists():
        raise PlanexError(f"{source}: no such file or folder", "a git repository needs --range BASE..HEAD")
    if path.is_dir():
        return from_folder(path, prefix)
    if path.suffix == ".spec":
        return from_spec(path)
    return from_tarball(path, scratch, prefix)


def from_folder(folder: Path, prefix: str | None = None) -> Found:
    """A quilt, guilt or planex folder, one that holds such a folder in the usual place, or git format-patch's."""
    places = [folder / place for place in ((f"{prefix}/series",) if prefix else _PLACES)]
    places += [] if prefix else sorted(folder.glob(".git/patches/*/series"))
    found = [place for place in places if place.is_file()]
    if not found:
        return _without_series(folder / prefix if prefix else folder)
    if len(found) > 1 and found[0].parent != folder:
        names = ", ".join(str(place.parent.relative_to(folder)) for place in found)
        raise PlanexError(f"{folder} holds several queues: {names}", "choose one with --prefix")
    return _read(found[0].parent)


def _without_series(folder: Path) -> Found:
    """The patches of ``git format-patch``; their numbers are the order."""
    if numbered := read_numbered(folder):
        return Found("".join(f"{name}\n" for name in numbered.patches), numbered.patches, numbered.remarks)
    lack = (
        "and no patches" if not any(folder.glob("*.patch")) else "and its patches have no numbers to tell their order"
    )
    raise PlanexError(
        f"{folder} holds no series file, {lack}",
        f"looked for {', '.join(_PLACES)}, guilt's, and 0001-*.patch as git format-patch writes them",
    )


def _read(folder: Path) -> Found:
    queue = load_queue(folder)
    patches = {patch.name: patch.data for patch in (*queue.applied, *queue.skipped)}
    spare = sorted(path.name for path in folder.glob("*.patch") if path.name not in patches)
    remarks = (f"not in the series, so left behind: {', '.join(spare)}",) if spare else ()
    return Found(queue.series.text(), patches, remarks)


def from_tarball(tarball: Path, scratch: Path, prefix: str | None = None) -> Found:
    """A planex patch-queue tarball, or any other that holds a series."""
    with _unpacked(tarball, scratch) as folder:
        places = [path.parent for path in sorted(folder.rglob(SERIES)) if path.is_file()]
        if prefix:
            places = [place for place in places if str(place.relative_to(folder)).endswith(prefix.strip("/"))]
        if not places:
            raise PlanexError(f"{tarball} holds no series file" + (f" in {prefix}" if prefix else ""))
        if len(places) > 1:
            names = ", ".join(str(place.relative_to(folder)) for place in places)
            raise PlanexError(f"{tarball} holds several queues: {names}", "choose one with --prefix")
        try:
            return _read(places[0])
        except ConfigError as error:
            inside = [
                Problem(_inside(problem.path, folder, tarball), problem.line, problem.message)
                for problem in error.problems
            ]
            raise ConfigError(inside) from None


def _inside(path: Path, folder: Path, tarball: Path) -> Path:
    return tarball / path.relative_to(folder) if path.is_relative_to(folder) else path


@contextmanager
def _unpacked(tarball: Path, scratch: Path) -> Iterator[Path]:
    """The tarball's plain files; links, devices and paths that lead out are not taken."""
    with temporary_folder(scratch, "import") as folder:
        for member, archive in read_tarball(tarball, _LIMITS):
            content = content_of(member, archive, str(tarball), _LIMITS)
            if content is not None and ".." not in PurePosixPath(member.name).parts and "\0" not in member.name:
                target = folder / member.name.lstrip("/")
                with naming(target, "write"):
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(content)
        yield folder


def from_git(source: str, span: str, scratch: Path) -> Found:
    """The commits base..head of a repository (path or URL), one patch each."""
    base, dots, head = span.partition("..")
    if not (base and dots and head) or head.startswith("."):
        raise PlanexError(f"'{span}' is not a range", "write BASE..HEAD, with tags, branches or commits")
    with temporary_folder(scratch, "import") as folder:
        repository = Repository.create(folder / "repo.git", bare=True)
        repository.git("fetch", "--quiet", "--tags", _address(source), "+refs/heads/*:refs/heads/*")
        ids = [repository.resolve(f"{name}^{{commit}}") for name in (base, head)]
        missing = [name for name, commit in zip((base, head), ids, strict=True) if commit is None]
        if missing:
            raise PlanexError(f"{source} has no commit {' or '.join(missing)}")
        start, end = (str(commit) for commit in ids)
        commits = read_commits(repository, start, end)
        tree = repository.git("rev-parse", f"{start}^{{tree}}")
        items = export(repository, tree, commits, PatchQueue(folder, frozenset(), Series(), ()))
    lines = [make_entry(item.entry.name, item.entry.strip, item.entry.guards).text for item in items]
    return Found("".join(f"{line}\n" for line in lines), {item.entry.name: item.data for item in items})


def _address(source: str) -> str:
    return str(Path(source).resolve()) if Path(source).exists() else source


def from_spec(spec: Path) -> Found:
    """The patches of a spec, in the order in which its %prep applies them."""
    listed, remarks = read_spec(spec)
    patches: dict[str, bytes] = {}
    problems: list[Problem] = []
    for item in listed:
        file = _find_file(spec, item)
        if file is None:
            problems.append(Problem(spec, item.line, f"{item.name} is neither beside the spec nor in ../SOURCES"))
        else:
            patches[item.name] = file.read_bytes()
    if problems:
        raise ConfigError(problems)
    if not listed:
        raise PlanexError(f"{spec} names no patches")
    return Found("".join(_spec_lines(listed)), patches, tuple(remarks))


def _find_file(spec: Path, item: SpecPatch) -> Path | None:
    places = (spec.parent / item.name, spec.parent.parent / "SOURCES" / item.name, spec.parent / "SOURCES" / item.name)
    return next((place for place in places if place.is_file()), None)


def _spec_lines(items: Sequence[SpecPatch]) -> Iterable[str]:
    for number, item in enumerate(items):
        if item.comments:
            yield ("\n" if number else "") + "".join(f"{comment}\n" for comment in item.comments)
        yield make_entry(item.name, item.strip).text + "\n"


def write(found: Found, folder: Path) -> PatchQueue:
    """Make the queue's folder. Raises PlanexError if there is a queue already."""
    if folder.exists() and any(folder.iterdir()):
        raise PlanexError(f"{folder} is not empty", "move the queue that is there away first")
    with temporary_folder(folder.parent, folder.name) as made:
        for name, data in found.patches.items():
            write_atomic(made / name, data)
        write_atomic(made / SERIES, found.series.encode("utf-8", "surrogateescape"))
        load_queue(made)
        if folder.exists():
            folder.rmdir()
        made.rename(folder)
    return load_queue(folder)
