# SPDX-License-Identifier: LGPL-2.1-or-later
"""The decisions of cages: whose ids, which limits, which words; and the questions that are asked in one."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planex import processes
from planex.cage import ask as asking
from planex.cage import scope
from planex.cage.ask import ask
from planex.cage.command import Cage, Overlay, caged
from planex.cage.enter import FAILED, parse
from planex.cage.ids import IdRange, given_range, unclaimed_range
from planex.cage.limits import Limits, Watch
from planex.errors import ConfigError
from planex.processes import memory_of, tree_of
from planex.rpm.spec import Macros, SpecFile, parse_specs
from planex.run import run, spawn
from planex.units import GIB, MIB, parse_size, parse_time
from tests.hostile.warden import descendants

FakeTool = Callable[[str, str], Path]
WHOLE = "         0          0 4294967295\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("me:100000:65536\n", IdRange(100000, 65536)),
        ("1000:200000:65536\n", IdRange(200000, 65536)),
        ("you:1:65536\nme:5:100\nme:300000:131072\n", IdRange(300000, 65536)),
        ("me:100000:1000\n", None),
        ("me:x:65536\nme:1\n\n", None),
    ],
)
def test_a_users_range_is_the_widest_that_subuid_gives(text: str, expected: IdRange | None) -> None:
    assert given_range(text, ("me", "1000")) == expected


@pytest.mark.parametrize(
    ("id_map", "given", "expected"),
    [
        (WHOLE, "", IdRange(0x70000000, 65536)),
        (WHOLE, "you:1879048192:65536\n", IdRange(4294967295 - 65536, 65536)),
        ("0 100000 65536\n", "", IdRange(63534, 2000)),
        ("0 1000 1\n", "", None),
        ("", "", None),
    ],
)
def test_root_takes_ids_that_nobody_has(id_map: str, given: str, expected: IdRange | None) -> None:
    assert unclaimed_range(id_map, given) == expected


@given(st.text("0123456789: \nme", max_size=40), st.text("0123456789 \n", max_size=40))
def test_no_subuid_file_breaks_anything(text: str, id_map: str) -> None:
    given_range(text, ("me",))
    lines = [line for line in id_map.splitlines() if len(line.split()) == 3]
    unclaimed_range("\n".join(lines), text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("500M", 500 * MIB), ("8G", 8 * GIB), ("1.5 GiB", 3 * GIB // 2), ("7", 7), ("1tb", 1024 * GIB)],
)
def test_sizes(text: str, expected: int) -> None:
    assert parse_size(text) == expected


@pytest.mark.parametrize(("text", "expected"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1.5 d", 129600)])
def test_times(text: str, expected: float) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize("text", ["", "G", "-1G", "1X", "8 apples", "1e99999G", "٣G"])
def test_what_is_no_size_or_time_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="write it as"):
        parse_size(text)
    with pytest.raises(ValueError, match="write it as"):
        parse_time(text)


def test_a_cage_shows_what_it_names_and_nothing_else() -> None:
    cage = Cage(
        Overlay((Path("/layer/top"), Path("/layer/base")), Path("/scratch")),
        readable={"/in": Path("/some where,odd")},
        env={"HOME": "/builddir"},
    )
    argv = caged(cage, ["rpmbuild", "x"])
    request = parse(argv[argv.index("--ids") :])
    assert list(request.mounts.values()) == ["/scratch", "/layer/top", "/layer/base", "/some where,odd"]
    assert request.overlay == ("m4", "m1", "m2", "m3")
    assert request.owned == ["m1"]
    assert request.builder and request.filtered
    assert dict(request.limits)["nproc"] == Limits().processes
    bwrap = request.command
    assert Path(bwrap[0]).name == "bwrap"
    assert bwrap[1:4] == ["--bind", "/tmp/m4", "/"]
    assert bwrap[bwrap.index("--ro-bind") + 1 :][:2] == ["/tmp/m5", "/in"]
    alone = {"--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-user"}
    assert alone | {"--die-with-parent", "--new-session", "--clearenv"} <= set(bwrap)
    assert "/usr" not in bwrap
    assert bwrap[-3:] == ["--", "rpmbuild", "x"]


def test_the_root_of_a_cage_has_few_rights_and_no_network() -> None:
    argv = caged(Cage(superuser=True), ["rpm"])
    assert "--builder" not in argv and "--unshare-user" not in argv
    drop = argv.index("--cap-drop")
    assert argv[drop + 1] == "ALL"
    assert not {"CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_SYS_PTRACE"} & set(argv[drop:])
    assert "--unshare-net" in argv
    assert "--unshare-net" not in caged(Cage(network=True), ["dnf"])


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that systemd runs."""
    monkeypatch.setattr(scope, "BOOTED", tmp_path)
    scope.scopes_work.cache_clear()
    yield
    scope.scopes_work.cache_clear()


