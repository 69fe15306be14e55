# SPDX-License-Identifier: LGPL-2.1-or-later
"""Answers of ``forecast``, kept by all that they depend on. It imports nothing large: that would take longer than
the answer."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from planex import __version__
from planex.drafts import write_atomic
from planex.errors import PlanexError
from planex.regular import read_regular
from planex.workspace import Workspace

FORMAT = 4
"""Raise when the text of an answer changes."""
_DAY = 24 * 3600
"""Seconds after which upstream's repository may be asked again."""
_LARGE = 64 << 20
"""Bytes. A larger source is not read just to find an answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was printed, the exit status, and what is remembered as the last forecast."""

    output: str
    status: int
    last: str


def question(workspace: Workspace, package: str, words: Sequence[str], versions: Sequence[str]) -> str | None:
    """Names all that a forecast depends on: options, recipe, queue, configuration and sources given by path.

    None if a source cannot be named by a short look at it (a folder, a very large file).
    """
    digest = hashlib.sha256(f"{FORMAT} {__version__} {int(time.time()) // _DAY}".encode())
    for word in (package, *words, *versions):
        digest.update(b"\0" + word.encode("utf-8", "surrogateescape"))
    for version in versions:
        path = Path(version)
        if path.is_dir() or (path.exists() and path.stat().st_size > _LARGE):
            return None
        if path.exists():
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    for path in _files(workspace, package):
        digest.update(f"\0{path}\0".encode("utf-8", "surrogateescape"))
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files(workspace: Workspace, package: str) -> Iterable[Path]:
    folders = (workspace.specs / package, workspace.patchqueues / package, workspace.mock_configs)
    yield workspace.config
    for folder in folders:
        yield from (path for path in sorted(folder.rglob("*")) if path.is_file())


def _store(workspace: Workspace, package: str, key: str) -> Path:
    return workspace.cache / "patchqueue" / package / "answers" / f"{key}.json"


def recall(workspace: Workspace, package: str, key: str) -> Answer | None:
    """The answer to a question, if it was given before."""
    try:
        answer = Answer(**json.loads(read_regular(_store(workspace, package, key), _LARGE)))
    except (PlanexError, ValueError, TypeError, RecursionError):
        return None
    texts = isinstance(answer.output, str) and isinstance(answer.last, str)
    return answer if texts and answer.status in (0, 1) else None


def keep(workspace: Workspace, package: str, key: str, answer: Answer) -> None:
    """Remember an answer; those to other questions are forgotten."""
    path = _store(workspace, package, key)
    for old in path.parent.glob("*.json"):
        old.unlink(missing_ok=True)
    write_atomic(path, json.dumps(asdict(answer)))
