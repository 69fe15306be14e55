# SPDX-License-Identifier: LGPL-2.1-or-later
"""The fate of a whole queue on other upstream versions: a matrix of patch and version, worked out in memory.

Each version is a column, kept as a file. A column stays good for as many patches from the top as are unchanged, so
that one new version or one changed patch costs only that column, or what follows that row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from planex.checksums import digest_of_text
from planex.content import records
from planex.git.pipeset import PipeSet
from planex.git.repository import Repository
from planex.patchqueue.carry.attempts import AllAttempts, Bridge
from planex.patchqueue.carry.judge import Judge, Orders, ProofFinder
from planex.patchqueue.carry.verdict import TROUBLE, Fate, Verdict
from planex.patchqueue.commits.commits import Chain, build_chain, chain_keys
from planex.patchqueue.commits.sourcecommit import ImportedSource, import_source
from planex.patchqueue.format.queue import Patch

FORMAT = 8
"""Raise when verdicts change, so that kept columns are not believed."""


@dataclass(frozen=True, slots=True)
class Version:
    """An upstream version: what people call it, its tarball or folder, and the tarball's digest."""

    label: str
    source: Path
    checksum: str


@dataclass(frozen=True, slots=True)
class Column:
    """What becomes of each patch on one version, in the order of the queue."""

    version: Version
    commit: str
    """The import of the version."""
    verdicts: tuple[Verdict, ...]
    judged: int = 0
    """How many of them were worked out this time; the rest was known."""

    @property
    def troubles(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if verdict.status in TROUBLE)


@dataclass(frozen=True, slots=True)
class KeptRow:
    """A verdict and the key of all it depends on but the version."""

    key: str
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class KeptColumn:
    """A column as it is kept. ``early`` and ``late``: see Forecaster."""

    early: str
    late: str
    commit: str
    rows: tuple[KeptRow, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """A forecast. ``first_bad`` gives for a patch the first version, in the order asked, where it is in trouble."""

    old: Version
    patches: tuple[Patch, ...]
    columns: tuple[Column, ...]

    @property
    def first_bad(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for column in self.columns:
            for verdict in column.troubles:
                found.setdefault(verdict.patch, column.version.label)
        return found


@dataclass(frozen=True)
class Forecaster:
    """Works out columns. ``proofs`` gives the proof finder for a version, where upstream's history is at hand."""

    repository: Repository
    old: Version
    patches: tuple[Patch, ...]
    orders: Orders = field(default_factory=Orders)
    rerere: Path | None = None
    """Folder with recorded solutions, already copied into the repository."""
    proofs: Callable[[Version], ProofFinder | None] = lambda version: None
    proofs_key: str = ""
    """Names the state of upstream's history."""

    def matrix(self, versions: Sequence[Version]) -> Matrix:
        """A column for each version; earlier ones serve as bridges to later ones."""
        columns: list[Column] = []
        for version in versions:
            columns.append(self.column(version, columns))
        return Matrix(self.old, self.patches, tuple(columns))

    def column(self, version: Version, between: Sequence[Column] = ()) -> Column:
        """What becomes of the queue on one version."""
        store = self._store(version)
        keys = chain_keys(self.old.checksum, self.patches)
        late = self._late_key(between)
        known, commit = self._known(store, keys, late)
        if len(known) == len(self.patches) and commit:
            return Column(version, commit, tuple(known))
        base = import_source(self.repository, version.source, version.label, version.checksum)
        verdicts = self._judge(version, base, known if commit == base.commit else [], between)
        self._save(store, base, keys, late, verdicts)
        return Column(version, base.commit, tuple(verdicts), len(verdicts) - len(known))

    def chain(self) -> Chain:
        """The queue as commits on its own source."""
        base = import_source(self.repository, self.old.source, self.old.label, self.old.checksum)
        return build_chain(self.repository, base, self.patches)

    def attempts(self, pipes: PipeSet, commit: str, between: Sequence[Column]) -> AllAttempts:
        """What to try with a conflict on the version imported as ``commit``; columns in between serve as bridges."""
        bridges = [Bridge(column.version.label, column.commit, column.verdicts) for column in between]
        return AllAttempts(pipes, commit, bridges, rerere=self.rerere is not None)

    def _judge(
        self, version: Version, base: ImportedSource, known: Sequence[Verdict], between: Sequence[Column]
    ) -> list[Verdict]:
        chain = self.chain()
        proof = self.proofs(version)
        with PipeSet(self.repository) as pipes:
            attempts = self.attempts(pipes, base.commit, between)
            judge = Judge(pipes, chain, base, orders=self.orders, proof=proof, attempts=attempts)
            judge.resume(known)
            return list(judge.run())

    def _known(self, store: Path, keys: Sequence[str], late: str) -> tuple[list[Verdict], str]:
        """Verdicts that still hold, from the top; and the commit of the version's import."""
        kept = records.load(store, KeptColumn, FORMAT)
        if kept is None or kept.early != self._early_key():
            return [], ""
        verdicts: list[Verdict] = []
        for key, row in zip(keys, kept.rows, strict=False):
            if row.key != key or (kept.late != late and _had_conflict(row.verdict)):
                break
            verdicts.append(row.verdict)
        complete = len(verdicts) == len(keys) == len(kept.rows)
        if not complete and verdicts and not self.repository.has(verdicts[-1].commit):
            return [], ""
        return verdicts, kept.commit

    def _save(
        self, store: Path, base: ImportedSource, keys: Sequence[str], late: str, verdicts: Sequence[Verdict]
    ) -> None:
        rows = tuple(KeptRow(key, verdict) for key, verdict in zip(keys, verdicts, strict=True))
        records.save(store, KeptColumn(self._early_key(), late, base.commit, rows), FORMAT)

    def _store(self, version: Version) -> Path:
        name = _digest(self.old.checksum, version.checksum)
        return self.repository.path / "planex" / "columns" / f"{name}.json"

    def _early_key(self) -> str:
        """Names what may change any verdict."""
        orders = self.orders
        sets = (orders.keep, orders.drop, orders.skip, orders.accept)
        return _digest(self.proofs_key, *(word for some in sets for word in (*sorted(some), "-")))

    def _late_key(self, between: Sequence[Column]) -> str:
        """Names what may change only the fate of a conflict."""
        solutions = [] if self.rerere is None else sorted(path.parent.name for path in self.rerere.glob("*/postimage*"))
        return _digest(*(column.version.checksum for column in between), "-", *solutions)


def _had_conflict(verdict: Verdict) -> bool:
    return verdict.status in (Fate.CONFLICT, Fate.DOUBTFUL, Fate.BLOCKED, Fate.RERERE, Fate.PROPOSAL) or bool(
        verdict.how
    )


def _digest(*words: str) -> str:
    return digest_of_text("\0".join(words))
