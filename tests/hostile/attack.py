# SPDX-License-Identifier: LGPL-2.1-or-later
"""Carries out a case through the real command line, and judges what came of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT
from tests.hostile.case import Case
from tests.hostile.overlay import give, make_template

TRACEBACK = "Traceback (most recent call last)"
SECRET = "canary-5f1d"
"""Is in the caller's environment under a name like a token's; nothing may show it."""
MAX_TEXT = 20_000
"""Characters of output: more than this helps nobody."""
MAX_MEMORY = 1500
"""MiB of the largest process."""
MACHINE_TALK = re.compile(
    r"Input should be|MemoryError|RecursionError|codec can.t|HTTPConnectionPool|Max retries exceeded|NoneType|"
    r"\[Errno|object has no attribute|<[\w.]+ object at 0x|pydantic|urllib3|unhashable|__\w+__\(\)|"
    r"surrogates not allowed|Exception ignored"
)
"""What Python and its libraries say to programmers."""
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_KEY = re.compile(r"\b[0-9a-f]{16,64}(?=\.(json|log)\b)")
_DURATION = re.compile(r"\b\d+(\.\d)? s\b|\b\d+ min \d\d s\b")


@dataclass(frozen=True)
class Ending:
    """How a case ended. ``status`` is None after a hang; ``left``: processes that were still alive."""

    status: int | None
    stdout: str
    stderr: str
    left: tuple[str, ...]
    memory: int
    """MiB of the largest process."""
    cpu: float
    """Seconds of processor time, all processes together."""
    there: tuple[str, ...]
    """Paths of the case's ``absent`` that are there."""

    @property
    def hung(self) -> bool:
        return self.status is None

    @property
    def traced(self) -> bool:
        return TRACEBACK in self.stdout + self.stderr


def carry_out(case: Case, server: str, base: Path) -> Ending:
    """Make the workspace in a new folder, run the command there, look at what it left, and delete all."""
    place = Path(tempfile.mkdtemp(prefix="hostile."))
    try:
        return _carry_out(case, server, base, place)
    finally:
        _delete(place)


def _carry_out(case: Case, server: str, base: Path, place: Path) -> Ending:
    workspace = place / "ws"
    make_template(workspace, base)
    (place / "home").mkdir()
    places = {"@WS@": str(workspace), "@HTTP@": server, "@ROOT@": str(ROOT)}
    give(workspace, case.given, places)
    for words in case.before:
        _run(case, words, place, plain=True)
    give(workspace, case.then, places)
    answer = _run(case, case.run, place)
    texts = [_read(place / name, workspace, server) for name in ("stdout", "stderr")]
    there = tuple(name for name in case.absent if os.path.lexists(workspace / name))
    return Ending(answer["status"], texts[0], texts[1], tuple(answer["left"]), answer["memory"], answer["cpu"], there)


def _run(case: Case, words: tuple[str, ...], place: Path, plain: bool = False) -> dict:  # type: ignore[type-arg]
    """``plain``: without the case's oddities of folder, streams and environment."""
    workspace = place / "ws"
    folder = {"workspace": workspace, "elsewhere": place / "home", "deleted": place / "deleted"}[case.folder]
    if plain:
        folder = workspace
    folder.mkdir(exist_ok=True)
    inside = [] if case.folder == "deleted" and not plain else ["-C", str(workspace)]
    places = {"@WS@": str(workspace)}
    argv = [sys.executable, "-m", "planex", *inside, *(word.replace("@WS@", places["@WS@"]) for word in words)]
    request = {
        "words": _without_override(argv) if case.bound_by_modes else argv,
        "environment": _environment(place, {} if plain else case.environment),
        "folder": str(folder),
        "delete_folder": case.folder == "deleted" and not plain,
        "stdin": "null" if plain else case.stdin,
        "stdout": "null" if plain else _stream(case.stdout_is, place / "stdout"),
        "stderr": "null" if plain else _stream(case.stderr_is, place / "stderr"),
        "seconds": case.seconds,
        "signals": [] if plain else case.signals,
    }
    warden = [sys.executable, "-S", "-E", str(Path(__file__).with_name("warden.py"))]
    done = subprocess.run(warden, input=json.dumps(request), capture_output=True, text=True, check=True)
    answer: dict = json.loads(done.stdout)  # type: ignore[type-arg]
    return answer


