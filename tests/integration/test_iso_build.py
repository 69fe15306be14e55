# SPDX-License-Identifier: LGPL-2.1-or-later
"""planex iso build on a host of one package, with real dnf, mksquashfs and xorriso."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from planex.cage.trees import remove_tree
from planex.checksums import digest_of
from planex.content import stamps
from planex.distro.config import load_config
from planex.distro.project import Project, load_project
from planex.errors import ConfigError, LoggedError, PlanexError
from planex.git.door import run_git
from planex.host import make
from planex.host.bill import bills_beside
from planex.host.build import build_iso
from planex.host.check import check_iso
from planex.host.manifest import ON_ISO, parse_manifest
from planex.host.plan import checksum_path, load_manifest, manifest_path, plan_iso, work_folder
from planex.medium.respin import Respin, Respun, respin
from planex.medium.xorriso import open_image, read_records, xorriso
from planex.report import Reporter
from planex.rpm import repo
from planex.rpm.repo import create_repo
from planex.run import run
from planex.workspace import Workspace
from tests.integration import tiny_iso
from tests.integration.conftest import run_planex

pytestmark = pytest.mark.tools(*tiny_iso.TOOLS, "rpmbuild", "dnf", "bwrap", "unshare", "mksquashfs")

SPEC = """\
Name: tiny-host
Version: 1
Release: 1
Summary: A host that cannot run
License: MIT
BuildArch: noarch
%description
x
%install
mkdir -p %{buildroot}/boot %{buildroot}/usr/bin %{buildroot}/sbin %{buildroot}/etc %{buildroot}/var/lib/rpm
echo xen >%{buildroot}/boot/xen-1.gz
echo kernel >%{buildroot}/boot/vmlinuz-1
echo busybox >%{buildroot}/usr/bin/busybox
mkdir -p %{buildroot}/srv %{buildroot}/home %{buildroot}/tmp %{buildroot}/var/cache/dnf
%files
%dir /srv
%dir /home
%dir %attr(1777, root, root) /tmp
%dir /var/cache/dnf
/boot/*
/etc
/usr/bin/busybox
%changelog
* Thu Nov 19 2026 t <t@example.org> - 1-1
- x
"""
PLANEX_YAML = "name: tiny\nversion: '1'\nvendor: tests\ntargets: {tiny: {base: tiny, embedded: true}}\n"
MOCK_CONFIG = """\
config_opts['root'] = 'tiny'
config_opts['target_arch'] = 'x86_64'
config_opts['chroot_setup_cmd'] = 'install tiny-host'
config_opts['dnf.conf'] = '''[main]
reposdir=/dev/null
gpgcheck=0
'''
"""
ISO_YAML = """\
label: TINY-1
name: tiny
title: Tiny
comps: comps.xml
live:
  packages: [tiny-host]
entries:
  - name: xen
    title: Tiny
    hypervisor: /boot/xen.gz
    kernel: /boot/vmlinuz
    initrd: /boot/initrd.img
    default: true
"""
COMPS = """\
<?xml version="1.0" encoding="UTF-8"?>
<comps><group><id>tiny</id><name>Tiny</name><packagelist>
<packagereq type="mandatory">tiny-host</packagereq></packagelist></group></comps>
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A base ISO and the RPM of a host, made once."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "tiny-host.spec").write_text(SPEC)
    words = ["rpmbuild", "-bb", "--define", f"_topdir {folder}/rpm", str(folder / "tiny-host.spec")]
    run(words, env={"SOURCE_DATE_EPOCH": str(tiny_iso.EPOCH)})
    (rpm,) = (folder / "rpm" / "RPMS").rglob("*.rpm")
    return tiny_iso.make_base(folder), rpm


@pytest.fixture
def project(made: tuple[Path, Path], tmp_path: Path) -> Project:
    return make_project(made, tmp_path / "workspace")


def make_project(made: tuple[Path, Path], root: Path) -> Project:
    base, rpm = made
    texts = {
        "planex.yaml": PLANEX_YAML,
        "mock-configs/tiny.cfg": MOCK_CONFIG,
        "repos/tiny.repo": "",
        "repos/tiny.yaml": "",
        "specs/tiny-host/tiny-host.spec": SPEC,
        "iso/iso.yaml": ISO_YAML,
        "iso/comps.xml": COMPS,
        "iso/initrd/init": "#!/bin/busybox sh\n",
    }
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    workspace = Workspace(root)
    for folder in (workspace.base("tiny") / "repo", workspace.target("tiny") / "repo"):
        folder.mkdir(parents=True)
    (workspace.base("tiny") / "base.iso").write_bytes(base.read_bytes())
    (workspace.target("tiny") / "repo" / rpm.name).write_bytes(rpm.read_bytes())
    create_repo(workspace.base("tiny") / "repo")
    create_repo(workspace.target("tiny") / "repo")
    return load(root)


def load(root: Path) -> Project:
    workspace = Workspace(root)
    return load_project(workspace, load_config(workspace), "tiny")


def build(project: Project, force: bool = False) -> tuple[str, ...]:
    return build_iso(load(project.workspace.root), Reporter(), force=force).reasons


def reasons(project: Project) -> tuple[str, ...]:
    with Reporter().task("iso") as task:
        return plan_iso(load(project.workspace.root), task).reasons


def test_iso_is_made_once_and_again_only_for_a_reason(project: Project) -> None:
    assert reasons(project) == ("new",)
    assert build(project) == ("new",)
    assert build(project) == ()
    iso_yaml = project.workspace.iso / "iso.yaml"
    iso_yaml.write_text(ISO_YAML.replace("title: Tiny", "title: Small"))
    assert reasons(project) == ("iso/iso.yaml changed",)
    iso_yaml.write_text(ISO_YAML)
    assert reasons(project) == ()
    create_repo(project.repository, epoch=1)
    assert reasons(project) == ("repository changed",)


def test_a_new_menu_reads_nothing_large_for_its_digest(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    build(project)
    read: list[str] = []

    def told(path: Path, algorithm: str) -> str:
        read.append(path.name)
        return digest_of(path, algorithm)

    monkeypatch.setattr(stamps, "digest_of", told)
    monkeypatch.setattr(repo, "read_rpms", lambda folder: read.append(folder.name))
    iso, iso_yaml = project.folder / "iso" / "tiny-1.iso", project.workspace.iso / "iso.yaml"
    rpms = load_manifest(iso).rpms
    iso_yaml.write_text(ISO_YAML.replace("title: Tiny", "title: Small"))
    assert build(project) == ("iso/iso.yaml changed",)
    assert read == []
    assert load_manifest(iso).rpms == rpms != ()


def test_a_new_menu_is_written_into_a_copy_of_the_last_iso(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the same bytes as a whole new one; and only where the last is as planex left it."""
    written: list[str] = []

    def told(plan: Respin, draft: Path) -> Respun:
        written.append(draft.name)
        return respin(plan, draft)

    def menu(title: str, **options: bool) -> bytes:
        (project.workspace.iso / "iso.yaml").write_text(ISO_YAML.replace("title: Tiny", f"title: {title}"))
        assert build(project, **options)
        return iso.read_bytes()

    iso = project.folder / "iso" / "tiny-1.iso"
    build(project)
    monkeypatch.setattr(make, "respin", told)
    first, second = menu("Small"), menu("Smaller")
    assert written == [] and first != second
    assert check_iso(iso) == []
    assert checksum_path(iso).read_text() == f"{digest_of(iso, 'SHA256')}  tiny-1.iso\n"
    assert menu("Smaller", force=True) == second and written == ["tiny-1.iso"]
    with iso.open("r+b") as file:
        file.seek(-4096, os.SEEK_END)
        file.write(b"other")
    assert menu("Small") == first and len(written) == 2, "it was changed"
    (work_folder(project) / "last.json").write_text("{")
    assert menu("Smaller") == second and len(written) == 3, "nothing is known of it"
    assert menu("Smaller" + ", and longer" * 400) and len(written) == 4, "there is no room for it"


def test_result_is_whole_described_and_reproducible(project: Project) -> None:
    build(project)
    iso = project.folder / "iso" / "tiny-1.iso"
    manifest = load_manifest(iso)
    assert read_records(iso).label == "TINY-1"
    assert {"/boot/xen.gz", "/LiveOS/squashfs.img", "/planex/tiny-host-1-1.noarch.rpm"} <= open_image(iso).files.keys()
    assert any("/planex/repodata/" in name and "comps" in name for name in open_image(iso).files)
    assert [(package.nevra, package.origin) for package in manifest.packages] == [("tiny-host-1-1.noarch", "built")]
    assert len(manifest.packages[0].sha256) == 64
    assert checksum_path(iso).read_text() == f"{manifest.sha256}  tiny-1.iso\n"
    first = iso.read_bytes()
    for host in work_folder(project).glob("host-*"):
        remove_tree(host)
    assert build(project, force=True) == ("forced",)
    assert iso.read_bytes() == first
    assert sorted(path.name for path in iso.parent.iterdir()) == [
        "tiny-1.iso",
        "tiny-1.iso.manifest.json",
        "tiny-1.iso.sha256",
    ]


def test_the_manifest_says_what_all_was_made_from(project: Project) -> None:
    """Sources and patches of every package, RPMs, the commit of the workspace; on the ISO as beside it."""
    root = project.workspace.root
    folder, queue = root / "specs" / "tiny-host", root / "patchqueues" / "tiny-host"
    queue.mkdir(parents=True)
    (queue / "series").write_text("# --- Fixes ---\nfix.patch\n")
    mail = f"From: A <a@example.org>\nSubject: [PATCH] Fix it\n\n(cherry picked from commit {'a' * 40})\n\n"
    (queue / "fix.patch").write_text(f"{mail}--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n")
    tags = "Source0: https://me:secret@example.org/x-1.tar\nSource1: local.conf\nBuildArch"
    (folder / "tiny-host.spec").write_text(
        SPEC.replace("BuildArch", tags, 1).replace("%install", "%autosetup -p1\n%install")
    )
    (folder / "local.conf").write_text("x\n")
    (folder / "sources").write_text(f"SHA512 (x-1.tar) = {'b' * 128}\n")
    run_git(root, ["init", "--quiet", "."])
    (root / ".gitignore").write_text("_build\n")
    run_git(root, ["add", "--all"])
    run_git(root, ["commit", "--quiet", "-m", "first"])
    build(project)
    iso = project.folder / "iso" / "tiny-1.iso"
    manifest = load_manifest(iso)
    assert parse_manifest(open_image(iso).read(ON_ISO)) == manifest.on_iso()
    assert [(source.name, source.url) for source in manifest.sources] == [
        ("x-1.tar", "https://me:***@example.org/x-1.tar"),
        ("local.conf", "local.conf"),
    ]
    assert manifest.sources[0].checksum == f"SHA512:{'b' * 128}" and manifest.sources[1].checksum.startswith("SHA256:")
    (patch,) = manifest.patches
    assert (patch.name, patch.subject, patch.author) == ("fix.patch", "Fix it", "A <a@example.org>")
    assert (patch.section, patch.upstream, patch.commits) == ("Fixes", "backport", ("a" * 40,))
    (rpm,) = manifest.rpms
    assert (rpm.nevra, rpm.path) == ("tiny-host-1-1.noarch", "/planex/tiny-host-1-1.noarch.rpm")
    assert rpm.sha256 == rpm.unsigned and (rpm.source, rpm.licence) == ("tiny-host-1-1.src.rpm", "MIT")
    assert manifest.key == "" and manifest.made_from.tools["xorriso"][0].isdigit()
    assert (len(manifest.made_from.commit), manifest.made_from.changed) == (40, False)
    (folder / "local.conf").write_text("y\n")
    build(project, force=True)
    assert load_manifest(iso).made_from.changed, "what is in no commit is said"


def test_the_folder_of_the_workspace_changes_nothing(made: tuple[Path, Path], tmp_path: Path) -> None:
    """Neither its path, be it one that the host has as well, nor the umask of who builds."""
    near, far = make_project(made, tmp_path / "a"), make_project(made, tmp_path / "srv" / "home" / "tmp" / "b")
    build(near)
    old = os.umask(0o077)
    try:
        build(far)
    finally:
        os.umask(old)
    first, second = (project.folder / "iso" / "tiny-1.iso" for project in (near, far))
    image = tmp_path / "squashfs.img"
    tiny_iso.extract(second, {"/LiveOS/squashfs.img": image})
    listed = run(["unsquashfs", "-ll", "-dest", "", image]).stdout
    modes = {words[-1]: words[0] for line in listed.splitlines() if len(words := line.split()) == 6}
    assert {name: modes[name] for name in ("/srv", "/home", "/tmp", "/var/cache/dnf")} == {
        "/srv": "drwxr-xr-x",
        "/home": "drwxr-xr-x",
        "/tmp": "drwxrwxrwt",
        "/var/cache/dnf": "drwxr-xr-x",
    }
    assert second.read_bytes() == first.read_bytes()


def test_the_database_of_packages_is_where_the_target_has_it(project: Project, tmp_path: Path) -> None:
    """EL 10 and Fedora have it elsewhere than those before, and than this machine."""
    config = project.workspace.mock_configs / "tiny.cfg"
    config.write_text(f"{MOCK_CONFIG}config_opts['macros']['%_dbpath'] = '/usr/lib/sysimage/rpm'\n")
    build(project)
    tiny_iso.extract(project.folder / "iso" / "tiny-1.iso", {"/LiveOS/squashfs.img": tmp_path / "squashfs.img"})
    listed = run(["unsquashfs", "-l", "-dest", "", tmp_path / "squashfs.img"]).stdout.splitlines()
    assert [path for path in listed if path.endswith("rpmdb.sqlite")] == ["/usr/lib/sysimage/rpm/rpmdb.sqlite"]


def test_stale_or_cut_iso_is_made_again(project: Project) -> None:
    build(project)
    iso = project.folder / "iso" / "tiny-1.iso"
    iso.write_bytes(iso.read_bytes()[:-2048])
    assert reasons(project) == ("new",)
    build(project)
    manifest_path(iso).write_text(json.dumps({"format": 0}))
    assert reasons(project) == ("new",)
    (host,) = (project.folder / "work" / "iso").glob("host-*")
    (host / "packages.json").write_text("{")
    bills = bills_beside(iso).values()
    for path in bills:
        path.write_text("of the ISO that was there")
    assert build(project) == ("new",), "a live host whose record is damaged is not there"
    assert not any(path.exists() for path in bills)
    assert load_manifest(iso).packages


def test_finding_stops_the_iso_and_keeps_the_old_one(project: Project) -> None:
    build(project)
    iso = project.folder / "iso" / "tiny-1.iso"
    before = iso.read_bytes()
    (project.workspace.iso / "iso.yaml").write_text(ISO_YAML.replace("kernel: /boot/vmlinuz", "kernel: /boot/other"))
    with pytest.raises(PlanexError, match=r"/boot/other: no such file"):
        build(project)
    assert iso.read_bytes() == before
    assert manifest_path(iso).exists()


def test_host_that_cannot_be_installed(project: Project) -> None:
    (project.workspace.iso / "iso.yaml").write_text(ISO_YAML.replace("[tiny-host]", "[no-such-host]"))
    with pytest.raises(LoggedError, match=r"live\.packages \(no-such-host\) cannot be installed") as caught:
        build(project)
    assert "no package provides no-such-host" in caught.value.message


def test_missing_files_are_named(project: Project) -> None:
    (project.workspace.iso / "comps.xml").unlink()
    with pytest.raises(ConfigError, match=r"comps\.xml: file not found; it is 'comps' of iso/iso\.yaml"):
        build(project)
    (project.workspace.base("tiny") / "base.iso").unlink()
    with pytest.raises(PlanexError, match="the base 'tiny' has no ISO yet"):
        build(project)


NO_LIVE = """\
label: TINY-1
name: tiny
title: Tiny
groups:
  - {id: tiny, name: Tiny host, packages: [tiny-host]}
files:
  - {source: boot, path: /boot}
  - {source: readme, path: /readme.txt, replace: true}
kickstart: answers.ks.j2
entries:
  - {name: setup, title: Install, kernel: /boot/vmlinuz, initrd: /boot/initrd.img, live: false, default: true}
"""


@pytest.fixture
def without_live(project: Project) -> Project:
    """Its ISO has no live host."""
    for name in ("boot/vmlinuz", "boot/initrd.img", "readme"):
        (project.workspace.iso / name).parent.mkdir(exist_ok=True)
        (project.workspace.iso / name).write_text(name)
    kickstart = "repo --name=own --baseurl=file:///run/install/repo{{ repository }}\n@{{ groups[0] }}\n"
    (project.workspace.iso / "answers.ks.j2").write_text(kickstart)
    (project.workspace.iso / "tiny.yaml").write_text(NO_LIVE)
    return project


def test_an_iso_without_a_live_host(without_live: Project, tmp_path: Path) -> None:
    assert build(without_live) == ("new",)
    iso = without_live.folder / "iso" / "tiny-1.iso"
    files = open_image(iso).files
    assert "/LiveOS/squashfs.img" not in files
    wanted = {
        "/answers.ks": "repo --name=own --baseurl=file:///run/install/repo/planex\n@tiny\n",
        "/readme.txt": "readme",
    }
    tiny_iso.extract(iso, {name: tmp_path / name[1:] for name in (*wanted, "/boot/initrd.img")})
    assert {name: (tmp_path / name[1:]).read_text() for name in wanted} == wanted
    assert [package.nevra for package in load_manifest(iso).packages] == ["tiny-host-1-1.noarch"]
    (comps,) = (name for name in files if name.endswith("-comps.xml"))
    tiny_iso.extract(iso, {comps: tmp_path / "comps.xml"})
    assert "<id>tiny</id>" in (tmp_path / "comps.xml").read_text()
    (without_live.workspace.iso / "iso.yaml").write_text("of another target")
    assert reasons(without_live) == ()


def test_the_plan_tells_of_entries_and_loaders(without_live: Project) -> None:
    done = run_planex(without_live.workspace.root, "iso", "build", "--dry-run")
    assert done.stdout.splitlines() == [
        "build   tiny-1.iso  new",
        "  entry     Install (the default)",
        "  loader    BIOS: isolinux of the base, with the modules that the menu needs",
        "  loader    UEFI: the base's loader is replaced by a GRUB with multiboot2, which Secure Boot refuses: "
        "the base's label is inside it",
    ]
    data = json.loads(run_planex(without_live.workspace.root, "iso", "build", "--dry-run", "--json").stdout)
    assert [(entry["name"], entry["base"]) for entry in data["entries"]] == [("setup", False)]


def test_hypervisor_and_kernel_come_from_packages(without_live: Project, tmp_path: Path) -> None:
    """Where there is no live host that has them."""
    menu = "label a\nmenu label Setup\nkernel /boot/vmlinuz\nappend initrd=/boot/initrd.img LABEL=TINY-BASE-1.0\n"
    base = without_live.workspace.base("tiny") / "base.iso"
    (tmp_path / "menu").write_text(menu)
    changes: list[str | Path] = ["-boot_image", "any", "replay", "-update", tmp_path / "menu", "/isolinux/isolinux.cfg"]
    xorriso(["-indev", f"stdio:{base}", "-outdev", f"stdio:{tmp_path}/base.iso", *changes], tiny_iso.EPOCH)
    base.write_bytes((tmp_path / "base.iso").read_bytes())
    (without_live.workspace.iso / "boot" / "vmlinuz").unlink()
    written = NO_LIVE[: NO_LIVE.index("entries:")] + "installer: {start: both, packages: [tiny-host]}\n"
    (without_live.workspace.iso / "tiny.yaml").write_text(written)
    assert build(without_live) == ("new",)
    iso = without_live.folder / "iso" / "tiny-1.iso"
    wanted = ("/boot/xen.gz", "/boot/vmlinuz", "/EFI/BOOT/grub.cfg")
    tiny_iso.extract(iso, {name: tmp_path / Path(name).name for name in wanted})
    assert [(tmp_path / name).read_text() for name in ("xen.gz", "vmlinuz")] == ["xen\n", "kernel\n"]
    lines = (tmp_path / "grub.cfg").read_text()
    assert "module2 /boot/vmlinuz LABEL=TINY-1 inst.ks=hd:LABEL=TINY-1:/answers.ks\n" in lines
    assert build(without_live) == ()


def test_what_an_iso_is_to_have_must_be_there(without_live: Project) -> None:
    written = without_live.workspace.iso / "tiny.yaml"
    written.write_text(NO_LIVE.replace("[tiny-host]", "[tiny-hosts]"))
    with pytest.raises(
        ConfigError, match=r"group 'tiny': no package 'tiny-hosts' was built here \(did you mean 'tiny-"
    ):
        build(without_live)
    written.write_text(NO_LIVE.replace(", replace: true", ""))
    with pytest.raises(ConfigError, match=r"/readme\.txt is on the base ISO already; 'replace: true'"):
        build(without_live)
    (without_live.workspace.iso / "readme.txt").write_text("")
    written.write_text(NO_LIVE.replace("answers.ks.j2", "readme.txt"))
    with pytest.raises(ConfigError, match=r"files: two files for /readme\.txt: readme and kickstart"):
        build(without_live)
    written.write_text(NO_LIVE.replace("answers.ks.j2", "other.ks"))
    with pytest.raises(ConfigError, match=r"other\.ks: No such file or directory; it is 'kickstart' of the ISO"):
        build(without_live)
    written.write_text(NO_LIVE)
    (without_live.workspace.iso / "answers.ks.j2").write_text("{{ lable }}")
    with pytest.raises(ConfigError, match=r"answers\.ks\.j2:1: 'lable' is undefined"):
        build(without_live)
