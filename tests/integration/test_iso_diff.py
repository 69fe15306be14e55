# SPDX-License-Identifier: LGPL-2.1-or-later
"""planex iso diff on small ISOs, with manifests and without."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from planex.errors import PlanexError
from planex.host.configs import OptionChange
from planex.host.diff import IsoChange, diff_isos
from planex.host.live import Installed
from planex.host.manifest import ON_ISO, MadeFrom, Manifest
from planex.host.news import PatchChange
from planex.medium.xorriso import xorriso
from tests.integration import tiny_iso
from tests.integration.conftest import run_planex
from tests.unit.manifest_factory import INSTALLED, PATCH, RPM, SOURCE, make_manifest
from tests.unit.rpm_factory import make_rpm

pytestmark = pytest.mark.tools(*tiny_iso.TOOLS)
MENU = "/isolinux/isolinux.cfg"
OF_REPOSITORY = "/planex/provenance/foo.intoto.json"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("host")
    return tiny_iso.make_host(tiny_iso.make_base(folder), folder / "made")


def changed(host: Path, output: Path, texts: Mapping[str, str], manifest: Manifest | None = None) -> Path:
    """A copy of an ISO with other files."""
    words: list[str | Path] = ["-indev", f"stdio:{host}", "-outdev", f"stdio:{output}", "-boot_image", "any", "replay"]
    files = {**texts, ON_ISO: manifest.to_json()} if manifest else texts
    for number, (name, text) in enumerate(files.items()):
        (output.parent / f"{output.stem}-{number}").write_text(text)
        words += ["-update", output.parent / f"{output.stem}-{number}", name]
    xorriso(words, tiny_iso.EPOCH)
    return output


def test_an_iso_is_as_itself(host: Path, tmp_path: Path) -> None:
    assert diff_isos(host, host).same
    assert run_planex(tmp_path, "iso", "diff", str(host), str(host)).stdout == "the same\n"


def test_files_and_menus_of_any_isos(host: Path, tmp_path: Path) -> None:
    menu = "default xen\nlabel xen\n  menu label Other\n  kernel mboot.c32\n"
    new = changed(
        host, tmp_path / "new.iso", {MENU: menu, "/readme.txt": "x\n", "/new.txt": "new\n", OF_REPOSITORY: "x"}
    )
    found = diff_isos(host, new)
    names = {change.name for change in found.files}
    assert names - {"/isolinux/isolinux.bin"} == {MENU, "/readme.txt", "/new.txt"}  # it has its own place in it
    assert IsoChange("/new.txt", None, "4") in found.files
    (each,) = found.menus
    assert each.path == MENU and "+  menu label Other" in each.lines and each.lines[0].startswith("@@")
    assert not found.packages and not found.patches
    back = diff_isos(new, host)
    assert IsoChange("/new.txt", "4", None) in back.files


def test_packages_sources_and_patches_of_manifests(host: Path, tmp_path: Path) -> None:
    before = make_manifest()
    bash, foo = INSTALLED
    rpms = (replace(RPM, unsigned="9" * 64, sha256="8" * 64), replace(RPM, nevra="bar-2:1-1.x86_64", unsigned="7" * 64))
    after = make_manifest(
        version="2",
        key="F" * 40,
        made_from=MadeFrom("2" * 40, True, {}, {"planex": "6"}),
        packages=(replace(bash, nevra="bash-5.3-1.x86_64"), foo, Installed("zsh-1-1.x86_64", "", "base", "", 1)),
        rpms=rpms,
        sources=(replace(SOURCE, checksum=f"SHA512:{'e' * 128}"),),
        patches=(replace(PATCH, name="other.patch"),),
    )
    old, new = (changed(host, tmp_path / f"{name}.iso", {}, each) for name, each in (("old", before), ("new", after)))
    found = diff_isos(old, new)
    assert found.packages == (
        IsoChange("bar.x86_64", None, f"2:1-1 {'7' * 12}"),
        IsoChange("bash.x86_64", f"5.2-1 {'f' * 12}", f"5.3-1 {'f' * 12}"),
        IsoChange("foo.noarch", f"1-1 {'b' * 12}", f"1-1 {'9' * 12}"),
        IsoChange("zsh.x86_64", None, "1-1"),
    )
    assert [change.name for change in found.sources] == ["foo/foo-1.tar"]
    assert found.patches == (
        PatchChange("foo/fix.patch", "d" * 12, None, "Fix it", PATCH.commits),
        PatchChange("foo/other.patch", None, "d" * 12, "Fix it", PATCH.commits),
    )
    assert IsoChange("commit", "1" * 40, f"{'2' * 40} with changes") in found.facts
    assert IsoChange("key", None, "F" * 40) in found.facts
    assert not found.files, "the manifest itself is no difference"
    text = run_planex(tmp_path, "iso", "diff", str(old), str(new)).stdout
    for line in (
        "packages: 2 added, 2 changed",
        "  +  bar.x86_64   2:1-1",
        "  *  bash.x86_64  5.2-1 -> 5.3-1",
        "  *  foo.noarch   1-1, other bytes",
        "patches: 1 added, 1 removed",
    ):
        assert line in text.splitlines(), text
    page = tmp_path / "page.html"
    assert run_planex(tmp_path, "iso", "diff", "--html", str(page), str(old), str(new)).stdout == text
    assert "<h2>patches: 1 added, 1 removed</h2>" in page.read_text()
    assert json.loads(run_planex(tmp_path, "iso", "diff", "--json", str(old), str(new)).stdout)["packages"][3]["new"]


def test_who_signed_is_no_change_of_a_package(host: Path, tmp_path: Path) -> None:
    signed = make_manifest(rpms=(replace(RPM, sha256="8" * 64),))
    old = changed(host, tmp_path / "old.iso", {}, make_manifest())
    assert not diff_isos(old, changed(host, tmp_path / "new.iso", {}, signed)).packages


CONFIG = "# CONFIG_OLD is not set\nCONFIG_SMP=y\nCONFIG_HZ=250\nCONFIG_GONE=m\n"
OTHER = "CONFIG_SMP=y\nCONFIG_HZ=100\nCONFIG_OLD=y\n# CONFIG_NEVER is not set\n"


@pytest.mark.tools("rpmbuild", "rpm2cpio", "cpio", "bwrap", "unshare")
def test_options_of_kernel_and_hypervisor(host: Path, tmp_path: Path) -> None:
    def iso(name: str, configs: Mapping[str, str]) -> Path:
        folder, rows, files = tmp_path / name, [], {}
        for number, (path, text) in enumerate(configs.items()):
            words = f"mkdir -p %{{buildroot}}/boot\ncat >%{{buildroot}}{path} <<'E'\n{text}E\n"
            rpm = make_rpm(folder, f"built{number}", install=words, files=path)
            rows.append(replace(RPM, nevra=f"built{number}-1-1.noarch", path=f"/planex/{rpm.name}", unsigned=name * 16))
            files[f"/planex/{rpm.name}"] = rpm
        return with_files(changed(host, tmp_path / f"{name}-bare.iso", {}, make_manifest(rpms=tuple(rows))), files)

    old = iso("aaaa", {"/boot/config-6.1": CONFIG, "/boot/xen-4.20.config": "CONFIG_PV=y\n"})
    new = iso("bbbb", {"/boot/config-6.2": OTHER, "/boot/xen-4.21.config": "CONFIG_PV=y\n"})
    (found,) = diff_isos(old, new).configs
    assert found.package == "built0" and found.options == (
        OptionChange("CONFIG_GONE", "m", None),
        OptionChange("CONFIG_HZ", "250", "100"),
        OptionChange("CONFIG_OLD", None, "y"),
    )
    text = run_planex(tmp_path, "iso", "diff", str(old), str(new)).stdout
    assert "configuration of built0: 1 added, 1 removed, 1 changed\n" in text
    assert "  *  CONFIG_HZ    250 -> 100\n" in text
    assert diff_isos(old, old).configs == ()


def with_files(iso: Path, files: Mapping[str, Path]) -> Path:
    output = iso.with_name(iso.name.replace("-bare", ""))
    words: list[str | Path] = ["-indev", f"stdio:{iso}", "-outdev", f"stdio:{output}", "-boot_image", "any", "replay"]
    for name, path in files.items():
        words += ["-map", path, name]
    xorriso(words, tiny_iso.EPOCH)
    return output


def test_an_rpm_that_cannot_be_unpacked_hides_nothing(host: Path, tmp_path: Path) -> None:
    isos = []
    for name in "ab":
        row = replace(RPM, path="/planex/foo.rpm", unsigned=name * 64)
        isos.append(
            changed(host, tmp_path / f"{name}.iso", {"/planex/foo.rpm": f"no {name}"}, make_manifest(rpms=(row,)))
        )
    (found,) = diff_isos(*isos).configs
    assert (found.package, found.options) == ("foo", ()) and "no RPM" in found.fault
    assert "configuration of foo\n  not known: " in run_planex(tmp_path, "iso", "diff", *map(str, isos)).stdout


def test_what_is_no_iso_is_an_error(host: Path, tmp_path: Path) -> None:
    for data in (b"", b"x" * 40_000, host.read_bytes()[:200_000]):
        (tmp_path / "x.iso").write_bytes(data)
        with pytest.raises(PlanexError):
            diff_isos(host, tmp_path / "x.iso")
