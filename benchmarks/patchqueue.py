# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long a forecast takes, beside ``git rebase``, ``quilt push -a`` and a loop of git processes, in the same run.

    python -m benchmarks.patchqueue [--files 2000] [--patches 200] [--large 2000] [--hard 50000] [--commits 100000]
        [--rounds 3] [--json]

All work on the same made-up source and queue (see synthetic.py), with 2 conflicts and 2 upstreamed patches in each
hundred. A time is the best of the rounds. ``git rebase`` and ``quilt`` stop at the first conflict; to compare like
with like, ``git rebase`` is also made to go on with ``--skip`` until the end.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import synthetic
from planex.checksums import digest_of
from planex.git.files import File
from planex.git.pipes import Importer
from planex.git.pipeset import PipeSet
from planex.git.repository import Repository, Signature
from planex.patchqueue.carry.forecast import Column, Forecaster, Version
from planex.patchqueue.carry.history import UpstreamHistory
from planex.patchqueue.carry.judge import Judge, ProofFinder
from planex.patchqueue.carry.verdict import Fate
from planex.patchqueue.commits.checkout import checkout
from planex.patchqueue.commits.commits import Chain
from planex.patchqueue.commits.sourcecommit import ImportedSource, import_source
from planex.patchqueue.format.queue import PatchQueue, load_queue
from planex.run import find, run

GIT = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_EDITOR": "true", "GIT_COMMITTER_NAME": "b", "GIT_COMMITTER_EMAIL": "b@b"}


@dataclass(frozen=True)
class Line:
    """One measurement. ``patches``: how many were dealt with."""

    name: str
    seconds: float
    patches: int
    remark: str = ""

    @property
    def each(self) -> float:
        """Milliseconds a patch."""
        return self.seconds * 1000 / max(self.patches, 1)


@dataclass(frozen=True)
class Case:
    """A source and a queue, imported and ready."""

    folder: Path
    made: synthetic.Synthetic
    queue: PatchQueue
    forecaster: Forecaster
    old: ImportedSource
    new: ImportedSource
    version: Version
    set_up: float

    @property
    def repository(self) -> Repository:
        return self.forecaster.repository

    def forget(self, *what: str) -> None:
        for name in what:
            shutil.rmtree(self.repository.path / "planex" / name, ignore_errors=True)


def prepare(folder: Path, files: int, patches: int, conflicts: int = 2, lines: int = synthetic.LINES) -> Case:
    """Make the source and the queue, and import both versions into git."""
    made = synthetic.make(folder, files=files, patches=patches, conflicts=conflicts, lines=lines)
    queue = load_queue(made.queue)
    repository = Repository.create(folder / "repo.git", bare=True)
    versions = [Version(path.stem, path, digest_of(path, "SHA256")) for path in (made.old, made.new)]
    started = time.monotonic()
    old, new = (import_source(repository, v.source, v.label, v.checksum) for v in versions)
    took = time.monotonic() - started
    forecaster = Forecaster(repository, versions[0], queue.applied)
    return Case(folder, made, queue, forecaster, old, new, versions[1], took)


def best(rounds: int, work: Callable[[], object], before: Callable[[], object] = lambda: None) -> float:
    """Seconds of the fastest round; ``before`` is not counted."""
    times = []
    for _ in range(rounds):
        before()
        started = time.monotonic()
        work()
        times.append(time.monotonic() - started)
    return min(times)


def planex_lines(case: Case, rounds: int) -> list[Line]:
    """Forecasts: with nothing known, with the queue's commits known, and cached."""
    count = len(case.queue.applied)

    def column() -> Column:
        return case.forecaster.column(case.version)

    def without_last() -> None:
        case.forget("columns")
        shorter.column(case.version)

    shorter = replace(case.forecaster, patches=case.queue.applied[:-1])
    cold = best(rounds, column, lambda: case.forget("chains", "columns"))
    warm = best(rounds, column, lambda: case.forget("columns"))
    cached = best(rounds, column)
    statuses = Counter(str(verdict.status) for verdict in column().verdicts)
    one_more = best(rounds, column, without_last)
    return [
        Line("planex forecast, first time", cold, count, ", ".join(f"{n} {s}" for s, n in sorted(statuses.items()))),
        Line("planex forecast, another version", warm, count),
        Line("planex forecast, one patch more", one_more, 1),
        Line("planex forecast, nothing changed", cached, count, "in all, not a patch"),
    ]


