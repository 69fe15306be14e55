# SPDX-License-Identifier: LGPL-2.1-or-later
"""The embedded base, made with the real apt, dpkg-deb, rpmbuild, dnf and xorriso from a tiny archive."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from planex.base.advice import Advisor
from planex.base.apt import Apt
from planex.base.build import TOOLS, BaseResult, build_base
from planex.base.definition import Definition
from planex.errors import CommandFailed, PlanexError
from planex.medium.xorriso import open_image, read_records
from planex.report import Reporter
from planex.rpm import repo
from planex.rpm.index import Index
from planex.run import run
from planex.schema import parse
from tests.integration.tiny_archive import TinyArchive, TinyDeb

pytestmark = pytest.mark.tools(*TOOLS)

DEFINITION = """\
suite: bookworm
medium: {label: TINY-1, title: tiny, release: '1', date: 2023-06-10, kernel: linux-image, loaders: [loaders]}
groups:
  core: {name: Host, description: d, packages: [shell, filesystem], meta: host-core, medium: true}
  development: {name: Tools, description: d, packages: [libz-dev, rpm]}
made:
  filesystem: {summary: folders, links: {/bin: usr/bin, /lib: usr/lib}}
packages:
  shell:
    links: {/usr/bin/sh: shell}
    copies: {/etc/profile: /usr/share/shell/profile}
aliases: {libz-dev: [zlib-devel]}
drop_requires: [debconf]
drop: [/usr/share/doc/*]
keep: [/usr/share/doc/*/copyright]
"""
PKGCONFIG = "Name: z\nDescription: z\nVersion: 1.2\n"
MODULES = Path("/usr/lib/syslinux/modules/bios")


def loader_files() -> dict[str, str | bytes]:
    """The files of this machine's isolinux under the paths that they have in Debian."""
    names = ("ldlinux", "libcom32", "libmenu", "libutil", "menu", "vesamenu")
    files: dict[str, str | bytes] = {f"{MODULES}/{name}.c32": (MODULES / f"{name}.c32").read_bytes() for name in names}
    return {**files, "/usr/lib/ISOLINUX/isolinux.bin": Path("/usr/lib/ISOLINUX/isolinux.bin").read_bytes()}


def shell() -> TinyDeb:
    """A package with everything that needs care: /usr merge, setuid, configuration, dropped files and dependencies."""
    files: dict[str, str | bytes] = {
        "/bin/shell": "#!/bin/true\n",
        "/bin/su": "x",
        "/etc/shell.conf": "a\n",
        "/usr/share/shell/profile": "PATH=/usr/bin\n",
        "/usr/share/doc/shell/copyright": "free\n",
        "/usr/share/doc/shell/README": "read\n",
        "/usr/share/shell/x[1] %y": "z",
        "/usr/share/shell/a\\x2db": "z",
    }
    links = {"/bin/rshell": "shell", "/bin/profile": "../usr/share/shell/profile"}
    modes = {"/bin/shell": 0o755, "/bin/su": 0o4755}
    return TinyDeb("shell", files, links, modes, depends="libz, debconf | cdebconf", provides="sh", version="1:2.0-3")


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TinyArchive:
    """shell -> libz, libz-dev -> libz, and what the medium needs."""
    made = TinyArchive(tmp_path / "archive")
    library = Path(next(iter(sorted(Path("/lib/x86_64-linux-gnu").glob("libz.so.1.*")))))
    made.add(TinyDeb("libz", {"/lib/x86_64-linux-gnu/libz.so.1.2": library.read_bytes()}))
    made.add(TinyDeb("libz-dev", {"/usr/lib/x86_64-linux-gnu/pkgconfig/z.pc": PKGCONFIG}, depends="libz (= 1.0-1)"))
    made.add(TinyDeb("debconf"))
    made.add(TinyDeb("linux-image", {"/boot/vmlinuz-6": b"kernel"}))
    made.add(TinyDeb("busybox-static", {"/bin/busybox": b"busybox"}))
    made.add(TinyDeb("rpm", {"/usr/lib/rpm/macros": "%_x 1\n"}))
    made.add(TinyDeb("loaders", loader_files()))
    made.add(shell())
    made.publish()
    for name, value in made.environment().items():
        monkeypatch.setenv(name, value)
    return made


def build(folder: Path, text: str = DEFINITION, *, update: bool = False) -> BaseResult:
    definition = parse(text, Definition, Path("repos/tiny.yaml"))
    return build_base(folder, definition, Reporter(), update=update)


def query(folder: Path, package: str, what: str) -> list[str]:
    rpm = next(iter((folder / "repo").glob(f"{package}-[0-9]*.rpm")))
    return run(["rpm", "-qp", *what.split(), rpm]).stdout.splitlines()


