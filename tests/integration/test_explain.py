# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds that explain themselves: why, log, shell, diff and what comes with them, on small packages and real tools."""

from __future__ import annotations

from pathlib import Path

import pytest

from planex.run import run
from tests.integration.conftest import Planex, write_package
from tests.integration.test_build import CHANGELOG, PREAMBLE

pytestmark = [pytest.mark.tools("rpmbuild", "dnf", "bwrap", "unshare", "createrepo_c", "patch")]

SPEC = (
    PREAMBLE
    + """\
BuildArch: noarch
@NEEDS@
%description
x
%prep
%autosetup -p1
%build
@BUILD@
%install
install -D -m 644 text %{buildroot}/usr/share/%{name}/text
%files
/usr/share/%{name}
"""
    + CHANGELOG
)


def spec(needs: str = "", build: str = "true") -> str:
    return SPEC.replace("@NEEDS@", needs).replace("@BUILD@", build)


@pytest.fixture
def packages(workspace: Path) -> Path:
    """``words``, and ``reader`` which needs it."""
    write_package(workspace, "words", spec(), {"text": "one\n"}, {})
    write_package(workspace, "reader", spec("BuildRequires: words"), {"text": "two\n"}, {})
    return workspace


def commit(workspace: Path) -> None:
    (workspace / ".gitignore").write_text("/_build\n")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        run([*git, *words], cwd=workspace)


def test_why_compares_with_the_last_result_and_with_a_commit(packages: Path, planex: Planex) -> None:
    assert planex("why", "words").stdout == "words is to be built: no result of it is here.\n"
    assert planex("build").returncode == 0
    commit(packages)
    assert planex("why", "reader").stdout.startswith("reader is up to date.\n  made from the same: ")
    assert planex("why", "reader", "--since", "HEAD").stdout.startswith("reader and all that it needs are what")
    write_package(packages, "words", spec(), {"text": "three\n"}, {})
    told = planex("why", "reader").stdout
    assert "reader itself has not changed; it is built again if what it needs comes out otherwise: words." in told
    assert "words is to be built: file words-1.tar changed." in told
    own, needed = planex("why", "reader", "--since", "HEAD").stdout.splitlines()
    assert own.startswith("reader itself is what it was at HEAD (")
    assert needed == "words, which it needs, changed: file words-1.tar changed."
    lost = planex("why", "reader", "--since", "nowhere")
    assert lost.returncode == 1 and "has no commit 'nowhere'" in lost.stderr


def test_logs_of_the_last_build_are_shown_whole_or_by_their_errors(packages: Path, planex: Planex) -> None:
    assert "was not built here" in planex("log", "words").stderr
    write_package(packages, "words", spec(build="echo 'x.c:1: error: no'; false"), {"text": "one\n"}, {})
    assert planex("build", "words").returncode == 1
    assert "Executing(%build)" in planex("log", "words").stdout
    assert "Start: buildroot" in planex("log", "words", "--phase", "state").stdout
    (line,) = planex("log", "words", "--errors").stdout.splitlines()
    assert line.endswith(": x.c:1: error: no")
    assert "(did you mean 'words'?)" in planex("log", "word").stderr
