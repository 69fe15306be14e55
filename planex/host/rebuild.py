# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes a published ISO once more, from the commit that its manifest names, in a folder of its own.

The published signatures are put where a signer would put its own, so that the whole ISO can be compared. Each step is a
planex command, a process of its own, as it is in a snapshot.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from planex.cage.trees import remove_tree
from planex.content import records
from planex.disk import naming, write
from planex.distro.config import Target, load_config
from planex.errors import LoggedError, PlanexError
from planex.git.checkout import check_out
from planex.host.checked import Checked, Standing
from planex.host.manifest import Manifest
from planex.host.provenance import CODE, iso_code
from planex.host.unlike import unlike_isos
from planex.itself import run_planex
from planex.medium.image import Image
from planex.medium.sums import SIGNATURE, SUMS
from planex.medium.xorriso import open_image
from planex.report import Reporter, Task
from planex.rpm.signature import signed_part
from planex.run import tail
from planex.trust.armour import SIGNATURE as BLOCK
from planex.trust.armour import NoArmour, armoured, block
from planex.trust.dsse import parse_envelope
from planex.trust.repository import PROVENANCE
from planex.trust.signer import OF_ANYTHING
from planex.units import many
from planex.workspace import Workspace

_WHAT = "rebuild"


@dataclass(frozen=True, slots=True)
class RebuildWish:
    """``source``: a folder of a git repository; ``commit``: instead of the one that the manifest names; ``inputs``: a
    ``_build`` whose base and downloads are taken; ``results``: what it has built is taken too; ``work``: where to
    rebuild, and leave it."""

    source: Path
    commit: str = ""
    inputs: Path | None = None
    results: bool = False
    work: Path | None = None


def rebuild_iso(iso: Path, manifest: Manifest, wish: RebuildWish, reporter: Reporter) -> list[Checked]:
    """Rebuild an ISO and compare it. PlanexError where that cannot be done."""
    commit = wish.commit or _commit(manifest)
    published = open_image(iso)
    with _folder(wish) as folder, reporter.task(_WHAT) as task:
        task.phase(f"check out {commit[:12]}")
        root = check_out(wish.source, commit, folder / "workspace")
        rebuild = _Rebuild(Workspace(root), manifest, folder, task, wish.work is not None)
        rebuild.take_inputs(wish)
        _collect_signatures(published, manifest, folder / "signatures")
        made = rebuild.run()
        task.phase("compare")
        found = [Checked(name, Standing.WRONG, text) for name, text in unlike_isos(published, open_image(made))]
    if found and (other := _other_planex(manifest)):
        found.insert(0, Checked(_WHAT, Standing.UNKNOWN, other))
    text = f"bit-identical, from commit {commit[:12]}: {many(len(manifest.rpms), 'RPM')}, {published.size} bytes"
    return found or [Checked(_WHAT, Standing.GOOD, text)]


def _commit(manifest: Manifest) -> str:
    made = manifest.made_from
    if not made.commit:
        message = "the manifest names no commit: the ISO was made outside of a git repository"
    elif made.changed:
        message = f"the ISO was made with changes that are in no commit, on top of {made.commit[:12]}"
    else:
        return made.commit
    raise PlanexError(f"it cannot be rebuilt: {message}", "compare with a commit all the same: --commit COMMIT")


def _other_planex(manifest: Manifest) -> str:
    made, here = manifest.made_from.tools.get(CODE, ""), iso_code()
    return f"the ISO was made by another planex ({made or 'unknown'}) than this one ({here})" if made != here else ""


@contextmanager
def _folder(wish: RebuildWish) -> Iterator[Path]:
    if wish.work:
        if wish.work.exists() and any(wish.work.iterdir()):
            raise PlanexError(f"{wish.work} is not empty", "name a new folder: --work DIR")
        with naming(wish.work, "make"):
            wish.work.mkdir(parents=True, exist_ok=True)
        yield wish.work.resolve()
        return
    with TemporaryDirectory(prefix="planex-rebuild.", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)  # cages are other users
        try:
            yield Path(name)
        finally:
            remove_tree(Path(name))