def test_a_base_from_a_tiny_archive(archive: TinyArchive, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    result = build(folder)
    assert result.changed and result.packages == 6
    names = {path.name for path in (folder / "repo").glob("*.rpm")}
    assert names == {
        "filesystem-12-1.noarch.rpm",
        "host-core-1-1.noarch.rpm",
        "libz-1.0-1.x86_64.rpm",
        "libz-dev-1.0-1.x86_64.rpm",
        "rpm-1.0-1.x86_64.rpm",
        "shell-2.0-3.x86_64.rpm",
    }
    manifest = json.loads((folder / "manifest.json").read_text())["packages"]
    assert [row["package"] for row in manifest if "deb_sha256" not in row] == ["filesystem", "host-core"]
    assert "<id>development</id>" in run(["sh", "-c", f"cat {folder}/repo/repodata/*comps*"]).stdout


def test_files_of_a_repackaged_deb(archive: TinyArchive, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    build(folder)
    listing = query(folder, "shell", "-qlv")
    table = {line.split(maxsplit=8)[8]: line.split()[:4] for line in listing}
    assert table["/usr/bin/su"] == ["-rwsr-xr-x", "1", "root", "root"]
    assert table["/usr/bin/rshell -> shell"][0][0] == "l"
    assert "/usr/bin/profile -> ../share/shell/profile" in table
    assert "/usr/bin/sh -> shell" in table and "/etc/profile" in table
    assert "/usr/share/shell/x[1] %y" in table and "/usr/share/shell/a\\x2db" in table
    assert "/usr/share/doc/shell/copyright" in table
    assert "/usr/share/doc/shell/README" not in table and "/bin" not in table
    assert query(folder, "shell", "-qc") == ["/etc/profile", "/etc/shell.conf"]


def test_provides_and_requires(archive: TinyArchive, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    build(folder)
    assert {"/bin/shell", "/bin/su", "sh", "shell = 1:2.0-3"} <= set(query(folder, "shell", "--provides"))
    needs = {line for line in query(folder, "shell", "--requires") if not line.startswith("rpmlib")}
    assert needs == {"filesystem", "libz"}
    assert "libz.so.1()(64bit)" in query(folder, "libz", "--provides")
    assert {"pkgconfig(z) = 1.2", "zlib-devel(x86-64) = 1.0-1"} <= set(query(folder, "libz-dev", "--provides"))


def test_the_second_build_does_nothing(archive: TinyArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "base"
    build(folder)
    shutil.rmtree(archive.folder)
    assert not build(folder).changed


def test_the_same_inputs_give_the_same_bytes(archive: TinyArchive, tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        build(tmp_path / "one")
    finally:
        os.umask(old)
    build(tmp_path / "two")
    for path in sorted((tmp_path / "one" / "repo").rglob("*.*")):
        assert (
            path.read_bytes() == (tmp_path / "two" / "repo" / path.relative_to(tmp_path / "one" / "repo")).read_bytes()
        )
    assert (tmp_path / "one" / "base.iso").read_bytes() == (tmp_path / "two" / "base.iso").read_bytes()


def test_the_base_iso_starts_by_both_firmwares(archive: TinyArchive, tmp_path: Path) -> None:
    build(tmp_path / "base")
    iso = tmp_path / "base" / "base.iso"
    records = read_records(iso)
    assert records.boots("BIOS") and records.boots("UEFI") and records.label == "TINY-1"
    files = open_image(iso).files
    assert {
        "/.treeinfo",
        "/.discinfo",
        "/EFI/BOOT/BOOTX64.EFI",
        "/EFI/BOOT/grub.cfg",
        "/Packages/shell-2.0-3.x86_64.rpm",
        "/images/pxeboot/vmlinuz",
        "/isolinux/isolinux.cfg",
        "/repodata/repomd.xml",
    } <= files.keys()
    assert not any("libz-dev" in path for path in files)


def test_an_update_takes_new_versions_and_remakes_only_those(archive: TinyArchive, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    build(folder)
    before = {path.name: path.stat().st_ino for path in (folder / "rpms").rglob("*.rpm")}
    archive.add(TinyDeb("libz-dev", {"/usr/lib/x86_64-linux-gnu/pkgconfig/z.pc": PKGCONFIG}, version="1.0-2"))
    archive.publish()
    assert not build(folder).changed
    assert build(folder, update=True).changed
    after = {path.name: path.stat().st_ino for path in (folder / "rpms").rglob("*.rpm")}
    assert (folder / "repo" / "libz-dev-1.0-2.x86_64.rpm").exists()
    assert after.keys() - before.keys() == {"libz-dev-1.0-2.x86_64.rpm"}
    assert all(before[name] == after[name] for name in before.keys() & after.keys())


def test_a_version_that_the_mirror_lacks_is_replaced_by_an_older_one(archive: TinyArchive, tmp_path: Path) -> None:
    archive.add(TinyDeb("libz-dev", version="1.0-9")).unlink()
    archive.publish()
    build(tmp_path / "base")
    assert [path.name for path in (tmp_path / "base" / "repo").glob("libz-dev-*")] == ["libz-dev-1.0-1.x86_64.rpm"]


def test_a_damaged_download_is_not_used(archive: TinyArchive, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    (folder / "debs" / "incoming").mkdir(parents=True)
    (folder / "debs" / "incoming" / "libz_1.0-1_amd64.deb").write_bytes(b"half")
    build(folder)
    assert (folder / "debs" / "libz_1.0-1_amd64.deb").read_bytes() == (
        archive.pool / "libz_1.0-1_amd64.deb"
    ).read_bytes()


def test_what_a_killed_run_left_is_swept_away(archive: TinyArchive, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    for name in (".work.x.draft", "builds/.new.x.draft"):
        (folder / name / "sub").mkdir(parents=True)
    build(folder)
    assert [path.name for path in (folder / "builds").iterdir()] == [(folder / "current").resolve().name]
    assert not (folder / ".work.x.draft").exists()


def test_a_dependency_that_is_not_in_the_base_is_named(archive: TinyArchive, tmp_path: Path) -> None:
    with pytest.raises(PlanexError, match="apt cannot find the base's packages:\nE: Unable to locate package nosuch"):
        build(tmp_path / "base", DEFINITION.replace("[libz-dev, rpm]", "[nosuch]"))
    assert not (tmp_path / "base" / "repo").exists()


def test_two_packages_with_one_path_are_an_error_and_nothing_is_published(archive: TinyArchive, tmp_path: Path) -> None:
    archive.add(TinyDeb("other", {"/usr/bin/su": "another"}))
    archive.publish()
    with pytest.raises(PlanexError, match="/usr/bin/su: other, shell"):
        build(tmp_path / "base", DEFINITION.replace("[libz-dev, rpm]", "[libz-dev, rpm, other]"))
    assert not (tmp_path / "base" / "current").exists()


def test_an_alias_that_is_a_package_is_an_error(archive: TinyArchive, tmp_path: Path) -> None:
    with pytest.raises(PlanexError, match=r"aliases that are packages of the base: libz \(of libz-dev\)"):
        build(tmp_path / "base", DEFINITION.replace("[zlib-devel]", "[zlib-devel, libz]"))


def test_a_package_that_cannot_be_made_leaves_its_log(archive: TinyArchive, tmp_path: Path) -> None:
    bad = DEFINITION.replace("    links: {/usr/bin/sh: shell}", "    spec: '%post -n nosuch'")
    with pytest.raises(CommandFailed) as caught:
        build(tmp_path / "base", bad)
    assert caught.value.log is not None and "shell.spec" in caught.value.log.read_text()
    assert not list((tmp_path / "base").glob(".work.*"))


def test_another_release_of_debian_is_an_error_that_names_what_there_is(archive: TinyArchive, tmp_path: Path) -> None:
    with pytest.raises(PlanexError, match=r"no source for Debian trixie \(it has: bookworm\)"):
        build(tmp_path / "base", DEFINITION.replace("suite: bookworm", "suite: trixie"))


def test_what_the_archive_has_besides_is_known_wherever_the_base_is(
    archive: TinyArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.add(TinyDeb("libfoo2-dev"))
    archive.publish()
    build(tmp_path / "made")
    folder = (tmp_path / "made").rename(tmp_path / "moved")
    offered = repo.read_index(folder / "repo", tmp_path / "cache")
    told = Advisor(folder, "repos/tiny.yaml")("foo-devel", offered)
    assert told.startswith("; Debian has libfoo2-dev, which this base leaves out: add it to a group of repos/tiny.yaml")
    assert Advisor(folder, "repos/tiny.yaml")("bar-devel", offered) == ""
    monkeypatch.setattr(Apt, "available", lambda _: pytest.fail("the lists are read again"))
    assert Advisor(folder, "repos/tiny.yaml")("foo-devel", offered) == told


def test_without_lists_of_the_archive_nothing_is_said(tmp_path: Path) -> None:
    assert Advisor(tmp_path, "repos/tiny.yaml")("foo-devel", Index(())) == ""


FOLDERS = {"/usr>", "/usr/bin>", "/usr/share>", "/usr/share/doc>"}


def test_alternatives_are_links(archive: TinyArchive, tmp_path: Path) -> None:
    install = "update-alternatives --install"
    old = f"v=1.2\n{install} /usr/bin/am am \\\n /usr/bin/am-$v 30 --slave /usr/bin/ac ac /usr/bin/ac-$v\n"
    new = f"{install} /usr/bin/am am /bin/am-2 40 --slave /usr/share/doc/am am /usr/share/doc/am2\n"
    ours = f"{install} /bin/sh sh /usr/bin/am-1.2 99\n"
    archive.add(TinyDeb("am1", {"/usr/bin/am-1.2": "x", "/usr/bin/ac-1.2": "x"}, postinst=old + ours))
    archive.add(TinyDeb("am2", {"/bin/am-2": "x", "/usr/share/doc/am2": "x"}, postinst=new))
    archive.publish()
    folder = build(tmp_path / "base", DEFINITION.replace("packages: [shell,", "packages: [am1, am2, shell,")).folder
    links = "--qf [%{FILENAMES}>%{FILELINKTOS}\\n]"
    assert {*query(folder, "am1", links)} - FOLDERS == {"/usr/bin/ac>ac-1.2", "/usr/bin/ac-1.2>", "/usr/bin/am-1.2>"}
    assert {*query(folder, "am2", links)} - FOLDERS == {"/usr/bin/am>am-2", "/usr/bin/am-2>"}
    assert "/usr/bin/sh>shell" in query(folder, "shell", links)
