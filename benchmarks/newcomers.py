# SPDX-License-Identifier: LGPL-2.1-or-later
"""How many sources of the Debian archive ``planex new`` packs without a person.

    python -m benchmarks.newcomers WORKSPACE [COUNT [SKIP]] [--survey] [--import]

WORKSPACE has a base (``planex base build``). The sources are chosen by the SHA-256 of their names, so by nobody: of the
archive's, those of the sections below, up to 3 MB, whose Build-Depends are all in that base, but for Debian's tools:
what a base lacks is not what is measured, nor what a mirror lacks that the index names. ``--survey`` builds none;
``--import`` takes Debian's patches along, as ``planex import`` does; SKIP leaves out the first ones.
Network, and about two minutes a source on two cores: run it by hand, at nice 19.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from planex.rpm.capability import Capability
from planex.rpm.index import Index
from planex.rpm.repo import read_index
from planex.run import NETWORK, run
from planex.scaffold.needs import build_depends
from planex.sources.debian import source_lines
from planex.sources.limits import LIMITS

SECTIONS = {
    "admin",
    "utils",
    "net",
    "libs",
    "devel",
    "text",
    "math",
    "sound",
    "science",
    "python",
    "otherosfs",
    "kernel",
}
OTHERS = re.compile(
    r"\b(dh-golang|default-jdk|javahelper|ghc|haskell|cargo|dh-cargo|nodejs|gem2deb|r-base|php|mono|lazarus)"
)
LARGEST, SECONDS = 3_000_000, 1200
_FIELD = re.compile(r"^(Package|Section|Directory|Build-Depends): *(.*)$", re.MULTILINE)
_ORIG = re.compile(r"^ [0-9a-f]{32} (\d+) \S+_[^_]+\.orig\.tar\.\w+$", re.MULTILINE)


def candidates(text: str, base: Index) -> Iterator[str]:
    """Names of the sources that count, of a Sources file."""
    for paragraph in text.split("\n\n"):
        fields = dict(_FIELD.findall(paragraph))
        size = _ORIG.search(paragraph)
        if fields.get("Section") not in SECTIONS or not size or int(size[1]) > LARGEST:
            continue
        needs = list(build_depends(f"Build-Depends: {fields.get('Build-Depends', '')}\n"))
        if all(base.offers(Capability(name)) for name in needs):
            yield fields["Package"]


def chosen(workspace: Path) -> list[str]:
    """All that count, by the digest of their names."""
    (folder,) = (workspace / "_build" / "base").iterdir()
    base = read_index(folder / "repo", workspace / "_build" / "cache" / "repositories")
    text = "\n".join(source_lines(workspace / "_build" / "downloads", LIMITS))
    return sorted(set(candidates(text, base)), key=lambda name: hashlib.sha256(name.encode()).digest())


def attempt(workspace: Path, name: str, *words: str) -> tuple[str, float, str]:
    """How ``planex new`` ends for one source: ``built`` or ``failed``, seconds, and what it says."""
    started = time.monotonic()
    argv: list[str | Path] = [sys.executable, "-m", "planex", "-C", workspace, *words]
    try:
        done = run(argv, inherit=NETWORK | {"HOME"}, check=False, timeout=SECONDS)
        status, said = "built" if done.returncode == 0 else "failed", done.stderr
    except Exception as error:
        status, said = "failed", str(error)
    if status == "failed":
        for folder in ("specs", "patchqueues"):
            shutil.rmtree(workspace / folder / name, ignore_errors=True)
    return status, time.monotonic() - started, said


def _reason(said: str) -> str:
    lines = [
        line for line in said.splitlines() if line.startswith(("error:", "warning: the build", "warning: nothing"))
    ]
    return "; ".join(line.partition(": ")[2] for line in lines)[:300]


def main() -> None:
    workspace, survey = Path(sys.argv[1]).absolute(), "--survey" in sys.argv
    numbers = [int(word) for word in sys.argv[2:] if word.isdigit()]
    count, skip = (*numbers, *(30, 0)[len(numbers) :])
    built = tried = 0
    for name in chosen(workspace)[skip:]:
        words = ["import"] if "--import" in sys.argv else ["new", name]
        words += [f"debian:{name}", *(["--no-build"] if survey else [])]
        status, seconds, said = attempt(workspace, name, *words)
        if "not in the Debian mirror" in said:
            continue
        tried += 1
        built += status == "built"
        print(f"{tried:2} {name:28} {status:6} {seconds:6.0f} s  {_reason(said)}", flush=True)
        if tried == count:
            break
    print(f"{built} of {tried} {'are written' if survey else 'build'} without a person")


if __name__ == "__main__":
    main()
