# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nights that watch upstreams: a git repository that goes on, and one that is gone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from planex.run import run
from planex.snapshot.folder import SnapshotFolder
from tests.integration.conftest import Planex, write_package
from tests.integration.test_snapshot import SPEC, commit, git

pytestmark = [
    pytest.mark.slow,
    pytest.mark.tools("rpmbuild", "dnf", "bwrap", "unshare", "createrepo_c", "git"),
]
PACKAGE_YAML = 'watch: true\nvariables: {{version: "1", commit: {commit}}}\n{more}'
PATCHES = {
    "clean.patch": "--- a/other\n+++ b/other\n@@ -1 +1 @@\n-x\n+y\n",
    "conflict.patch": "--- a/file\n+++ b/file\n@@ -1 +1 @@\n-one\n+ours\n",
}
OUT = "2 is out: 1 patch clean, 1 needs you"


def released(upstream: Path, version: str, text: str) -> str:
    """Upstream's commit of a version."""
    (upstream / "file").write_text(text)
    commit(upstream, version)
    git(upstream, "tag", f"v{version}")
    return run(["git", "-C", str(upstream), "rev-parse", "HEAD"]).stdout.strip()


def watch(workspace: Path, upstream: Path, name: str, commit: str, more: str = "") -> None:
    """A package whose source is upstream's version 1."""
    source = f"git+file://{upstream}?commit={{{{ commit }}}}#/{name}-%{{version}}.tar"
    spec = SPEC.format(name=name, build="true").replace("Version:        1", "Version:        {{ version }}")
    spec = spec.replace("%{name}-%{version}.tar\n", source + "\n{{ patch_lines }}\n").replace("setup", "setup -p1")
    write_package(workspace, name, spec, {}, PATCHES)
    (workspace / "specs" / name / f"{name}-1.tar").unlink()
    (workspace / "specs" / name / "package.yaml").write_text(PACKAGE_YAML.format(commit=commit, more=more))


def test_a_version_that_is_out_is_told_and_an_upstream_that_is_gone_breaks_nothing(
    workspace: Path, planex: Planex, tmp_path: Path
) -> None:
    (upstream := tmp_path / "upstream").mkdir()
    git(upstream, "init", "-q")
    (upstream / "other").write_text("x\n")
    first = released(upstream, "1", "one\n")
    watch(workspace, upstream, "alive", first)
    watch(workspace, upstream, "dead", first, f"update: {{git: 'file://{tmp_path}/gone'}}\n")
    (workspace / ".gitignore").write_text("/_build\n/snapshots/\n")
    assert planex("fetch", "--update").returncode == 0
    git(workspace, "init", "-q")
    commit(workspace, "two watched packages")
    archive = SnapshotFolder(workspace / "snapshots" / "bookworm")

    def night(*words: str) -> dict[str, tuple[str, str]]:
        """What was heard of upstreams in a night, which was good."""
        done = planex("snapshot", "create", "--no-upgrade", *words)
        assert done.returncode == 0, done.stderr
        found = archive.find("latest").parts
        return {part.name: (str(part.status), part.message) for part in found if part.name.startswith("watch-")}

    heard = night()
    assert heard["watch-alive"] == ("ok", "")
    assert heard["watch-dead"][0] == "look" and "gone' does not appear to be a git repo" in heard["watch-dead"][1]

    released(upstream, "2", "two\n")
    assert night()["watch-alive"] == ("look", OUT)
    assert "look  watch-alive  " in (shown := planex("snapshot", "show").stdout) and OUT in shown
    front, page = (archive.site / name for name in ("index.html", "packages/alive.html"))
    for text, up in ((front.read_text(), "../"), (page.read_text(), "../../")):
        assert OUT in text
        assert f'href="{up}{archive.linked("latest")}/forecasts/watch-alive.html"' in text
    assert json.loads(page.with_suffix(".json").read_text())["upstream"] == OUT

    columns = workspace / "_build/cache/patchqueue/alive/repo.git/planex/columns"
    before = {path: path.stat().st_mtime_ns for path in columns.iterdir()}
    assert night()["watch-alive"] == ("look", OUT)
    assert before == {path: path.stat().st_mtime_ns for path in columns.iterdir()}, "judged once"
    assert night("--offline") == {}, "nobody is asked"
