# SPDX-License-Identifier: LGPL-2.1-or-later
"""Applies a patch with the very command that rpm's ``%autosetup`` runs, and reads what it says about each hunk.

A binary git patch goes through ``git apply``, as GNU patch cannot read it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from planex.disk import write
from planex.drafts import temporary_folder
from planex.git.files import EXECUTABLE, FILE, SYMLINK, Changes, File, FileSet
from planex.git.repository import git_apply
from planex.patchqueue.format.diff import FileDiff
from planex.patchqueue.format.queue import Patch
from planex.run import run

_FILE = re.compile(r"(?:patching|checking) (?:file|symbolic link) '?(.+?)'?(?: \(.*\))?$")
_HUNK = re.compile(
    r"Hunk #(\d+) (succeeded|FAILED) at (\d+)"
    r"(?: \(different line endings\))?(?: with fuzz (\d+))?(?: \(offset (-?\d+) lines?\))?\.?$"
)
_MISSING = re.compile(r"can't find file to patch at input line (\d+)")
_FATAL = re.compile(r"patch: \*\*\*\* (.*)$")
_REFUSED = re.compile(r"(File .+(?:refusing to patch|not supported)\.?|Not deleting file .*)$")
_GIT_FAILED = re.compile(r"error: patch failed: (.+):(\d+)$")


@dataclass(frozen=True, slots=True)
class HunkNote:
    """What happened to one hunk that did not go in at the line it names."""

    file: str
    hunk: int
    """Its number in the file's diff, from 1; 0: the file's diff as a whole."""
    line: int
    """Where in the source file, from 1; 0 unknown."""
    offset: int = 0
    fuzz: int = 0
    failed: bool = False
    reason: str = ""

    def __str__(self) -> str:
        where = f"{self.file}: hunk {self.hunk} at line {self.line}" if self.hunk else self.file
        if self.failed:
            return f"{where}: {self.reason or 'does not match'}"
        parts = [f"offset {self.offset:+d}"] if self.offset else []
        parts += [f"fuzz {self.fuzz}"] if self.fuzz else []
        return f"{where}: {', '.join(parts)}"


@dataclass(frozen=True, slots=True)
class ToolResult:
    """``ok`` is the tool's own verdict; ``changes`` are meaningful only then."""

    ok: bool
    changes: Changes
    notes: tuple[HunkNote, ...]


def apply_with_tool(
    patch: Patch, files: FileSet, scratch: Path, *, fuzz: int = 0, reverse: bool = False, git: bool = False
) -> ToolResult:
    """Apply ``patch`` to copies of the files it names, below ``scratch``; with ``git`` by ``git apply``."""
    with temporary_folder(scratch, "patch") as folder:
        tree, file = folder / "tree", folder / "patch"
        tree.mkdir()
        write(file, patch.data)
        for path in patch.diff.paths:
            _write(tree, path, files.get(path))
        ok, notes = (_git if git or patch.diff.binary else _gnu)(patch, tree, file, fuzz, reverse)
        changes = dict(_changed(tree, patch.diff.paths, files)) if ok else {}
        return ToolResult(ok, changes, notes)


def _gnu(patch: Patch, tree: Path, file: Path, fuzz: int, reverse: bool) -> tuple[bool, tuple[HunkNote, ...]]:
    argv = ["patch", f"-p{patch.strip}", f"--fuzz={fuzz}", "--no-backup-if-mismatch", "-f", "-r", "-"]
    done = run([*argv, *(["-R"] if reverse else []), "-i", file], cwd=tree, check=False)
    notes = tuple(_read_output(done.stdout + done.stderr, patch))
    ok = done.returncode == 0
    if not ok and not any(note.failed for note in notes):
        last = (done.stdout + done.stderr).strip().splitlines()
        notes += (HunkNote(patch.name, 0, 0, failed=True, reason=last[-1] if last else "patch failed"),)
    return ok, notes


def _git(patch: Patch, tree: Path, file: Path, _fuzz: int, reverse: bool) -> tuple[bool, tuple[HunkNote, ...]]:
    error = git_apply(tree, file, patch.strip, reverse=reverse)
    if error is None:
        return True, ()
    lines = error.splitlines()
    failed = [match for line in lines if (match := _GIT_FAILED.match(line.strip()))]
    notes = [HunkNote(match[1], 0, int(match[2]), failed=True) for match in failed]
    reason = next((line.removeprefix("error: ") for line in lines if line.startswith("error: ")), error)
    return False, tuple(notes or [HunkNote(patch.name, 0, 0, failed=True, reason=reason)])


def _read_output(text: str, patch: Patch) -> Iterator[HunkNote]:
    file = patch.diff.paths[0] if patch.diff.paths else patch.name
    for raw in text.splitlines():
        line = raw.strip()
        if match := _FILE.match(line):
            file = match[1]
        elif match := _HUNK.match(line):
            note = HunkNote(
                file, int(match[1]), int(match[3]), int(match[5] or 0), int(match[4] or 0), match[2] == "FAILED"
            )
            if note.failed or note.offset or note.fuzz:
                yield note
        elif match := _MISSING.match(line):
            yield HunkNote(_file_at(patch, int(match[1])), 0, 0, failed=True, reason="no such file in the source")
        elif match := _FATAL.match(line) or _REFUSED.match(line):
            yield HunkNote(file, 0, 0, failed=True, reason=match[1])


def _file_at(patch: Patch, line: int) -> str:
    """The file that a diff at ``line`` of the patch is about."""
    found: FileDiff | None = None
    header = patch.data.count(b"\n", 0, patch.diff_start)
    for file in patch.diff.files:
        if file.hunks and (found is None or header + file.hunks[0].patch_line <= line + 1):
            found = file
    return found.path if found else patch.name


def _write(tree: Path, path: str, file: File | None) -> None:
    if file is None:
        return
    target = tree / path
    target.parent.mkdir(parents=True, exist_ok=True)
    if file.mode == SYMLINK:
        target.symlink_to(os.fsdecode(file.data))
        return
    write(target, file.data)
    target.chmod(0o755 if file.mode == EXECUTABLE else 0o644)


def read_file(path: Path) -> File | None:
    """A file of a folder as git would record it; None for anything that is no file or link."""
    if path.is_symlink():
        return File(os.fsencode(path.readlink()), SYMLINK)
    if not path.is_file():
        return None
    return File(path.read_bytes(), EXECUTABLE if path.stat().st_mode & 0o100 else FILE)


def _changed(tree: Path, paths: tuple[str, ...], files: FileSet) -> Iterator[tuple[str, File | None]]:
    for path in paths:
        new = read_file(tree / path)
        if new != files.get(path):
            yield path, new
