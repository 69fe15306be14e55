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
from planex.patchqueue.files import Changes, File
from planex.patchqueue.tree import ENVIRONMENT, Repository, Signature
from planex.run import find, talk

NULL_ID = "0" * 40
DIFF_FLAGS = (
    "-p", "-r", "--root", "--full-index", "--binary", "--no-renames", "-U3", "--diff-algorithm=myers",
    "--no-ext-diff", "--no-textconv", "--no-color", "--no-indent-heuristic",
)  # fmt: skip
_ANSWER_SECONDS = 600.0
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

    def ids(self, names: Sequence[str]) -> list[str | None]:
        """Object ids; None for those that are not there."""
        self.ask(b"".join(b"info " + _encode(name) + b"\n" for name in names))
        answers = [self.out.readline().split() for _ in names]
        return [None if answer[-1:] == [b"missing"] else answer[0].decode() for answer in answers]

    def content(self, name: str) -> bytes | None:
        """A blob's bytes."""
        return self._read(name, b"blob")

    def modes(self, name: str) -> dict[str, str]:
        """Entry name to mode of a tree (one folder)."""
        data = self._read(name, b"tree") or b""
        modes = {}
        at = 0
        while at < len(data):
            end = data.index(b"\0", at)
            mode, _, entry = data[at:end].partition(b" ")
            modes[_decode(entry)] = mode.decode().rjust(6, "0")
            at = end + 1 + len(NULL_ID) // 2
        return modes

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


class Names(Pipe):
    """Which paths differ between two trees."""

    def __init__(self, repository: Repository) -> None:
        super().__init__(repository, ["diff-tree", "--stdin", "-r", "--no-renames", "--name-only"])

    def changed(self, old: str, new: str) -> list[str]:
        self.ask(f"{old} {new}\nend\n".encode())
        self.out.readline()
        return [_decode(line) for line in _until_end(self.out).splitlines()]


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
        super().__init__(repository, ["fast-import", "--quiet", "--force", "--date-format=raw"])
        self._mark = 0
        self._marks: dict[str, int] = {}

    def blob(self, data: bytes) -> int:
        """Store a file's content; returns its mark for ``put_blob``."""
        self._mark += 1
        self.write(b"blob\nmark :%d\ndata %d\n" % (self._mark, len(data)))
        self.write(data + b"\n")
        return self._mark

    def begin_commit(self, ref: str, parent: str | None, author: Signature, message: str) -> None:
        """Start a commit on ``ref``; its files follow by ``put`` and ``remove``, then ``commit_id``."""
        self._mark += 1
        text = message.encode("utf-8", "surrogateescape")
        head = f"commit {ref}\nmark :{self._mark}\nauthor {author}\ncommitter {author}\ndata {len(text)}\n"
        self.write(head.encode() + text + b"\n")
        if parent:
            known = self._marks.get(parent)
            self.write(f"from :{known}\n".encode() if known else f"from {parent}\n".encode())

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

    def commit_id(self) -> str:
        """The id of the commit just written. Other processes see it once this one has ended."""
        self.ask(f"\nget-mark :{self._mark}\n".encode())
        answer = self.out.readline().strip().decode()
        if len(answer) != len(NULL_ID):
            raise PlanexError("git fast-import did not take a commit")
        self._marks[answer] = self._mark
        return answer


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
