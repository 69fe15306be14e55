# SPDX-License-Identifier: LGPL-2.1-or-later
"""Target el9 against the metadata of CentOS Stream 9: what dnf and planex make of it, without one of its packages."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from planex.distro.config import load_config
from planex.distro.project import Project, load_project
from planex.errors import PlanexError
from planex.host.definition import load_definition
from planex.rpm import dnf
from planex.rpm.dnf import Repositories
from planex.workspace import Workspace
from tests.conftest import ROOT
from tests.integration import stream9
from tests.integration.conftest import run_planex

DATA = stream9.data_folder()
pytestmark = [
    pytest.mark.tools("dnf", "bwrap"),
    pytest.mark.skipif(DATA is None, reason="PLANEX_CS9 names no folder with CentOS Stream 9's metadata"),
]
OF_CRB = {"glibc-static": "2.34-1.el9"}
"""What the specs need of CRB, whose metadata are not there: known by name alone."""


@pytest.fixture(scope="module")
def mirrors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert DATA
    folder = tmp_path_factory.mktemp("stream9")
    asked = stream9.make_appstream(DATA, folder / "appstream")
    stream9.make_baseos(DATA, folder / "baseos", asked)
    stream9.make_repository(folder / "crb", [stream9.stub(*each) for each in OF_CRB.items()])
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, mirrors: Path) -> Path:
    """The repository's own workspace, with these mirrors."""
    workspace = tmp_path_factory.mktemp("workspace")
    shutil.copy(ROOT / "planex.yaml", workspace)
    for name in ("specs", "patchqueues", "repos", "mock-configs", "iso"):
        shutil.copytree(ROOT / name, workspace / name)
    config = workspace / "repos" / "centos-stream-9.repo"
    text = re.sub(r"metalink=.*repo=centos-(\w+)-9-stream.*", rf"baseurl=file://{mirrors}/\1", config.read_text())
    config.write_text(text)
    return workspace


@pytest.fixture(scope="module")
def project(folder: Path) -> Project:
    workspace = Workspace(folder)
    return load_project(workspace, load_config(workspace), "el9")


@pytest.fixture(scope="module")
def repositories(project: Project, mirrors: Path, tmp_path_factory: pytest.TempPathFactory) -> Repositories:
    """CentOS Stream's, and one with what the workspace's specs say that they make."""
    made = tmp_path_factory.mktemp("made")
    packages = [sub for package in project.packages.values() for sub in package.subpackages]
    stubs = [
        stream9.stub(
            sub.name,
            f"{sub.version}-{sub.release}",
            arch=sub.arch,
            provides=[str(each) for each in sub.provides if each.name != sub.name],
            requires=[str(each) for each in sub.requires if not each.name.startswith("rpmlib(")],
            files=[path for path in sub.files if "*" not in path],
        )
        for sub in packages
    ]
    stream9.make_repository(made / "repo", stubs)
    config = project.mock_config
    return Repositories(config.dnf_conf, made / "cache", {"planex": made / "repo"}, config.releasever)


def chosen(repositories: Repositories, words: list[str], log: Path) -> dict[str, str]:
    """Name and version to repository of what dnf would install."""
    choice = dnf.choose(repositories, words, log, download=False)
    return {package.nevra: package.repository for package in choice.packages}


def test_the_plan_is_made(folder: Path) -> None:
    done = run_planex(folder, "--target", "el9", "build", "--dry-run", "--json", "--builder", "sandbox")
    assert done.returncode == 0, done.stderr
    steps = {step["package"]: step["action"] for step in json.loads(done.stdout)["steps"]}
    assert steps == dict.fromkeys(sorted(path.name for path in (folder / "specs").iterdir()), "build")


def test_every_buildroot_resolves(project: Project, repositories: Repositories, tmp_path: Path) -> None:
    """All of a BuildRequires comes from the three repositories and the workspace itself."""
    failed, crb = {}, set()
    for name, package in project.built.items():
        words = [*project.mock_config.setup_packages, *map(str, package.build_requires)]
        try:
            found = chosen(repositories, words, tmp_path / "log")
        except PlanexError as error:
            failed[name] = error.message
        else:
            assert any(nevra.startswith("rpm-build-") for nevra in found)
            crb |= {nevra for nevra, repository in found.items() if repository == "crb"}
    assert failed == {}
    assert crb == {f"{name}-{version}.x86_64" for name, version in OF_CRB.items()}, "no more, no less"


def test_what_the_kickstart_installs_resolves(repositories: Repositories, tmp_path: Path) -> None:
    """CentOS Stream's group core beside the host: the workspace's kernel and release package, and not the base's."""
    words = ["@core", "planex-host", "grub2-efi-x64-modules", "grub2-tools"]
    found = chosen(repositories, words, tmp_path / "log")
    names = {nevra.rsplit("-", 2)[0]: repository for nevra, repository in found.items()}
    assert (names["kernel"], names["planex-host-release"]) == ("planex", "planex")
    assert names["dnf"] == names["openssh-server"] == names["NetworkManager"] == "baseos"
    assert not {"centos-stream-release", "kernel-core"} & names.keys()


def test_the_host_resolves(folder: Path, project: Project, repositories: Repositories, tmp_path: Path) -> None:
    live = load_definition(project.workspace).live
    assert live
    found = chosen(repositories, list(live.packages), tmp_path / "log")
    own = {nevra for nevra, repository in found.items() if repository == "planex"}
    assert {name.rsplit("-", 2)[0] for name in own} >= {"planex-host", "kernel", "xen-hypervisor", "xen-runtime"}
    assert not any(nevra.startswith(("centos-stream-release-", "kernel-core-")) for nevra in found)
