# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a build costs besides compiling: a one-file package, built by the sandbox and by mock, in the same run.

Usage: .venv/bin/python benchmarks/build_overhead.py [REPEATS [CHECKOUT]]

With a CHECKOUT of another commit, its sandbox is measured as well, turn by turn with this one's, so that what else the
machine does hits both alike. Prints the median seconds of a warm build (buildroot and dependencies cached), of a build
that has nothing to do, and the ratio mock : sandbox where mock is installed. Makes the base first, if need be.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from planex.run import find, run

ROOT = Path(__file__).resolve().parent.parent
SPEC = """\
Name: tiny
Version: 1
Release: 1%{?dist}
Summary: One file
License: MIT
Source0: tiny.c
BuildRequires: gcc
%global debug_package %{nil}
%description
x
%build
gcc -o tiny %{SOURCE0}
%install
install -D tiny %{buildroot}/usr/bin/tiny
%files
/usr/bin/tiny
"""


def planex(folder: Path, *words: str, code: Path = ROOT) -> float:
    """Run planex, of a checkout, in ``folder``; seconds it took."""
    done = run([sys.executable, "-m", "planex", "-q", "-C", folder, *words], env={"PYTHONPATH": str(code)})
    return done.seconds


def compare(folder: Path, other: Path, repeats: int) -> None:
    """A warm build and a build with nothing to do, by this checkout and another, in turn."""
    places = {code: workspace(folder / name) for name, code in (("this", ROOT), ("other", other))}
    for code, place in places.items():
        planex(place, "build", code=code)
    for title, words in (("warm build", ["build", "--force"]), ("nothing to do", ["build"])):
        times: dict[Path, list[float]] = {code: [] for code in places}
        for _ in range(repeats):
            for code, place in places.items():
                times[code].append(planex(place, *words, code=code))
        this, that = (statistics.median(times[code]) for code in places)
        print(f"{title:14} this {this:.2f} s, other {that:.2f} s, ratio this : other {this / that:.2f}")
    for code, place in places.items():
        planex(place, "clean", code=code)


def workspace(folder: Path) -> Path:
    """A workspace with the tiny package, sharing this repository's base."""
    shutil.copytree(ROOT / "planex" / "data" / "workspace", folder)
    shutil.rmtree(folder / "specs" / "hello")
    shutil.rmtree(folder / "patchqueues")
    (folder / "specs" / "tiny").mkdir()
    (folder / "specs" / "tiny" / "tiny.spec").write_text(SPEC)
    (folder / "specs" / "tiny" / "tiny.c").write_text("int main(void) { return 0; }\n")
    (folder / "_build").mkdir()
    (folder / "_build" / "base").symlink_to(ROOT / "_build" / "base")
    return folder


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    planex(ROOT, "base", "build")
    if len(sys.argv) > 2:
        with tempfile.TemporaryDirectory(prefix="planex-bench.") as name:
            compare(Path(name), Path(sys.argv[2]).resolve(), repeats)
        return
    builders = ["sandbox", *(["mock"] if find("mock") else [])]
    medians = {}
    with tempfile.TemporaryDirectory(prefix="planex-bench.") as name:
        folder = workspace(Path(name) / "ws")
        for builder in builders:
            started = time.monotonic()
            planex(folder, "build", "--force", "--builder", builder)
            print(f"{builder:10} first build, buildroot made  {time.monotonic() - started:6.2f} s")
            times = [planex(folder, "build", "--force", "--builder", builder) for _ in range(repeats)]
            medians[builder] = statistics.median(times)
            print(f"{builder:10} warm build, median of {repeats}        {medians[builder]:6.2f} s")
        nothing = statistics.median(planex(folder, "build") for _ in range(repeats))
        print(f"{'':10} nothing to do, median of {repeats}     {nothing:6.2f} s")
        planex(folder, "clean")
    if "mock" in medians:
        print(f"ratio mock : sandbox {medians['mock'] / medians['sandbox']:.1f}")
    else:
        print("mock is not installed, so there is no ratio")


if __name__ == "__main__":
    main()
