# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex build --watch`` in a process of its own."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from planex.run import Process, run, spawn
from tests.conftest import ROOT
from tests.integration.conftest import write_package

pytestmark = [pytest.mark.tools("rpmbuild", "dnf", "bwrap", "unshare", "createrepo_c")]

SPEC = """\
Name: prog
Version: 1
Release: 1
Summary: A test
License: MIT
BuildArch: noarch
Source0: %{name}-%{version}.tar
%description
x
%prep
%autosetup
%install
install -D a.txt %{buildroot}/usr/share/prog
%files
/usr/share/prog
"""
_PATIENCE = 300.0


@contextmanager
def watching(folder: Path) -> Iterator[tuple[Process[bytes], Iterator[str]]]:
    """planex in the folder, and what it says."""
    argv = ["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "planex", "-C", str(folder), "build", "--watch"]
    with spawn(argv) as process:
        assert process.stderr is not None
        killer = threading.Timer(_PATIENCE, process.kill)
        killer.start()
        try:
            yield process, (line.decode() for line in process.stderr)
        finally:
            killer.cancel()


def test_an_edit_is_built_and_a_mistake_ends_nothing(workspace: Path) -> None:
    write_package(workspace, "prog", SPEC, {"a.txt": "a\n"}, {})
    spec = workspace / "specs" / "prog" / "prog.spec.j2"
    with watching(workspace) as (process, lines):

        def until_idle() -> str:
            said = []
            for line in lines:
                said.append(line)
                if line.startswith("waiting for an edit"):
                    break
            return "".join(said)

        assert "1 built in" in until_idle()
        (spec.parent / ".prog.spec.j2.swp").write_text("an editor's")
        spec.write_text(SPEC.replace("%install\n", "%install\nexit 3\n"))
        failed = until_idle()
        assert "prog.spec.j2 changed\n" in failed, "and not the editor's file"
        assert "prog failed in %install" in failed
        spec.write_text(SPEC.replace("Summary: A", "Summary: Another"))
        assert "1 built in" in until_idle()
        process.send_signal(signal.SIGINT)
        assert "interrupted" in "".join(lines)
        assert process.wait() == 130
    assert run(["rpm", "-qp", "--qf", "%{summary}", *(workspace / "_build/bookworm/repo").glob("*.rpm")]).stdout == (
        "Another test"
    )