@pytest.mark.usefixtures("manager")
def test_a_build_runs_in_a_scope_where_systemd_makes_them(fake_tool: FakeTool) -> None:
    fake_tool("systemd-run", '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n')
    argv = scope.in_scope(["echo", "built"], Limits(memory=GIB, processes=99))
    assert {"--property=MemoryMax=1073741824", "--property=TasksMax=99"} <= set(argv)
    assert ("--user" in argv) == (os.geteuid() != 0)
    assert run(argv).stdout == "built\n"


@pytest.mark.usefixtures("manager")
@pytest.mark.parametrize("script", ["#!/bin/sh\necho 'Failed to connect to bus' >&2\nexit 1\n", "not a program"])
def test_without_a_systemd_to_ask_there_is_no_scope(fake_tool: FakeTool, script: str) -> None:
    fake_tool("systemd-run", script)
    assert scope.in_scope(["make"], Limits()) == ["make"]


def test_a_watch_says_what_was_too_much(tmp_path: Path) -> None:
    pid = os.getpid()
    assert Watch(Limits())(pid, 1, 1) is None
    assert "longer than 5 s" in (Watch(Limits(time=5))(pid, 6, 1) or "")
    assert "printed more than 1 MiB" in (Watch(Limits(output=MIB))(pid, 1, 2 * MIB) or "")
    assert "more than 1 MiB of memory" in (Watch(Limits(memory=MIB))(pid, 1, 1) or "")


@pytest.mark.parametrize("whole", [True, False])
def test_a_tree_of_processes_is_counted_as_one(whole: bool) -> None:
    script = (
        "import os, time\nx = bytearray(40 << 20)\nos.fork() and os.wait()\nprint(len(x), flush=True)\ntime.sleep(60)"
    )

    with spawn(["python3", "-c", script]) as process:
        assert process.stdout is not None
        process.stdout.readline()
        tree = tree_of(process.pid, whole=whole)
        assert len(tree) == 2
        assert memory_of(tree) > 70 * MIB


def test_without_lists_of_children_all_processes_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "_has_lists", lambda: False)
    monkeypatch.setattr(processes, "_listed", None)
    assert tree_of(1, whole=False)[0] == 1


def test_a_child_of_a_thread_is_seen_too() -> None:
    script = (
        "import subprocess, threading, time\n"
        "def start():\n    subprocess.Popen(['sleep', '60'])\n    print(flush=True)\n    time.sleep(60)\n"
        "threading.Thread(target=start).start()"
    )
    with spawn(["python3", "-c", script]) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert len(tree_of(process.pid, whole=False)) == 2


SPEC = "Name: {name}\nVersion: 1\nRelease: 1\nSummary: x\nLicense: MIT\n{head}\n%description\nx\n%files\n"


def specs(folder: Path, **heads: str) -> dict[str, SpecFile]:
    paths = {name: folder / name / f"{name}.spec" for name in heads}
    for name, head in heads.items():
        paths[name].parent.mkdir()
        paths[name].write_text(SPEC.format(name=name, head=head))
    return {name: SpecFile(path, path.parent) for name, path in paths.items()}


@pytest.fixture
def macros(tmp_path: Path) -> Macros:
    from planex.rpm.spec import target_macros

    return target_macros(tmp_path / "nowhere", tmp_path / "cache", {})


def problems(tmp_path: Path, macros: Macros, **heads: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        parse_specs(specs(tmp_path, **heads), macros, tmp_path / "cache" / "specs")
    return {problem.path.stem: problem.message for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("%(sleep 1000)", "does not end within 1 s"),
        ("%{lua: while true do end}", "does not end within 1 s"),
        ("%(kill -9 $PPID)", "ended by itself (SIGKILL)"),
        ("%{lua: os.exit(0)}", "exit not permitted"),
    ],
)
def test_a_spec_that_does_not_end_is_named_and_the_others_are_read(
    tmp_path: Path, macros: Macros, monkeypatch: pytest.MonkeyPatch, head: str, message: str
) -> None:
    monkeypatch.setattr(asking, "SECONDS", 1.0)
    monkeypatch.setattr("planex.rpm.spec.SECONDS", 1.0)
    assert message in problems(tmp_path, macros, good="", bad=head)["bad"]
    assert (
        parse_specs({"good": SpecFile(tmp_path / "good" / "good.spec", tmp_path)}, macros, tmp_path / "cache")[
            "good"
        ].version
        == "1"
    )


