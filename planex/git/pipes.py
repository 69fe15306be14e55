# SPDX-License-Identifier: LGPL-2.1-or-later
"""git processes that stay up and are asked many things: a new process for each question costs more than the answer.

Formats: git-cat-file(1) ``--batch-command``, git-merge-tree(1) ``--stdin``, git-diff-tree(1) ``--stdin``,
git-fast-import(1).
"""

from __future__ import annotations

import contextlib
import select
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Any, Self

from planex.errors import PlanexError
from planex.git.door import ENVIRONMENT
from planex.git.files import Changes, File
from planex.git.quoting import unquote
from planex.git.repository import Repository, Signature
from planex.run import find, talk

NULL_ID = "0" * 40
DIFF_FLAGS = (
    "-p", "-r", "--root", "--full-index", "--binary", "--no-renames", "-U3", "--diff-algorithm=myers",
    "--no-ext-diff", "--no-textconv", "--no-color", "--no-indent-heuristic",
)  # fmt: skip
_ID = 40
"""Digits of an object's id: it names the same bytes for ever."""
_KEPT, _LARGE = 200, 1 << 20
"""Blobs that are kept, and bytes from which on one is not."""
_AT_ONCE = 100
"""Questions sent before their answers are read: few enough that neither side's pipe fills up."""
_FIRST_ANSWER_SECONDS = 10.0


class Pipe:
    """A running git command: a context manager with ``ask`` (write and flush) and an output stream."""

    def __init__(self, repository: Repository, words: Sequence[str], *, unbuffered: bool = False) -> None:
        wrapper = ["stdbuf", "-o0"] if unbuffered else []
        self._name = words[0]
        self._talk = talk([*wrapper, "git", *words], cwd=repository.path, env=ENVIRONMENT)
        self._stack = contextlib.ExitStack()
        self._process: Any = None

    def __enter__(self) -> Self:
        self._process = self._stack.enter_context(self._talk)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        if kind is None:
            self._process.wait()
        self._stack.close()

    @property
    def out(self) -> IO[bytes]:
        stream: IO[bytes] = self._process.stdout
        return stream

    def ask(self, data: bytes) -> None:
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise PlanexError(f"git {self._name} ended early") from None

    def write(self, data: bytes) -> None:
        try:
            self._process.stdin.write(data)
        except BrokenPipeError:
            raise PlanexError(f"git {self._name} ended early") from None

    def finish(self, data: bytes) -> None:
        """Ask the last thing."""
        self.ask(data)
        self._process.stdin.close()

    def answers_within(self, seconds: float) -> bool:
        """Whether something can be read; only meaningful when nothing is buffered here."""
        return bool(select.select([self.out], [], [], seconds)[0])

    def until(self, mark: bytes) -> bytes:
        """Read up to a mark of one byte, which is dropped."""
        parts = bytearray()
        while (byte := self.out.read(1)) != mark:
            if not byte:
                raise PlanexError(f"git {self._name} ended early")
            parts += byte
        return bytes(parts)


class Objects(Pipe):
    """Reads objects by name (``<tree>:<path>``, ids)."""

    def __init__(self, repository: Repository) -> None:
        super().__init__(repository, ["cat-file", "--batch-command=%(objectname) %(objecttype) %(objectsize)"])
        self._kept: dict[str, bytes] = {}

    def ids(self, names: Sequence[str]) -> list[str | None]:
        """Object ids; None for those that are not there."""
        found: list[str | None] = []
        for start in range(0, len(names), _AT_ONCE):
            some = names[start : start + _AT_ONCE]
            self.ask(b"".join(b"info " + _encode(name) + b"\n" for name in some))
            answers = [self.out.readline().split() for _ in some]
            found += [None if answer[-1:] == [b"missing"] else answer[0].decode() for answer in answers]
        return found

    def content(self, name: str) -> bytes | None:
        """A blob's bytes. Those asked for by id are kept a while, as a queue changes the same files again and again."""
        if name in self._kept:
            return self._kept[name]
        data = self._read(name, b"blob")
        if data is not None and len(name) == _ID and len(data) < _LARGE:
            if len(self._kept) == _KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[name] = data
        return data

    def tree(self, name: str) -> bytes:
        """A tree object's bytes, empty if there is none."""
        return self._read(name, b"tree") or b""

    def _read(self, name: str, kind: bytes) -> bytes | None:
        self.ask(b"contents " + _encode(name) + b"\n")
        answer = self.out.readline().split()
        if not answer or answer[-1] == b"missing":
            return None
        data = self.out.read(int(answer[2]))
        self.out.read(1)
        return data if answer[1] == kind else None


@dataclass(frozen=True, slots=True)
class Merge:
    """Result of a merge. ``tree`` holds conflict markers unless ``clean``; ``files`` are those in conflict."""

    clean: bool
    tree: str
    files: tuple[str, ...] = ()


