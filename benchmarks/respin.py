# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a change to the boot menu costs, against a copy of the ISO's bytes, and what nothing to do costs; in one run.

Usage: .venv/bin/python benchmarks/respin.py [REPEATS]

Needs the host ISO of this workspace (planex iso build). Works on a copy of the workspace. The copy of the bytes is by
read and write, as on a file system that shares no blocks, and comes in turn with the respin, so that what else the
machine does hits both alike. `seconds` are medians; `processor` is user and system time of planex and its children.
"""

from __future__ import annotations

import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from planex.run import run

ROOT = Path(__file__).resolve().parent.parent
TARGET = "bookworm"


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory(prefix="planex-bench.", dir=ROOT / "_build") as name:
        folder = workspace(Path(name) / "ws")
        planex(folder)
        (iso,) = (folder / "_build" / TARGET / "iso").glob("*.iso")
        measure(folder, iso, repeats)


def measure(folder: Path, iso: Path, repeats: int) -> None:
    rows: dict[str, list[tuple[float, float]]] = {"copy": [], "menu changed": [], "nothing to do": []}
    for number in range(repeats):
        rows["copy"].append(timed(lambda: copy(iso, folder / "copy.iso")))
        retitle(folder / "iso" / "iso.yaml", number)
        rows["menu changed"].append(timed(lambda: planex(folder)))
        rows["nothing to do"].append(timed(lambda: planex(folder)))
    print(f"ISO of {iso.stat().st_size / 1e6:.0f} MB, median of {repeats}")
    base = statistics.median(row[0] for row in rows["copy"])
    for name, times in rows.items():
        seconds, processor = (statistics.median(row[part] for row in times) for part in (0, 1))
        print(f"{name:14} {seconds:6.2f} s, processor {processor:5.2f} s, {seconds / base:5.1f} copies")


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds by the clock and of the processor."""
    started, before = time.monotonic(), processor()
    work()
    return time.monotonic() - started, processor() - before


def processor() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def copy(source: Path, destination: Path) -> None:
    with source.open("rb") as reading, destination.open("wb") as writing:
        shutil.copyfileobj(reading, writing, 1 << 20)


def retitle(path: Path, number: int) -> None:
    text = path.read_text().splitlines()
    path.write_text("\n".join(f"title: bench {number}" if line.startswith("title:") else line for line in text) + "\n")


def planex(folder: Path) -> None:
    run([sys.executable, "-m", "planex", "-q", "-C", folder, "iso", "build"], env={"PYTHONPATH": str(ROOT)})


def workspace(folder: Path) -> Path:
    """A copy of this workspace with what its ISO is made from."""
    for name in ("planex.yaml", "specs", "patchqueues", "repos", "mock-configs", "iso"):
        source, destination = ROOT / name, folder / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, destination)
    made, target = ROOT / "_build" / TARGET, folder / "_build" / TARGET
    (target / "work").mkdir(parents=True)
    (folder / "_build" / "base").symlink_to(ROOT / "_build" / "base")
    for path in (*made.glob("repo*"), *made.glob(".repo*"), made / "work" / "iso"):
        destination = target / path.relative_to(made)
        if path.is_symlink() or path.is_file():
            shutil.copy2(path, destination, follow_symlinks=False)
        else:
            shutil.copytree(path, destination, symlinks=True)
    return folder


if __name__ == "__main__":
    main()