def test_a_spec_that_kills_all_is_found(tmp_path: Path, macros: Macros) -> None:
    """It ends the process that would answer for all, which then asks for each alone."""
    found = problems(tmp_path, macros, good="", bad="%(kill -9 -1)")
    assert found.keys() == {"bad"}


def test_what_a_spec_prints_is_no_answer(tmp_path: Path, macros: Macros) -> None:
    forged = '%{lua: io.stdout:write(\'{"good": {}, "evil": {}}\') io.stdout:flush()}'
    packages = parse_specs(specs(tmp_path, good="", evil=forged), macros, tmp_path / "cache")
    assert packages.keys() == {"good", "evil"}


def test_a_spec_cannot_change_what_another_says(tmp_path: Path, macros: Macros) -> None:
    """Lua and macros are global in librpm; each spec is read in a process of its own."""
    heads = {"a": "%global version 666\n%{lua: rpm = nil}", "b": "%{lua: print('Epoch: 7')}"}
    packages = parse_specs(specs(tmp_path, **heads), macros, tmp_path / "cache")
    assert packages["b"].epoch == 7


def test_nothing_is_asked_of_nobody() -> None:
    assert ask("planex.no_such_module", {}) == {}


def test_a_child_that_cannot_start_says_so() -> None:
    assert "No module named planex.no_such_module" in ask("planex.no_such_module", {"x": 1})["x"]["errors"]


@pytest.mark.tools("bwrap")
def test_a_cage_whose_planex_has_ended_meanwhile_does_not_begin() -> None:
    argv = caged(Cage(), ["echo", "begun"])
    assert run(argv).stdout == "begun\n"
    assert run(["sh", "-c", '"$@"; echo $?', "sh", *argv]).stdout == f"{FAILED}\n"


# Large and busy, so that it takes the kernel a while to end it; then its name is what can be seen longest.
_DAEMON = """
mkfifo /tmp/ready
ln -s /bin/sh /tmp/$0
/tmp/$0 -c 'x=$(head -c 200000000 /dev/zero | tr "\\0" x); echo >/tmp/ready; while :; do :; done' >/dev/null 2>&1 &
read line </tmp/ready
"""


@pytest.mark.tools("bwrap")
def test_nothing_of_a_cage_is_left_when_its_command_has_ended() -> None:
    for attempt in range(3):
        name = f"d{os.getpid()}-{attempt}"
        run(caged(Cage(), ["sh", "-c", _DAEMON, name]))
        assert name not in [_text(path).strip() for path in Path("/proc").glob("[0-9]*/comm")]


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


@pytest.mark.tools("bwrap")
def test_nothing_in_a_cage_outlives_a_kill_while_the_cage_is_made() -> None:
    """Killed when both parts of bubblewrap have just started: about one in thirty went on, command and all."""
    words = [str(word) for word in caged(Cage(), ["/bin/sleep", "20"])]
    for _ in range(100):
        # Whoever is alive holds standard output; nobody else does once all are gone.
        with subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True, env={}) as process:
            end = time.monotonic() + 5
            while time.monotonic() < end and sum(name == "bwrap" for _, name in descendants()) < 2:
                pass
            os.killpg(process.pid, signal.SIGKILL)
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], 5)[0], "something is still alive"


@pytest.mark.tools("bwrap")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes such a namespace")
def test_a_cage_works_where_there_are_few_processes() -> None:
    """As in a container: bubblewrap looks for its child in /proc, where the host has a kernel thread of any number."""
    few = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-c"]
    used = 'for number in 1 2 3 4 5 6 7 8 9; do /bin/true; done; exec "$@"'
    words = [*few, used, "sh", *map(str, caged(Cage(), ["/bin/echo", "hello"]))]
    done = subprocess.run(words, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello\n", "")


@pytest.mark.tools("bwrap")
def test_what_a_failed_bubblewrap_leaves_is_not_waited_for() -> None:
    words = [str(word) for word in caged(Cage(), ["/bin/true"])]
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:  # nothing of /tmp is seen behind the cage's mounts
        program = Path(folder) / "bwrap"
        program.write_text("#!/bin/sh\nsleep 100 &\nexit 3\n")
        for path in (program, program.parent):
            path.chmod(0o755)
        words = [*words[: words.index("--") + 1], str(program)]
        assert subprocess.run(words, env={}, timeout=60).returncode == 3