def _stream(kind: str, path: Path) -> str:
    return str(path) if kind == "kept" else kind


def _environment(place: Path, changes: dict[str, str | None]) -> dict[str, str]:
    plain = {
        "PATH": os.environ["PATH"],
        "HOME": str(place / "home"),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "CANARY_TOKEN": SECRET,
        "TMPDIR": str(place),
    }
    changed = {name: value.replace("@WS@", str(place / "ws")) for name, value in changes.items() if value is not None}
    return {name: value for name, value in (plain | changed).items() if changes.get(name, "") is not None}


def _without_override(argv: list[str]) -> list[str]:
    """Root, too, is bound by the modes of files then."""
    if os.geteuid() != 0:
        return argv
    caps = "-dac_override,-dac_read_search"
    return [shutil.which("setpriv") or "setpriv", "--inh-caps", caps, "--bounding-set", caps, "--", *argv]


def _read(path: Path, workspace: Path, server: str) -> str:
    text = path.read_bytes().decode("utf-8", "backslashreplace") if path.is_file() else ""
    text = text.replace(str(workspace), "@WS@").replace(str(workspace.parent), "@WS@/..")
    text = re.sub(r"\.[0-9a-f]{8}\.draft", ".@NEW@.draft", text)
    return text.replace(server, "@HTTP@").replace(str(ROOT), "@ROOT@")


def _delete(place: Path) -> None:
    for folder, _, _ in os.walk(place):
        Path(folder).chmod(0o755)
    shutil.rmtree(place, ignore_errors=True)


def faults(case: Case, ending: Ending) -> Iterator[str]:
    """What is wrong whatever the expected text says; nothing of this can be blessed."""
    said = ending.stdout + ending.stderr
    if ending.hung:
        yield f"hangs: not at its end after {case.seconds:g} s"
        return
    if ending.traced:
        yield "shows a traceback"
    if ending.status != case.status:
        yield f"ends with {ending.status}, not with {case.status}"
    if ending.left:
        yield f"leaves processes behind: {', '.join(ending.left)}"
    yield from (f"does not name {name!r}" for name in case.names if name.lower() not in said.lower())
    yield from (f"leaves {name}" for name in ending.there)
    if SECRET in said:
        yield "shows a secret of the caller's environment"
    if talk := MACHINE_TALK.search(said):
        yield f"helps nobody: {talk[0]!r}"
    if control := CONTROL.search(said.replace("\t", " ")):
        yield f"writes a control character: {control[0]!r}"
    if len(said) > MAX_TEXT:
        yield f"writes {len(said)} characters"
    if ending.memory > MAX_MEMORY:
        yield f"takes {ending.memory} MiB"


def mismatch(expected: str | None, found: str) -> bool:
    """Whether a text is not the expected one. ``...``: any characters of a line; alone on a line: any lines."""
    pattern = "".join(_line_pattern(line) for line in (expected or "").splitlines())
    text = "".join(f"{line.rstrip()}\n" for line in found.splitlines())
    return re.fullmatch(pattern, text) is None


def _line_pattern(line: str) -> str:
    if line.strip() == "...":
        return r"(?:.*\n)*?"
    return ".*?".join(re.escape(part) for part in line.rstrip().split("...")) + r"\n"


def blessed(text: str) -> str:
    """A text as it is written into case.yaml: times, and keys in file names, become ``...``."""
    lines = (_KEY.sub("...", _DURATION.sub("... s", line)).rstrip() for line in text.splitlines())
    return "".join(f"{line}\n" for line in lines)