def rebase_lines(case: Case, rounds: int) -> list[Line]:
    """git rebase of the same commits: up to its first stop, and on to the end by --skip."""
    chain = case.forecaster.chain()
    done: list[int] = []
    first = best(rounds, lambda: done.append(_rebase(case, skip=False)), lambda: _work_tree(case, chain))
    whole = best(rounds, lambda: _rebase(case, skip=True), lambda: _work_tree(case, chain))
    count = len(case.queue.applied)
    return [
        Line("git rebase, to its first conflict", first, done[-1], f"stops at patch {done[-1]} of {count}"),
        Line("git rebase, skipping all conflicts", whole, count),
    ]


def _work_tree(case: Case, chain: Chain) -> None:
    folder = case.folder / "work"
    shutil.rmtree(folder, ignore_errors=True)
    checkout(case.repository, chain, case.queue, "synthetic", folder)
    run(["git", "checkout", "-q", "-b", "target", case.new.commit], cwd=folder, env=GIT)
    run(["git", "checkout", "-q", "queue"], cwd=folder, env=GIT)


def _rebase(case: Case, *, skip: bool) -> int:
    """Returns the number of the patch where it first stopped."""
    folder = case.folder / "work"
    done = run(["git", "rebase", "-q", "--onto", "target", "upstream", "queue"], cwd=folder, env=GIT, check=False)
    stopped = int((folder / ".git/rebase-merge/msgnum").read_text()) if done.returncode else 0
    while done.returncode and skip:
        done = run(["git", "rebase", "--skip"], cwd=folder, env=GIT, check=False)
    return stopped


def quilt_lines(case: Case, rounds: int) -> list[Line]:
    """quilt push -a of the same patches: on the new source, to its first conflict, and on their own, to the end."""
    return [
        _quilt(case, rounds, case.made.new, "quilt push -a, to its first conflict"),
        _quilt(case, rounds, case.made.old, "quilt push -a, on the queue's own source"),
    ]


def _quilt(case: Case, rounds: int, source: Path, name: str) -> Line:
    folder = case.folder / "quilt"

    def unpack() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        run(["tar", "xf", source, "-C", folder, "--strip-components=1"])

    def push() -> None:
        env = {"QUILT_PATCHES": str(case.made.queue), "QUILT_PC": str(folder / ".pc"), "HOME": str(case.folder)}
        run(["quilt", "--quiltrc", "-", "push", "-a", "-q"], cwd=folder, env=env, check=False)

    seconds = best(rounds, push, unpack)
    applied = folder / ".pc" / "applied-patches"  # quilt makes none when the first patch fails
    count = len(applied.read_text().splitlines()) if applied.exists() else 0
    total = len(case.queue.applied)
    remark = f"stops at patch {count + 1} of {total}" if count < total else "no verdicts: nothing to conflict with"
    return Line(name, seconds, min(count + 1, total), remark)


def am_line(case: Case) -> Line:
    """git am -3 of the same patches, skipping those that conflict."""
    _work_tree(case, case.forecaster.chain())
    folder = case.folder / "work"
    run(["git", "checkout", "-q", "target"], cwd=folder, env=GIT)
    started, skipped = time.monotonic(), 0
    done = run(["git", "am", "-3", "-q", *(p.path for p in case.queue.applied)], cwd=folder, env=GIT, check=False)
    while done.returncode:
        skipped += 1
        done = run(["git", "am", "--skip"], cwd=folder, env=GIT, check=False)
    count = len(case.queue.applied)
    return Line("git am -3, skipping all conflicts", time.monotonic() - started, count, f"{skipped} skipped")


def write_history(case: Case, count: int) -> tuple[str, str]:
    """So many commits between the two versions, each of which changes one file; the first and the last."""
    quiet = sorted(set(_paths(case, case.old.commit)) - {path for p in case.queue.applied for path in p.diff.paths})
    rng = random.Random(count)
    with Importer(case.repository) as out:
        parent: int | str = case.old.commit
        for number in range(count):
            who = Signature("U", f"u{number % 50}@example.org", 1_600_000_000 + number * 600)
            parent = out.begin_commit("refs/planex/history", parent, who, f"area{number % 90}: change {number}\n")
            out.put(rng.choice(quiet), File(f"int change_{number};\n".encode(), "100644"))
        (last,) = out.commit_ids([parent]) if isinstance(parent, int) else (parent,)
    top = case.repository.write_commit(case.new.tree, [last], Signature("U", "u@example.org", 1_700_000_000), "new\n")
    return case.old.commit, top


def _paths(case: Case, commit: str) -> list[str]:
    return case.repository.git("ls-tree", "-r", "--name-only", commit).splitlines()