@dataclass(frozen=True, slots=True)
class _Rebuild:
    workspace: Workspace
    manifest: Manifest
    folder: Path
    task: Task
    kept: bool

    def take_inputs(self, wish: RebuildWish) -> None:
        """Use a base, downloads and results that are there: digests prove the first two, nothing the third."""
        if wish.inputs is None:
            return
        build = self.workspace.build
        build.mkdir(parents=True, exist_ok=True)
        (build / "base").symlink_to(wish.inputs.resolve() / "base")
        names = ["downloads", *([f"{self.manifest.target}/store"] if wish.results else [])]
        for name in names:
            if (wish.inputs / name).is_dir():
                shutil.copytree(wish.inputs / name, build / name, symlinks=True)

    def run(self) -> Path:
        """The rebuilt ISO."""
        target = self._target()
        if target.embedded and not self.workspace.base(target.base).exists():
            self._planex("base", "build")
        sign = () if self.manifest.key else ("--no-sign",)
        self._planex("build", "--no-store", *sign)
        made = json.loads(self._planex("iso", "build", "--json", *sign))
        return Path(made["iso"])

    def _target(self) -> Target:
        target = load_config(self.workspace).targets.get(self.manifest.target)
        if target is None:
            raise PlanexError(
                f"planex.yaml of the commit has no target '{self.manifest.target}'", "name another: --commit COMMIT"
            )
        return target

    def _planex(self, *words: str) -> str:
        """Run a planex command in the workspace; its output."""
        self.task.phase(f"planex {' '.join(words)}")
        log, results = self.folder / "rebuild.log", self.folder / "results"
        grafted = ["--graft", str(self.folder / "signatures"), *words]
        env = {name: value for name, value in os.environ.items() if name != "PLANEX_SIGN"}
        done = run_planex(self.workspace.root, self.manifest.target, grafted, env, log, results, self.task)
        if done.returncode:
            last = tail(log.read_text("utf-8", "replace"))
            message, hint = f"planex {words[0]} failed in the rebuild", "look into it: --work DIR keeps all of it"
            raise LoggedError(message, None if self.kept else hint, last, log if self.kept else None)
        return results.read_text()


def _collect_signatures(image: Image, manifest: Manifest, folder: Path) -> None:
    """The signatures on an ISO, each by the SHA-256 of what it is of."""
    folder.mkdir()
    if not manifest.key:
        return
    found = dict(_signatures(image, manifest))
    for digest, text in found.items():
        write(folder / f"{digest}.asc", text.encode())
    if not found:
        raise PlanexError("it cannot be rebuilt: the manifest says that it is signed, and no signature is on it")
    write(folder / OF_ANYTHING, next(iter(found.values())).encode())


def _signatures(image: Image, manifest: Manifest) -> Iterator[tuple[str, str]]:
    """The one of SHA256SUMS comes first: a rebuild that differs has that in its place again."""
    detached = [SUMS, *(name for name in image.files if name.endswith("/repodata/repomd.xml"))]
    for name in detached:
        signature = SIGNATURE if name == SUMS else f"{name}.asc"
        if name in image.files and signature in image.files:
            with suppress(NoArmour):
                yield image.digest(name), block(image.read(signature).decode(errors="replace"), BLOCK)
    for name in image.files:
        if f"/{PROVENANCE}/" in name:
            with suppress(records.Damaged):
                envelope = parse_envelope(image.read(name))
                signed = hashlib.sha256(envelope.signed).hexdigest()
                yield from ((signed, text) for text in envelope.armoured_signatures())
    for rpm in manifest.rpms:
        if rpm.path in image.files:
            with image.open(rpm.path) as file:
                part = signed_part(file)
            if part.signature:
                yield hashlib.sha256(part.header).hexdigest(), armoured(part.signature, BLOCK)
