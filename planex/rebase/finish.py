# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a finished rebase writes into the workspace: the queue, package.yaml and the checksums, together."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from planex.checksums import RECORDED, Checksum, checksum_text, digest_of, read_checksums
from planex.errors import ConfigError, Problem
from planex.patchqueue.carry.verdict import Fate
from planex.patchqueue.commits.commits import Chain
from planex.patchqueue.commits.export import Change, export, read_commits
from planex.patchqueue.commits.sourcecommit import ImportedSource
from planex.patchqueue.commits.writeback import Writes, writes_for
from planex.patchqueue.format.queue import PatchQueue
from planex.patchqueue.format.reorder import rewrite
from planex.patchqueue.format.series import Entry, Series, make_entry
from planex.rebase.package import PackageQueue
from planex.rebase.state import State
from planex.rebase.versions import main_source, parse_with
from planex.schema import replace_scalar
from planex.sources.fetch import cached_path

WAITING = "needs-rebase"
"""The guard put on patches that were left out for now."""


def finish_writes(package: PackageQueue, state: State, chain: Chain, base: ImportedSource) -> Writes:
    """Every file to write, relative to the workspace's root."""
    queue = _queue_writes(package, state, chain, base)
    root = package.project.workspace.root
    folder = package.queue.folder.relative_to(root)
    files = {str(folder / name): data for name, data in queue.files.items()}
    recipe = package.project.recipes[package.name]
    settings = recipe.folder / "package.yaml"
    if state.variables:
        text = edit_settings(settings, settings.read_text(), state.variables)
        files[str(settings.relative_to(root))] = text.encode()
        files |= {str(path.relative_to(root)): data for path, data in _source_files(package, state).items()}
    return Writes(files, tuple(str(folder / name) for name in queue.deletions))


def _queue_writes(package: PackageQueue, state: State, chain: Chain, base: ImportedSource) -> Writes:
    queue = package.queue
    skipped = {verdict.patch for verdict in state.verdicts if verdict.status is Fate.SKIPPED}
    worked_on = [patch for patch in queue.applied if patch.name not in skipped]
    outside = [patch for patch in (*queue.applied, *queue.skipped) if patch not in worked_on]
    known = PatchQueue(queue.folder, queue.guards, queue.series, tuple(worked_on), tuple(outside))
    head = state.verdicts[-1].commit if state.verdicts else base.commit
    commits = read_commits(package.repository, base.commit, head)
    exported = export(package.repository, base.tree, commits, known)
    series = rewrite(queue.series, [patch.name for patch in worked_on], [item.entry for item in exported])
    patches = {item.entry.name: item.data for item in exported if item.change is not Change.SAME}
    return writes_for(queue, _put_aside(series, skipped), patches)


def _put_aside(series: Series, names: set[str]) -> Series:
    """Guard patches so that nothing applies them; one that a positive guard chooses already is commented out."""
    lines = [_aside(line) if isinstance(line, Entry) and line.name in names else line for line in series.lines]
    return replace(series, lines=tuple(lines))


def _aside(entry: Entry) -> Entry | str:
    if any(guard.startswith("+") for guard in entry.guards):
        return f"# {WAITING}: {entry.text}"
    return make_entry(entry.name, entry.strip, (*entry.guards, f"+{WAITING}"))


def edit_settings(path: Path, text: str, variables: Mapping[str, str]) -> str:
    """package.yaml with these variables changed and every other byte as it was."""
    for key, value in sorted(variables.items()):
        try:
            text = replace_scalar(text, ("variables", key), value)
        except KeyError:
            raise ConfigError([Problem(path, 0, f"has no 'variables: {key}' to change")]) from None
    return text


def _source_files(package: PackageQueue, state: State) -> dict[Path, bytes]:
    """The checksum file with the new main source in the place of the old; or that source itself, if it is local."""
    project, recipe = package.project, package.project.recipes[package.name]
    old, new = (
        main_source(item)
        for item in (project.packages[package.name], parse_with(project, package.name, state.variables))
    )
    if not new.is_remote:
        return {recipe.folder / new.file_name: state.new.source.read_bytes()}
    known = read_checksums(recipe.checksums)
    known.pop(old.file_name, None)
    known[new.file_name] = Checksum(RECORDED, digest_of(state.new.source))
    cached = cached_path(project.workspace, known[new.file_name])
    if not cached.exists():
        cached.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(state.new.source, cached)
    return {recipe.checksums: checksum_text(known).encode()}
