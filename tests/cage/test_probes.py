# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every probe, wherever planex runs what strangers wrote: as root and as an ordinary user."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

from tests.cage.conftest import Caller, running
from tests.cage.probes import HARMLESS, PROBES, results, script

MARK = "1000.25"
"""Seconds that only daemons of these tests sleep."""
NAMES = {probe.name for probe in PROBES}
pytestmark = pytest.mark.tools("bwrap", "dnf", "rpmbuild", "setpriv")

SPEC = """\
Name: {name}
Version: 1
Release: 1
Summary: Tries what it can
License: MIT
BuildArch: noarch
{head}
%description
x
{sections}
%files
{files}
%changelog
* Thu Nov 19 2026 A Person <a@example.org> - 1-1
- First package.
"""


def write(caller: Caller, name: str, *, head: str = "", sections: str = "", files: str = "", **others: str) -> None:
    folder = caller.workspace / "specs" / name
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.spec").write_text(SPEC.format(name=name, head=head, sections=sections, files=files))
    for file, text in others.items():
        (folder / file).write_text(text)
    caller.give()


def build_log(caller: Caller, name: str) -> str:
    return (caller.workspace / "_build" / "bookworm" / "logs" / name / "build.log").read_text()


def held(text: str) -> None:
    found = results(text)
    assert found.keys() == NAMES
    assert {name for name, result in found.items() if result != "held"} == set()


def test_harmless_probes_succeed_outside_of_a_cage(outside: int, tmp_path: Path) -> None:
    """Or they would prove nothing."""
    harmless = [probe for probe in PROBES if probe.name in HARMLESS]
    done = Caller("self", tmp_path, tmp_path).run(["sh", "-c", script(outside, harmless)])
    assert results(done.stdout) == dict.fromkeys(HARMLESS, "BROKEN")


def test_a_build_and_the_scriptlets_of_what_it_needs(caller: Caller, outside: int) -> None:
    """The package that is needed leaves a set-user-id shell, and the output of its probes, for the build to use."""
    tries = script(outside)
    write(
        caller,
        "evil",
        head="Source0: probe.sh",
        sections="%install\ninstall -D -m 0755 %{SOURCE0} %{buildroot}/usr/lib/evil/probe.sh\n"
        "%post\n(cd /; sh /usr/lib/evil/probe.sh) > /usr/lib/evil/results 2>&1\n"
        "cp /bin/bash /usr/bin/setuid-sh\nchmod 4755 /usr/bin/setuid-sh\n"
        f"setsid sleep {MARK} > /dev/null 2>&1 < /dev/null &\n",
        files="/usr/lib/evil",
        **{"probe.sh": tries},
    )
    write(
        caller,
        "victim",
        head="Source0: probe.sh\nBuildRequires: evil",
        sections="%build\nsed 's/^probe/scriptlet/' /usr/lib/evil/results\nsh %{SOURCE0}\n"
        "touch /tmp/left-by-victim /var/tmp/left-by-victim /builddir/left-by-victim\n"
        f"setsid sleep {MARK} > /dev/null 2>&1 < /dev/null &\n%install\n",
        files="",
        **{"probe.sh": tries},
    )
    done = caller.planex("build")
    assert done.returncode == 0, done.stderr
    log = build_log(caller, "victim")
    held(log)
    scriptlets = "\n".join(line for line in log.splitlines() if line.startswith("scriptlet "))
    held(scriptlets.replace("scriptlet ", "probe "))
    assert not running(f"sleep\0{MARK}")
    # again, to find what the first build of the victim left
    assert caller.planex("build", "--force", "victim").returncode == 0
    held(build_log(caller, "victim"))


def test_a_spec_while_it_is_read(caller: Caller, outside: int) -> None:
    """``%(...)`` and Lua run while a plan is made; what they find is told by a BuildRequires that nobody has."""
    tries = base64.b64encode(script(outside).encode()).decode()
    tell = "sed 's/^probe //; s/ /=/' | tr '\\n' ,"
    write(caller, "evil", head=f"BuildRequires: found:%(echo {tries} | base64 -d | sh | {tell})")
    done = caller.planex("build", "--dry-run")
    assert done.returncode == 2, done.stderr
    rows = re.findall(r"BuildRequires (?:found:)?(\S+)=(\w+): nothing", done.stderr)
    held("\n".join(f"probe {name} {result}" for name, result in rows))


def test_an_srpm_while_it_is_made(caller: Caller, outside: int) -> None:
    """rpmbuild -bs reads the spec once more, where the sources are."""
    probe = "%{_sourcedir}/probe.sh"
    write(
        caller,
        "evil",
        head=f"Source0: probe.sh\n%global x %(test ! -e {probe} || sh {probe} 1>&2)",
        files="",
        sections="%install\n",
        **{"probe.sh": script(outside)},
    )
    assert caller.planex("build").returncode == 0
    held((caller.workspace / "_build" / "bookworm" / "logs" / "evil" / "srpm.log").read_text())


def test_a_mock_configuration(caller: Caller, outside: int) -> None:
    """It is Python; what it finds is told by the error that it raises."""
    write(caller, "evil")
    path = caller.workspace / "mock-configs" / "bookworm.cfg"
    good = path.read_text()
    tries = f"import subprocess\nprobes = {script(outside)!r}\n"
    tell = "raise ValueError(subprocess.run(['sh', '-c', probes], capture_output=True, text=True).stdout)\n"
    path.write_text(good + tries + tell)
    try:
        done = caller.planex("build", "--dry-run")
    finally:
        path.write_text(good)
    assert done.returncode == 2
    held(done.stderr.replace("ValueError: ", "\n"))
