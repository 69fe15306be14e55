# SPDX-License-Identifier: LGPL-2.1-or-later
"""RPMs put on a finished ISO and taken back, and answers that the installer on the ISO is asked about."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from planex.checksums import digest_of
from planex.errors import PlanexError
from planex.host.build import build_iso
from planex.host.check import check_iso
from planex.host.checked import Standing
from planex.host.customise import ADDED, KICKSTART, customise, reset
from planex.host.finding import faults
from planex.host.manifest import ON_ISO, parse_manifest
from planex.host.verify import verify_iso
from planex.medium.entry import LIVE_IMAGE
from planex.medium.metadata import checksums
from planex.medium.respin import Respin, respin
from planex.medium.xorriso import open_image
from planex.report import Reporter
from planex.run import run
from tests.integration import tiny_iso
from tests.integration.conftest import run_planex
from tests.integration.test_iso_build import load, made, make_project  # noqa: F401
from tests.unit.rpm_factory import make_rpm

pytestmark = pytest.mark.tools(*tiny_iso.TOOLS, "rpmbuild", "dnf", "bwrap", "unshare", "mksquashfs", "unsquashfs")
REPOMD = "/planex/repodata/repomd.xml"


@pytest.fixture(scope="module")
def host(made: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    project = make_project(made, tmp_path_factory.mktemp("host") / "workspace")
    return build_iso(load(project.workspace.root), Reporter()).iso


def contents(iso: Path) -> dict[str, bytes]:
    image = open_image(iso)
    return {name: image.read(name) for name in image.files if name != "/SHA256SUMS"}


def test_an_added_rpm_is_in_all_that_lists_rpms_and_can_be_taken_back(host: Path, tmp_path: Path) -> None:
    rpm = make_rpm(tmp_path / "rpms", "extra")
    done = customise(host, tmp_path / "out.iso", None, "", [rpm])
    files, before = contents(done.iso), contents(host)
    assert files["/planex/extra-1-1.noarch.rpm"] == rpm.read_bytes()
    manifest = parse_manifest(files[ON_ISO])
    assert [(each.nevra, each.sha256) for each in manifest.rpms][1:] == [("extra-1-1.noarch", digest_of(rpm, "SHA256"))]
    assert [name for name in files if name.startswith("/planex/repodata/") and name.endswith("comps.xml")]
    assert checksums(files["/.treeinfo"].decode())["planex/repodata/repomd.xml"] == (
        f"sha256:{open_image(done.iso).digest(REPOMD)}"
    )
    assert not faults(check_iso(done.iso))
    assert [each for each in verify_iso(done.iso, None, None) if each.standing is Standing.WRONG] == []
    assert done.repository == "/planex"
    assert contents(reset(done.iso, tmp_path / "back.iso").iso) == before
    assert customise(host, tmp_path / "again.iso", None, "", [rpm]).sha256 == done.sha256


def test_rpms_are_added_to_those_that_were_added_before(host: Path, tmp_path: Path) -> None:
    one, two = (make_rpm(tmp_path / "rpms", name) for name in ("one", "two"))
    first = customise(host, tmp_path / "1.iso", None, "", [one])
    second = customise(first.iso, tmp_path / "2.iso", None, "quiet", [two])
    files = contents(second.iso)
    assert {"/planex/one-1-1.noarch.rpm", "/planex/two-1-1.noarch.rpm"} <= files.keys()
    assert not faults(check_iso(second.iso))
    assert all(name in files for name in files[ADDED].decode().splitlines())
    assert contents(reset(second.iso, tmp_path / "3.iso").iso) == contents(host)


def test_what_must_not_be_added_is_named_and_nothing_is_written(host: Path, tmp_path: Path) -> None:
    (tmp_path / "no.rpm").write_text("no")
    rebuilt = make_rpm(tmp_path / "rpms", "tiny-host")
    needy = make_rpm(tmp_path / "needy", "needy", tags="Requires: nobody-has-this")
    cases = {
        "no.rpm: .*no RPM": tmp_path / "no.rpm",
        "the ISO has tiny-host-1-1.noarch.rpm already": rebuilt,
        "nobody-has-this": needy,
    }
    base_on_iso = with_base_repository(host, tmp_path)
    for words, rpm in cases.items():
        with pytest.raises(PlanexError, match=words):
            customise(base_on_iso, tmp_path / "out.iso", None, "", [rpm])
        assert not (tmp_path / "out.iso").exists()
    twin = make_rpm(tmp_path / "twin", "base-package")
    with pytest.raises(PlanexError, match=r"the ISO would have base-package-1-1\.noarch twice"):
        customise(base_on_iso, tmp_path / "out.iso", None, "", [twin])


def with_base_repository(host: Path, folder: Path) -> Path:
    """The ISO with a second repository, so that dnf can tell what is missing from all."""
    from planex.rpm.repo import create_repo

    rpm = make_rpm(folder / "base", "base-package")
    (folder / "BaseOS").mkdir()
    shutil.copy(rpm, folder / "BaseOS")
    create_repo(folder / "BaseOS")
    respin(Respin(host, "TINY-1", tiny_iso.EPOCH, {"/BaseOS": folder / "BaseOS"}), folder / "two.iso")
    return folder / "two.iso"


def test_an_iso_that_lists_no_rpms_takes_none(tmp_path: Path) -> None:
    host = tiny_iso.make_host(tiny_iso.make_base(tmp_path), tmp_path / "host")
    with pytest.raises(PlanexError, match="it is not on the ISO"):
        customise(host, tmp_path / "out.iso", None, "", [make_rpm(tmp_path / "rpms")])


INSTALLER = """\
#!/bin/sh
while read -r line; do
    case $line in bad*) echo "$2:1: '$line' is refused" >&2; exit 1 ;; esac
done <"$2"
"""


def with_installer(host: Path, folder: Path) -> Path:
    """The ISO with a live root in which a shell script is the installer."""
    root = folder / "root"
    for name in ("/bin/sh", *(word for word in run(["ldd", "/bin/sh"]).stdout.split() if word.startswith("/"))):
        place = root / name.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(name).resolve(), place)
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/planex-installer").write_text(INSTALLER)
    (root / "usr/bin/planex-installer").chmod(0o755)
    run(["mksquashfs", str(root), str(folder / "root.img"), "-quiet", "-no-progress"])
    respin(Respin(host, "TINY-1", tiny_iso.EPOCH, {LIVE_IMAGE: folder / "root.img"}), folder / "installer.iso")
    return folder / "installer.iso"


def test_answers_are_put_to_the_installer_that_is_on_the_iso(host: Path, tmp_path: Path) -> None:
    iso, answers = with_installer(host, tmp_path), tmp_path / "my.cfg"
    answers.write_text("bad line\n")
    with pytest.raises(PlanexError, match=r"refuses the answer file:\n\S+/my\.cfg:1: 'bad line' is refused"):
        customise(iso, tmp_path / "out.iso", answers, "")
    assert not (tmp_path / "out.iso").exists()
    answers.write_text("good line\n")
    done = customise(iso, tmp_path / "out.iso", answers, "")
    assert done.notes == ()
    assert contents(done.iso)[KICKSTART] == b"good line\n"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_what_nobody_could_check_is_told(host: Path, tmp_path: Path) -> None:
    (tmp_path / "ks").write_text("reboot\n")
    done = run_planex(
        tmp_path, "iso", "customize", str(host), str(tmp_path / "out.iso"), "--kickstart", str(tmp_path / "ks")
    )
    assert "ks: not checked: no planex-installer is in the live root" in done.stderr