class Merger(Pipe):
    """Three-way merges of two commits; the base is their nearest common ancestor."""

    def __init__(self, repository: Repository, config: Mapping[str, str] | None = None) -> None:
        words = [word for key, value in (config or {}).items() for word in ("-c", f"{key}={value}")]
        self._words = [*words, "merge-tree", "--write-tree", "--no-messages", "--name-only"]
        self._repository = repository
        self._lasting = find("stdbuf") is not None
        super().__init__(repository, [*self._words, "--stdin"], unbuffered=self._lasting)
        self._tried = False

    def merge(self, ours: str, theirs: str) -> Merge:
        """Merge ``theirs`` into ``ours``."""
        if self._lasting:
            self.ask(f"{ours} {theirs}\n".encode())
            if self._tried or self.answers_within(_FIRST_ANSWER_SECONDS):
                self._tried = True
                return self._read()
            self._lasting = False  # this git keeps its answers back until it ends
        return self._once(ours, theirs)

    def _read(self) -> Merge:
        clean, tree = self.until(b"\0") == b"1", self.until(b"\0").decode()
        return Merge(clean, tree, tuple(_decode(name) for name in iter(lambda: self.until(b"\0"), b"")))

    def _once(self, ours: str, theirs: str) -> Merge:
        status, out, err = self._repository.attempt(*self._words, "-z", ours, theirs)
        if status not in (0, 1):
            raise PlanexError(f"git merge-tree: {err.strip()}")
        tree, *files = [part for part in out.split("\0") if part]
        return Merge(status == 0, tree, tuple(files))


class Differ(Pipe):
    """Diffs of commits and trees, the same bytes on every machine."""

    def __init__(self, repository: Repository, strip: int = 1) -> None:
        prefixes = ["--no-prefix"] if strip == 0 else [f"--src-prefix={'a/' * strip}", f"--dst-prefix={'b/' * strip}"]
        super().__init__(repository, ["diff-tree", "--stdin", *DIFF_FLAGS, *prefixes])

    def diff(self, old: str, new: str) -> bytes:
        """The diff from one tree to another (ids of trees: commits would be taken as commit and parent)."""
        self.ask(f"{old} {new}\nend\n".encode())
        self.out.readline()  # diff-tree repeats the two ids
        return _until_end(self.out)


class Changed(Pipe):
    """Which files differ between two trees."""

    def __init__(self, repository: Repository) -> None:
        super().__init__(repository, ["diff-tree", "--stdin", "-r", "--no-renames", "--raw", "--no-abbrev"])

    def between(self, old: str, new: str) -> dict[str, tuple[str, str] | None]:
        """Path to mode and blob id in the new tree; None: gone there."""
        self.ask(f"{old} {new}\nend\n".encode())
        self.out.readline()
        found: dict[str, tuple[str, str] | None] = {}
        for line in _until_end(self.out).splitlines():
            fields, _, name = line.partition(b"\t")
            _, mode, _, blob, kind = fields.decode().split()
            path = unquote(name) if name.startswith(b'"') else _decode(name)
            found[path] = None if kind == "D" else (mode, blob)
        return found


def _until_end(stream: IO[bytes]) -> bytes:
    """Output up to the line ``end``, which diff-tree repeats since it is no object's name.

    No line of a diff can be just that: each begins with a space, a sign or a word of git's.
    """
    lines: list[bytes] = []
    for line in iter(stream.readline, b"end\n"):
        if not line:
            raise PlanexError("git diff-tree ended early")
        lines.append(line)
    return b"".join(lines)


class Importer(Pipe):
    """Writes commits, many of them, in one process."""

    def __init__(self, repository: Repository) -> None:
        # depth: a delta to the file written before saves no room, and every reading pays for the whole row of them
        super().__init__(repository, ["fast-import", "--quiet", "--depth=0", "--force", "--date-format=raw"])
        self._mark = 0

    def blob(self, data: bytes) -> int:
        """Store a file's content; returns its mark for ``put_blob``."""
        self._mark += 1
        self.write(b"blob\nmark :%d\ndata %d\n" % (self._mark, len(data)))
        self.write(data + b"\n")
        return self._mark

    def begin_commit(self, ref: str, parent: str | int | None, author: Signature, message: str) -> int:
        """Start a commit on ``ref``; its files follow. ``parent`` is an id or the mark of a commit made here.

        Returns the commit's mark; ``commit_ids`` tells its id.
        """
        self._mark += 1
        text = message.encode("utf-8", "surrogateescape")
        head = f"commit {ref}\nmark :{self._mark}\nauthor {author}\ncommitter {author}\ndata {len(text)}\n"
        self.write(head.encode() + text + b"\n")
        if parent is not None:
            self.write(f"from {f':{parent}' if isinstance(parent, int) else parent}\n".encode())
        return self._mark

    def put(self, path: str, file: File) -> None:
        self.write(b"M %s inline %s\ndata %d\n" % (file.mode.encode(), quote(path), len(file.data)))
        self.write(file.data + b"\n")

    def put_blob(self, path: str, mode: str, mark: int) -> None:
        self.write(b"M %s :%d %s\n" % (mode.encode(), mark, quote(path)))

    def remove(self, path: str) -> None:
        self.write(b"D " + quote(path) + b"\n")

    def change(self, changes: Changes) -> None:
        for path, file in sorted(changes.items()):
            if file is None:
                self.remove(path)
            else:
                self.put(path, file)

    def commit_ids(self, marks: Sequence[int]) -> list[str]:
        """The ids of commits just written. Other processes see them once this one has ended."""
        self.write(b"\n")
        ids: list[str] = []
        for start in range(0, len(marks), _AT_ONCE):
            some = marks[start : start + _AT_ONCE]
            self.ask(b"".join(b"get-mark :%d\n" % mark for mark in some))
            ids += [self.out.readline().strip().decode() for _ in some]
        if any(len(commit) != len(NULL_ID) for commit in ids):
            raise PlanexError("git fast-import did not take a commit")
        return ids


def quote(path: str) -> bytes:
    """A path as fast-import reads it."""
    data = _encode(path)
    if data.startswith(b'"') or b"\n" in data:
        return b'"' + data.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'
    return data


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
