# SPDX-License-Identifier: LGPL-2.1-or-later
"""Judges planex by what people decided: the patches that Buildroot carried from one version of a package to the next.

    python -m benchmarks.decisions --clones FOLDER [--save FILE] [--limit N] [PACKAGE...]

By hand only. FOLDER holds bare clones of Buildroot and of each upstream, named as in CORPUS below; what is missing is
cloned there. For each commit that changed a package's version, the queue before it is carried to the new version, and
each verdict is held against what the commit did. Facts are printed and saved: names, digests, verdicts; no code.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from planex.errors import PlanexError
from planex.git.pipes import Differ, Objects
from planex.git.pipeset import PipeSet
from planex.git.repository import Repository
from planex.git.trees import TreeFiles, decode_tree
from planex.patchqueue.carry.attempts import AllAttempts
from planex.patchqueue.carry.commitindex import plain_title
from planex.patchqueue.carry.contents import DiffContent, content_of_diff
from planex.patchqueue.carry.history import UpstreamHistory
from planex.patchqueue.carry.judge import Judge
from planex.patchqueue.carry.telling import is_code, is_weak, squeeze
from planex.patchqueue.carry.verdict import KEPT, TROUBLE, Fate, Verdict
from planex.patchqueue.commits.commits import Chain, Link, build_chain
from planex.patchqueue.commits.sourcecommit import ImportedSource
from planex.patchqueue.format.queue import Patch, load_queue

QUEUES = "https://github.com/buildroot/buildroot"
GITHUB = "https://github.com"
CORPUS: Mapping[str, tuple[str, str]] = {
    "alsa-lib": ("alsa-project/alsa-lib", "v{}"),
    "btrfs-progs": ("kdave/btrfs-progs", "v{}"),
    "busybox": ("mirror/busybox", "{_}"),
    "dropbear": ("mkj/dropbear", "DROPBEAR_{}"),
    "freerdp": ("FreeRDP/FreeRDP", "{}"),
    "libarchive": ("libarchive/libarchive", "v{}"),
    "libffi": ("libffi/libffi", "v{}"),
    "lighttpd": ("lighttpd/lighttpd1.4", "lighttpd-{}"),
    "ltp-testsuite": ("linux-test-project/ltp", "{}"),
    "meson": ("mesonbuild/meson", "{}"),
    "nginx": ("nginx/nginx", "release-{}"),
    "openssh": ("openssh/openssh-portable", "V_{p}"),
    "redis": ("redis/redis", "{}"),
    "rpi-userland": ("raspberrypi/userland", "{}"),
    "uboot-tools": ("u-boot/u-boot", "v{}"),
    "util-linux": ("util-linux/util-linux", "v{}"),
    "xen": ("xen-project/xen", "RELEASE-{}"),
}
"""Package to upstream's repository and the name of a version's tag ({_}: with underscores, {p}: as OpenSSH's)."""
_SETTING = re.compile(r"^(\w+)[ \t]*[:?]?=[ \t]*(\S+)[ \t]*$", re.MULTILINE)
_SAYS_NOTHING = ("", "hg changeset patch")
_NUMBER = re.compile(r"^(?:[\w.+-]*?-)?\d{1,4}-(?=\D)")


@dataclass(frozen=True, slots=True)
class Bump:
    """A commit that changed a package's version, and the patches (name to blob) before and after."""

    package: str
    commit: str
    old: str
    new: str
    before: Mapping[str, str]
    after: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person and planex did with a patch. ``outcome`` is one of the words that ``report`` explains."""

    package: str
    old: str
    new: str
    patch: str
    sha256: str
    person: str
    planex: str
    why: str
    outcome: str


OUTCOMES = {
    "same": "both keep it, with the same changes",
    "other": "both keep it, with other changes",
    "gone": "both take it out",
    "twice": "WRONG CLEAN: planex puts in what is in already, going by the person's tree",
    "kept": "planex keeps what the person took out",
    "lost": "FALSE DROP: planex takes for upstreamed what the person kept",
    "needless": "planex asks, and the person changed nothing in the patch",
    "asked": "planex asks, and the person changed the patch or took it out",
    "offered": "planex offers what the person did",
    "misled": "planex offers something else than what the person did, to be looked at",
    "none": "the patch does not apply to its own source, or the person's does not",
}


def clone(folder: Path, url: str) -> Repository:
    """The bare clone of an address below ``folder``, made if it is missing."""
    path = folder / f"{url.rsplit('/', 1)[-1]}.git"
    if not path.exists():
        Repository(folder).attempt("clone", "--quiet", "--bare", url, path)
    return Repository(path)


def bumps(queues: Repository, package: str) -> Iterator[Bump]:
    """Every change of version of a package that carried patches, oldest first."""
    recipe = f"package/{package}/{package}.mk"
    text = queues.git("log", "--reverse", "--no-merges", "--format=%H", "HEAD", "--", recipe)
    with Objects(queues) as objects:
        for commit in text.split():
            sides = [_state(objects, f"{side}:package/{package}", package) for side in (f"{commit}^", commit)]
            (old, before), (new, after) = sides
            if old and new and old != new and before:
                yield Bump(package, commit, old, new, before, after)


def _state(objects: Objects, folder: str, package: str) -> tuple[str, Mapping[str, str]]:
    """A package's version and patches."""
    settings = dict(_SETTING.findall((objects.content(f"{folder}/{package}.mk") or b"").decode("utf-8", "replace")))
    name = package.upper().replace("-", "_")
    version = settings.get(f"{name}_VERSION", "")
    for _ in range(3):
        version = re.sub(r"\$\((\w+)\)", lambda match: settings.get(match[1], ""), version)
    patches: dict[str, str] = {}
    for place in (folder, f"{folder}/{version}"):
        entries = decode_tree(objects.tree(place)) if version else {}
        patches |= {name: blob for name, (_, blob) in entries.items() if name.endswith(".patch")}
    return version, dict(sorted(patches.items()))


def tag_of(pattern: str, version: str) -> str:
    """The tag of a version."""
    plain = version.removeprefix("v")
    return pattern.replace("{_}", plain.replace(".", "_")).replace("{p}", _openssh(plain)).replace("{}", plain)


def _openssh(version: str) -> str:
    return version.replace(".", "_").replace("p", "_P")


class Hall:
    """Where a package's bumps are judged: a repository that borrows upstream's objects."""

    def __init__(self, folder: Path, queues: Repository, upstream: Repository) -> None:
        self.folder = folder
        self.repository = Repository.create(folder / "repo.git", bare=True)
        self._queues, self._upstream = queues, upstream
        alternates = self.repository.path / "objects" / "info" / "alternates"
        alternates.write_text(f"{(upstream.path / 'objects').resolve()}\n")

    def source(self, pattern: str, version: str) -> ImportedSource | None:
        names = (tag_of(pattern, version), version, tag_of(pattern, f"{version}.0"))
        commit = next(filter(None, (self._upstream.resolve(f"{name}^{{commit}}") for name in names)), None)
        if commit is None:
            return None
        tree = self.repository.git("rev-parse", f"{commit}^{{tree}}")
        return ImportedSource(commit, tree, tree, version)

    def chain(self, base: ImportedSource, patches: Mapping[str, str]) -> Chain:
        """A queue on a version."""
        folder = self.folder / "queue"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        with Objects(self._queues) as objects:
            for name, blob in patches.items():
                (folder / name).write_bytes(objects.content(blob) or b"")
        (folder / "series").write_text("".join(f"{name}\n" for name in patches))
        return build_chain(self.repository, base, load_queue(folder).applied)

    def judge(self, bump: Bump, pattern: str) -> list[Decision]:
        """Nothing if one of the versions has no tag."""
        old, new = (self.source(pattern, version) for version in (bump.old, bump.new))
        if old is None or new is None or old.commit == new.commit:
            return []
        chain, person = self.chain(old, bump.before), self.chain(new, bump.after)
        history = UpstreamHistory(self.repository, chain, old.commit, new.commit)
        with PipeSet(self.repository) as pipes:
            attempts = AllAttempts(pipes, new.commit)
            verdicts = Judge(pipes, chain, new, proof=history.finding, attempts=attempts).run()
        return Comparison(self.repository, bump, chain, person, new, verdicts).decisions()


class Comparison:
    """The person's queue on the new version beside planex's."""

    def __init__(
        self,
        repository: Repository,
        bump: Bump,
        chain: Chain,
        person: Chain,
        new: ImportedSource,
        verdicts: list[Verdict],
    ) -> None:
        self.repository, self.bump, self.chain, self.person, self.new = repository, bump, chain, person, new
        self.verdicts = verdicts

    def decisions(self) -> list[Decision]:
        with ExitStack() as stack:
            self._differ = stack.enter_context(Differ(self.repository))
            objects = stack.enter_context(Objects(self.repository))
            person = self.person.links[-1].tree if self.person.links else self.new.tree
            trees = (self.new.tree, self.verdicts[-1].tree, person, self.chain.links[-1].tree)
            self._sides = [TreeFiles(self.repository, objects, tree) for tree in trees]
            before = self.new.tree
            found = []
            for link, verdict in zip(self.chain.links, self.verdicts, strict=True):
                found.append(self._decision(link, verdict, before))
                before = verdict.tree
        return found

    def _decision(self, link: Link, verdict: Verdict, before: str) -> Decision:
        other = self._pair(link.patch)
        person = "dropped" if other is None else "kept" if other.patch.data == link.patch.data else "changed"
        bump, patch = self.bump, link.patch
        facts = (bump.package, bump.old, bump.new, patch.name, patch.sha256, person, str(verdict.status), verdict.why)
        return Decision(*facts, self._outcome(link, verdict, before, other))

    def _outcome(self, link: Link, verdict: Verdict, before: str, other: Link | None) -> str:
        if not link.applies or (other is not None and not other.applies):
            return "none"
        if verdict.status in KEPT:
            if self._in_twice(link.patch):
                return "twice"
            if other is None:
                return "kept"
            return "same" if self._lines(before, verdict.tree) == self._of(other) else "other"
        if verdict.status is Fate.PROPOSAL:
            right = other is not None and self._lines(before, verdict.tree) == self._of(other)
            return "offered" if right else "misled"
        if verdict.status in TROUBLE:
            return "needless" if other is not None and self._of(other) == self._of(link) else "asked"
        return "gone" if other is None else "lost"

    def _of(self, link: Link) -> frozenset[str]:
        return self._lines(link.parent_tree, link.tree)

    def _lines(self, old: str, new: str) -> frozenset[str]:
        content: DiffContent = content_of_diff(self._differ.diff(old, new).splitlines())
        return frozenset(content.lines)

    def _pair(self, patch: Patch) -> Link | None:
        """The person's patch that this one became."""
        links = self.person.links
        tests: tuple[Callable[[Patch], object], ...] = (
            lambda item: item.data,
            lambda item: _NUMBER.sub("", item.name),
            lambda item: plain_title(item.header.subject),
        )
        found = (link for test in tests for link in links if test(link.patch) == test(patch) not in _SAYS_NOTHING)
        return next(found, None)

    def _in_twice(self, patch: Patch) -> bool:
        """Whether upstream has a telling line of the patch, and planex's tree has it more often than anybody's."""
        for file in patch.diff.files:
            counts = [_count(side, file.path) for side in self._sides]
            for hunk in file.hunks:
                for line in hunk.lines:
                    if line[:1] != b"+" or not is_code(line[1:]) or is_weak(line[1:]):
                        continue
                    upstream, planex, person, old = (count[_bare(line[1:])] for count in counts)
                    if upstream and planex > max(upstream, person, old):
                        return True
        return False


def _count(files: TreeFiles, path: str) -> Counter[bytes]:
    file = files.get(path)
    return Counter(map(_bare, file.data.split(b"\n"))) if file else Counter()


def _bare(line: bytes) -> bytes:
    """A line without white space and without what joins it to its neighbours."""
    return squeeze(line).strip(b"\\|&,")


def report(decisions: list[Decision], seconds: float) -> str:
    """The figures."""
    counts = Counter(item.outcome for item in decisions)
    kept = [item for item in decisions if item.person != "dropped" and item.outcome != "none"]
    lines = [f"{len(decisions)} decisions, {seconds:.0f} s"]
    lines += [f"  {counts[word]:5} {word:9} {text}" for word, text in OUTCOMES.items()]
    statuses = Counter((item.planex, item.outcome) for item in decisions)
    lines += [f"  {number:5} {status} {outcome}" for (status, outcome), number in sorted(statuses.items())]
    share = 100 * counts["needless"] / max(len(kept), 1)
    lines += [f"wrong clean {counts['twice']}, false drop {counts['lost']}, needless questions {share:.1f} % of kept"]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clones", type=Path, required=True)
    parser.add_argument("--save", type=Path, help="write each decision as a line of JSON")
    parser.add_argument("--limit", type=int, default=1000, help="changes of version a package, the newest")
    parser.add_argument("packages", nargs="*")
    options = parser.parse_args()
    queues = clone(options.clones, QUEUES)
    decisions: list[Decision] = []
    started = time.monotonic()
    for package in options.packages or CORPUS:
        path, pattern = CORPUS[package]
        upstream = clone(options.clones, f"{GITHUB}/{path}")
        with tempfile.TemporaryDirectory(prefix="planex-decisions.") as folder:
            hall = Hall(Path(folder), queues, upstream)
            for bump in list(bumps(queues, package))[-options.limit :]:
                try:
                    decisions += hall.judge(bump, pattern)
                except PlanexError as error:
                    print(f"{package} {bump.old} -> {bump.new}: {error}")
        print(f"{package}: {sum(item.package == package for item in decisions)}", flush=True)
    if options.save:
        options.save.write_text("".join(json.dumps(asdict(item)) + "\n" for item in decisions))
    print(report(decisions, time.monotonic() - started))


if __name__ == "__main__":
    main()
