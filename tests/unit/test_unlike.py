# SPDX-License-Identifier: LGPL-2.1-or-later
"""What should have the same bytes and has not: the words for RPMs, ISOs and commits that are rebuilt."""

from __future__ import annotations

from pathlib import Path

import pytest

from planex.errors import PlanexError
from planex.git.checkout import check_out
from planex.git.door import run_git
from planex.host.manifest import ON_ISO
from planex.host.unlike import unlike_isos
from planex.medium.xorriso import open_image, xorriso
from planex.rpm.unlike import unlike_rpms
from tests.unit.manifest_factory import make_manifest
from tests.unit.rpm_factory import make_rpm


@pytest.mark.tools("rpmbuild")
def test_rpms(tmp_path: Path) -> None:
    def rpm(name: str, text: str, mode: str = "644", tags: str = "") -> Path:
        install = f"mkdir -p %{{buildroot}}/opt; echo {text} >%{{buildroot}}/opt/x; ln -s x %{{buildroot}}/opt/y"
        return make_rpm(tmp_path / name, tags=tags, install=install, files=f"%attr({mode}, root, root) /opt/x\n/opt/y")

    def told(one: Path, other: Path) -> str:
        with one.open("rb") as old, other.open("rb") as new:
            return unlike_rpms(old, new)

    first = rpm("a", "1")
    assert "files in it differ: /opt/x" in told(first, rpm("b", "2"))
    assert "files in it differ: /opt/x" in told(first, rpm("c", "1", "600"))
    other = told(first, rpm("d", "1", tags="URL: https://example.org"))
    assert "files" not in other and "its header differs: " in other and "tag 1020" in other
    (tmp_path / "no.rpm").write_bytes(b"no")
    assert "cannot be read: it ends within its lead" in told(first, tmp_path / "no.rpm")


@pytest.mark.tools("xorriso")
def test_isos(tmp_path: Path) -> None:
    def iso(name: str, files: dict[str, str], label: str = "X") -> Path:
        tree = tmp_path / name
        for path, text in files.items():
            tree.mkdir(exist_ok=True)
            (tree / path).write_text(text)
        output = tmp_path / f"{name}.iso"
        xorriso(["-as", "mkisofs", "-quiet", "-R", "-V", label, "-o", output, tree], 1700000000)
        return output

    def told(one: Path, other: Path) -> list[tuple[str, str]]:
        return list(unlike_isos(open_image(one), open_image(other)))

    old, new = make_manifest(), make_manifest(version="2", rpms=())
    first = iso("a", {"x": "1" * 5000, "gone": "", ON_ISO[1:]: old.to_json()})
    assert told(first, first) == []
    second = iso("b", {"x": "1" * 4000 + "2", "new": "", ON_ISO[1:]: new.to_json()})
    assert told(first, second) == [
        ("/gone", "it is on the published ISO only"),
        ("/new", "it is on the rebuilt ISO only"),
        ("/x", "differs from byte 4000 on (5000 bytes, rebuilt 4001)"),
        (ON_ISO, "version: 1 -> 2; rpms: 1 rows -> 0 rows"),
    ]
    third = iso("c", {"x": "1" * 5000, "gone": "", ON_ISO[1:]: old.to_json()}, label="Y")
    ((name, text),) = told(first, third)
    assert name == "image" and text.startswith("all files are the same; what is around them differs from byte ")


def test_a_commit_is_checked_out_beside_its_repository(tmp_path: Path) -> None:
    source = tmp_path / "source" / "distro"
    source.mkdir(parents=True)
    run_git(source.parent, ["init", "--quiet"])
    (source / "planex.yaml").write_text("old\r\n")
    (source.parent / ".gitattributes").write_text("* text=auto eol=lf\n")
    for words in (["add", "."], ["commit", "--quiet", "-m", "x"]):
        run_git(source, words)
    commit = run_git(source, ["rev-parse", "HEAD"]).stdout.strip()
    (source / "planex.yaml").write_text("new")
    root = check_out(source, commit, tmp_path / "out")
    assert root == tmp_path / "out" / "distro" and (root / "planex.yaml").read_bytes().startswith(b"old")
    assert run_git(root, ["status", "--porcelain"]).stdout == ""
    assert (source / "planex.yaml").read_text() == "new"
    run_git(tmp_path, ["clone", "--quiet", "--depth=1", f"file://{source.parent}", "shallow"])
    with pytest.raises(PlanexError, match="shallow/distro is a shallow clone, and releases are") as caught:
        check_out(tmp_path / "shallow/distro", commit, tmp_path / "other")
    assert "git fetch --unshallow" in (caught.value.hint or "") and not (tmp_path / "other").exists()
    with pytest.raises(PlanexError, match="is not in"):
        check_out(source, "f" * 40, tmp_path / "other")
    with pytest.raises(PlanexError, match="is in no git repository"):
        check_out(tmp_path, commit, tmp_path / "other")