def kernel_lines(folder: Path, files: int, commits: int, patches: int) -> list[Line]:
    """A tree like a kernel's, a long history, and a queue of which 30 % conflict."""
    case = prepare(folder, files, patches, conflicts=30, lines=40)
    check_verdicts(case)
    old, new = write_history(case, commits)

    def prove(_: Version) -> ProofFinder:
        return UpstreamHistory(case.repository, case.forecaster.chain(), old, new).finding

    proved = replace(case.forecaster, proofs=prove, proofs_key="x")
    first = best(1, lambda: proved.column(case.version))
    again = best(1, lambda: proved.column(case.version), lambda: case.forget("columns"))
    cold = best(1, lambda: case.forecaster.column(case.version), lambda: case.forget("columns", "chains"))
    same = best(1, lambda: case.forecaster.column(case.version))
    work = f"{files} files, 30 % conflicts"
    return [
        Line("planex forecast, kernel-like, first time", cold, patches, work),
        Line("  with a history nobody has read", first, patches, f"{commits} commits"),
        Line("  with a history that is known", again, patches),
        Line("  nothing changed", same, patches, "in all, not a patch"),
        rebase_lines(case, 1)[-1],
        am_line(case),
        *(quilt_lines(case, 1) if find("quilt") else []),
    ]


def naive_line(case: Case) -> Line:
    """The same walk with a git process for each step, as a shell script would do it."""
    chain = case.forecaster.chain()
    git = ["git", "--git-dir", str(case.repository.path)]
    ident = ["-c", "user.name=b", "-c", "user.email=b@b"]
    started = time.monotonic()
    tree = case.new.tree
    for link in chain.links:
        ours = run([*git, *ident, "commit-tree", "-p", link.parent, "-m", "x", tree], env=GIT).stdout.strip()
        merge = run([*git, "merge-tree", "--write-tree", "--name-only", ours, link.commit], check=False, env=GIT)
        if merge.returncode == 0:
            tree = merge.stdout.split()[0]
            run([*git, *ident, "commit-tree", "-p", link.parent, "-m", "y", tree], env=GIT)
    return Line("a loop of git processes", time.monotonic() - started, len(chain.links), "merges only, no verdicts")


def check_verdicts(case: Case) -> None:
    """The forecast has found just what the source was made to hold."""
    with PipeSet(case.repository) as pipes:
        verdicts = Judge(pipes, case.forecaster.chain(), case.new).run()
    odd = {v.patch: str(v.status) for v in verdicts if v.status not in (Fate.CLEAN, Fate.OFFSET, Fate.MERGED)}
    assert odd == case.made.expected, (odd, case.made.expected)


def table(lines: list[Line]) -> str:
    """The measurements, with how much longer each takes a patch than planex's first forecast."""
    base = lines[0].each
    rows = [("", "seconds", "patches", "ms/patch", "ratio", "")]
    for line in lines:
        numbers = (f"{line.seconds:.3f}", str(line.patches), f"{line.each:.2f}", f"{line.each / base:.2f}")
        rows.append((line.name, *numbers, line.remark))
    widths = [max(len(row[n]) for row in rows) for n in range(6)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *(row[n].rjust(widths[n]) for n in range(1, 5)), row[5]]).rstrip()
        for row in rows
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--patches", type=int, default=200)
    parser.add_argument(
        "--large", type=int, default=2000, help="patches of a second queue, to see that time grows linearly"
    )
    parser.add_argument("--hard", type=int, default=50_000, help="files of a source on which 30 %% of a queue conflict")
    parser.add_argument("--commits", type=int, default=100_000, help="commits between its two versions")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="planex-benchmark.") as name:
        case = prepare(Path(name) / "small", options.files, options.patches)
        check_verdicts(case)
        lines = planex_lines(case, options.rounds)
        lines += rebase_lines(case, options.rounds)
        lines += quilt_lines(case, options.rounds) if find("quilt") else []
        lines.append(naive_line(case))
        if options.hard:
            lines += kernel_lines(Path(name) / "hard", options.hard, options.commits, 250)
        if options.large:
            large = prepare(Path(name) / "large", options.files, options.large)
            seconds = best(1, lambda: large.forecaster.column(large.version))
            lines.append(Line(f"planex forecast, {options.large} patches", seconds, options.large))
    if options.json:
        print(json.dumps([{**line.__dict__, "ms_each": line.each} for line in lines], indent=1))
        return
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    print(f"{options.files} files; import of both versions {case.set_up:.1f} s; {load}")
    print(table(lines))


if __name__ == "__main__":
    main()
