# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a change to the boot menu costs, against a copy of the ISO's bytes, and what nothing to do costs; in one run.

Usage: .venv/bin/python benchmarks/respin.py [REPEATS [WORKSPACE]]

Needs the host ISO of the workspace (planex iso build), which is this one unless another is named; works on a copy.
The copy of the bytes is that of `cp` to a new name, no blocks shared; `copy and replace` takes the place of another
copy, as a respin does: to delete that costs, too. `xorriso alone` exchanges one file of the ISO, without a digest or a
check. All come in turn, so that what else the machine does hits them alike, and each after a rest: a virtual machine
gives freed memory back to its host, and who gets it from there pays more than who gets what another has just freed.
`seconds` are medians; `processor` is user and system time with children, which a busy machine changes least.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from planex.run import run

_REST = 4.0
"""Seconds; Linux reports freed pages every two."""
ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    source = Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else ROOT
    with tempfile.TemporaryDirectory(prefix="planex-bench.", dir=source / "_build") as name:
        folder = workspace(source, Path(name) / "ws")
        planex(folder)
        (iso,) = (folder / "_build").glob("*/iso/*.iso")
        measure(folder, iso, repeats)


def measure(folder: Path, iso: Path, repeats: int) -> None:
    rows: dict[str, list[tuple[float, float]]] = {}

    def take(name: str, work: Callable[[], None]) -> None:
        rows.setdefault(name, []).append(timed(work))

    for number in range(repeats):
        image = folder / "copy.iso"
        take("copy", partial(copy, iso, image))
        take("copy and replace", partial(replace, iso, image))
        image.unlink()
        take("copy and sync", partial(copy, iso, image, sync=True))
        image.unlink()
        take("xorriso alone", partial(exchange, iso, image, folder / "planex.yaml"))
        image.unlink()
        retitle(folder / "iso" / "iso.yaml", number)
        take("menu changed", lambda: planex(folder))
        take("nothing to do", lambda: planex(folder))
    print(f"ISO of {iso.stat().st_size / 1e6:.0f} MB, median of {repeats}")
    base = statistics.median(row[0] for row in rows["copy"])
    for name, times in rows.items():
        seconds, processor = (statistics.median(row[part] for row in times) for part in (0, 1))
        print(f"{name:16} {seconds:6.2f} s, processor {processor:5.2f} s, {seconds / base:5.1f} copies")


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds by the clock and of the processor."""
    os.sync()
    time.sleep(_REST)
    started, before = time.monotonic(), processor()
    work()
    return time.monotonic() - started, processor() - before


def processor() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def copy(source: Path, destination: Path, *, sync: bool = False) -> None:
    run(["cp", "--reflink=never", source, destination])
    if sync:
        run(["sync", destination])


def replace(source: Path, destination: Path) -> None:
    draft = destination.with_suffix(".draft")
    copy(source, draft)
    draft.rename(destination)


def exchange(iso: Path, output: Path, file: Path) -> None:
    words: list[str | Path] = [
        "-pacifier",
        "interval=0.1",
        "-boot_image",
        "any",
        "replay",
        "-update",
        file,
        "/isolinux/isolinux.cfg",
    ]
    run(["xorriso", "-no_rc", "-indev", iso, "-outdev", output, *words])


def retitle(path: Path, number: int) -> None:
    text = path.read_text().splitlines()
    path.write_text("\n".join(f"title: bench {number}" if line.startswith("title:") else line for line in text) + "\n")


def planex(folder: Path) -> None:
    run([sys.executable, "-m", "planex", "-q", "-C", folder, "iso", "build"], env={"PYTHONPATH": str(ROOT)})


def workspace(source: Path, folder: Path) -> Path:
    """A copy of a workspace with what its ISO is made from."""
    for name in ("planex.yaml", "specs", "patchqueues", "repos", "mock-configs", "iso"):
        if (source / name).is_dir():
            shutil.copytree(source / name, folder / name)
        elif (source / name).exists():
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / name, folder / name)
    (folder / "_build").mkdir(parents=True)
    (folder / "_build" / "base").symlink_to(source / "_build" / "base")
    for iso in (source / "_build").glob("*/iso"):
        made, target = iso.parent, folder / "_build" / iso.parent.name
        for path in (*made.glob("repo*"), *made.glob(".repo*"), made / "work" / "iso"):
            destination = target / path.relative_to(made)
            destination.parent.mkdir(parents=True, exist_ok=True)
            if path.is_symlink() or path.is_file():
                shutil.copy2(path, destination, follow_symlinks=False)
            else:
                shutil.copytree(path, destination, symlinks=True)
    return folder


if __name__ == "__main__":
    main()
