# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is known of upstream's commits, in one SQLite file that grows: each commit is read once, whatever the range.

Of every commit: subject, author, date, the paths it touches, the commits it says it was taken from or reverts. Its
diff is read where it is asked for. A file that is damaged is made anew; one that cannot be written is done without.
Several processes may use it at once: what one adds, the other has or adds again.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from planex.errors import PlanexError
from planex.git.pipes import DIFF_FLAGS, Pipe
from planex.git.quoting import unquote
from planex.git.repository import Repository
from planex.patchqueue.carry.contents import content_of_diff
from planex.patchqueue.format.header import find_origins

SHORT = 12
"""Digits that name a commit."""
_FIELDS = 4
_VALUES = 500
"""Values in one question."""
_AT_ONCE = 2000
"""Commits read and kept in one step."""
_WAIT_SECONDS = 60.0
_LAST_DATE = 2**40
"""Seconds since 1970. Later dates are nonsense that somebody wrote into a commit, and more than SQLite takes."""
_TITLE_NOISE = re.compile(r"^(?:\[[^]]*\]|(?:upstream|backport|fromlist|fromgit)\b[ :]*)\s*|\.$", re.IGNORECASE)
_REVERT = re.compile(r"^This reverts commit ([0-9a-f]{12,40})\b", re.MULTILINE)
_TABLES = (
    "CREATE TABLE commits (id TEXT PRIMARY KEY, subject TEXT, title TEXT, author TEXT, date INTEGER) WITHOUT ROWID",
    "CREATE INDEX titles ON commits (title)",
    "CREATE TABLE paths (path TEXT, id TEXT, PRIMARY KEY (path, id)) WITHOUT ROWID",
    "CREATE TABLE origins (short TEXT, origin TEXT, id TEXT, PRIMARY KEY (short, origin, id)) WITHOUT ROWID",
    "CREATE TABLE reverts (id TEXT, reverted TEXT, PRIMARY KEY (id, reverted)) WITHOUT ROWID",
    "CREATE TABLE diffs (id TEXT PRIMARY KEY, name TEXT, files TEXT, lines TEXT) WITHOUT ROWID",
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class UpstreamCommit:
    """A commit of upstream's. ``lines`` are the hashes of what it adds and removes, ``diff`` names all of its diff."""

    id: str
    subject: str
    author: str
    author_date: int
    diff: str
    files: tuple[str, ...]
    lines: frozenset[str]

    @property
    def short(self) -> str:
        return self.id[:SHORT]


class CommitIndex:
    """The commits of a range. What is asked is answered from the file, which learns what it lacks."""

    def __init__(self, repository: Repository, path: Path, span: str) -> None:
        self._repository = repository
        self._path: Path | None = path
        self._base: sqlite3.Connection | None = None
        self._known: dict[str, UpstreamCommit] = {}
        self._order = {commit: at for at, commit in enumerate(repository.git("rev-list", "--reverse", span).split())}
        self.ids = tuple(sorted(self._order))
        """All commits of the range."""

    def touching(self, paths: Iterable[str]) -> list[str]:
        """Commits that touch one of the paths, the oldest first."""
        words = "SELECT id FROM paths JOIN span USING (id) WHERE path IN (%s)"
        return sorted(self._ask(words, map(plain_path, paths)), key=self._order.__getitem__)

    def titled(self, titles: Iterable[str]) -> list[str]:
        """Commits with one of these subjects, as ``plain_title`` makes them."""
        return self._ask("SELECT id FROM commits JOIN span USING (id) WHERE title IN (%s)", titles)

    def taken_from(self, origins: Iterable[str]) -> list[tuple[str, str]]:
        """Commits that say they were taken from one of these (12 digits or more): their ids and what they say."""
        words = "SELECT id, origin FROM origins JOIN span USING (id) WHERE short IN (%s)"
        return self._rows(words, [origin[:SHORT] for origin in origins])

    def origins_of(self, commits: Iterable[str]) -> list[tuple[str, str]]:
        """What commits, of the range or not, say they were taken from: their ids and those."""
        wanted = list(commits)
        self._use(lambda base: self._learn(base, wanted))
        return self._rows("SELECT id, origin FROM origins WHERE id IN (%s)", wanted)

    def reverted(self) -> list[str]:
        """Commits (12 digits or more) of which later ones of the range say that they revert them."""
        return self._ask("SELECT reverted FROM reverts JOIN span USING (id) WHERE '' IN (%s)", [""])

    def commits(self, ids: Iterable[str]) -> list[UpstreamCommit]:
        """Commits with their diffs, in the order asked; those that are not there are left out."""
        wanted = list(dict.fromkeys(ids))
        if new := [name for name in wanted if name not in self._known]:
            self._use(lambda base: self._learn_diffs(base, new))
            words = "SELECT id, subject, author, date, name, files, lines FROM commits JOIN diffs USING (id)"
            for row in self._rows(f"{words} WHERE id IN (%s)", new):
                self._known[row[0]] = _commit(*row)
        return [self._known[name] for name in wanted if name in self._known]

    def _ask(self, words: str, values: Iterable[str]) -> list[str]:
        return list(dict.fromkeys(row[0] for row in self._rows(words, values)))

    def _rows(self, words: str, values: Iterable[str]) -> list[Any]:
        """What the file has for a question; ``%s`` stands for the values."""
        wanted = list(values)

        def rows(base: sqlite3.Connection) -> list[Any]:
            found: list[Any] = []
            for part in _parts(wanted, _VALUES):
                found += base.execute(words.replace("%s", ", ".join("?" * len(part))), part).fetchall()
            return found

        return self._use(rows)

    def _use(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Work with the file; with a new one if it is damaged, and with none if it is of no use."""
        try:
            if self._base is None:
                self._base = self._open()
            return work(self._base)
        except sqlite3.Error as error:
            if self._path is None:
                raise
            self.close()
            if not _is_damage(error) or not _delete(self._path):
                self._path = None
            return self._use(work)

    def close(self) -> None:
        if self._base is not None:
            self._base.close()
            self._base = None

    def _open(self) -> sqlite3.Connection:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        base = sqlite3.connect(self._path or ":memory:", timeout=_WAIT_SECONDS, isolation_level=None)
        try:
            with _changing(base):
                tables = [row[0] for row in base.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL")]
                if tables and tuple(tables) != _TABLES:
                    raise sqlite3.DatabaseError("of another shape")
                for words in _TABLES if not tables else ():
                    base.execute(words)
            self._learn(base, self.ids)
            base.execute("CREATE TEMP TABLE span (id TEXT PRIMARY KEY) WITHOUT ROWID")
            with _changing(base):
                base.executemany("INSERT INTO span VALUES (?)", ((name,) for name in self.ids))
        except BaseException:
            base.close()
            raise
        return base

    def _learn(self, base: sqlite3.Connection, ids: Sequence[str]) -> None:
        for part in _parts(ids, _AT_ONCE):
            if new := _lacking(base, "commits", part):
                facts = list(read_facts(self._repository, new))
                with _changing(base):
                    for table, rows in zip(_ROWS, zip(*facts, strict=True), strict=False):
                        base.executemany(table, (row for some in rows for row in some))

    def _learn_diffs(self, base: sqlite3.Connection, ids: Sequence[str]) -> None:
        self._learn(base, ids)
        for part in _parts(ids, _AT_ONCE):
            if new := _lacking(base, "diffs", part):
                rows = list(read_diffs(self._repository, new))
                with _changing(base):
                    base.executemany("INSERT OR IGNORE INTO diffs VALUES (?, ?, ?, ?)", rows)


def _commit(name: str, subject: str, author: str, date: int, diff: str, files: str, lines: str) -> UpstreamCommit:
    paths = tuple(path for path in files.split("\0") if path)
    return UpstreamCommit(name, subject, author, date, diff, paths, frozenset(lines.split()))


_ROWS = (
    "INSERT OR IGNORE INTO commits VALUES (?, ?, ?, ?, ?)",
    "INSERT OR IGNORE INTO paths VALUES (?, ?)",
    "INSERT OR IGNORE INTO origins VALUES (?, ?, ?)",
    "INSERT OR IGNORE INTO reverts VALUES (?, ?)",
)
Facts = tuple[list[tuple[str | int, ...]], ...]
"""Rows for each of these."""


def _is_damage(error: sqlite3.Error) -> bool:
    """Whether a new file would help: not if it is locked, the disk is full, or nobody may write there."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is None or code & 0xFF in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _delete(path: Path) -> bool:
    try:
        for ending in ("", "-journal"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
    except OSError:
        return False
    return True


@contextmanager
def _changing(base: sqlite3.Connection) -> Iterator[None]:
    base.execute("BEGIN IMMEDIATE")
    with base:
        yield


def _parts(values: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _lacking(base: sqlite3.Connection, table: str, ids: Sequence[str]) -> list[str]:
    known: set[str] = set()
    for part in _parts(ids, _VALUES):
        words = f"SELECT id FROM {table} WHERE id IN ({', '.join('?' * len(part))})"
        known |= {row[0] for row in base.execute(words, part)}
    return [name for name in ids if name not in known]


def plain_title(subject: str) -> str:
    """A subject without tags in front, case and full stop."""
    return " ".join(_TITLE_NOISE.sub("", subject.strip()).lower().split())


def plain_path(path: str) -> str:
    """A path as the file can keep it."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


class _Log(Pipe):
    """``git log`` of commits that are named one by one."""

    def __init__(self, repository: Repository, ids: Sequence[str], form: str, flags: Sequence[str]) -> None:
        super().__init__(repository, ["log", "--no-walk=unsorted", "--stdin", f"--format={form}", *flags])
        self._ids = ids

    def __enter__(self) -> Self:
        super().__enter__()
        self.finish("".join(f"{name}\n" for name in self._ids).encode())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raises PlanexError where git did not come to its end: half of what it says would be kept for good."""
        super().__exit__(kind, error, trace)
        if kind is None and (status := self._process.returncode):
            raise PlanexError(f"git log ended with status {status}", "look at upstream's repository: git fsck")


def read_facts(repository: Repository, ids: Sequence[str]) -> Iterator[Facts]:
    """What commits say and touch."""
    with _Log(repository, ids, "%x01%H%x00%ae%x00%at%x00%B%x00", ["--name-only", "--no-renames"]) as log:
        head, names = b"", list[bytes]()
        for line in log.out:
            if line.startswith(b"\1") and head.count(b"\0") in (0, _FIELDS):
                if head:
                    yield _facts(head, names)
                head, names = line, []
            elif head.count(b"\0") < _FIELDS:
                head += line
            elif line != b"\n":
                names.append(line.rstrip(b"\n"))
        if head:
            yield _facts(head, names)


def _facts(head: bytes, names: Sequence[bytes]) -> Facts:
    commit, author, date, text = head[1:].decode("utf-8", "replace").split("\0")[:4]
    subject = text.strip("\n").partition("\n\n")[0].replace("\n", " ")
    paths = [plain_path(unquote(name) if name.startswith(b'"') else _decode(name)) for name in names]
    return (
        [(commit, subject, plain_title(subject), author, min(int(date or 0), _LAST_DATE))],
        [(path, commit) for path in paths],
        [(origin[:SHORT], origin, commit) for origin in find_origins(text)],
        [(commit, reverted) for reverted in _REVERT.findall(text)],
    )


def read_diffs(repository: Repository, ids: Sequence[str]) -> Iterator[tuple[str, str, str, str]]:
    """What commits change: id, name of the diff, files, hashes of lines."""
    with _Log(repository, ids, "%x01%H", DIFF_FLAGS) as log:
        commit, diff = "", list[bytes]()
        for line in log.out:
            if line.startswith(b"\1"):
                if commit:
                    yield _diff_row(commit, diff)
                commit, diff = line[1:].strip().decode(), []
            else:
                diff.append(line.rstrip(b"\n"))
        if commit:
            yield _diff_row(commit, diff)


def _diff_row(commit: str, diff: Sequence[bytes]) -> tuple[str, str, str, str]:
    content = content_of_diff(diff)
    return commit, content.name, "\0".join(map(plain_path, content.files)), " ".join(content.lines)


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
