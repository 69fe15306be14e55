# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is shown of the log of a failed build."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planex.engine.excerpt import cause, excerpt, excerpt_of
from planex.engine.outcome import BuildFailed, SeveralFailed
from planex.errors import LoggedError, PlanexError
from planex.run import TAIL_LINES

ECHOES = [f"+ echo {number}" for number in range(80)]
END = ["error: Bad exit status from /var/tmp/rpm-tmp.x (%build)", "", "RPM build errors:"]


@pytest.mark.parametrize(
    "line",
    [
        "greet.c:3:5: error: expected ';' before 'return'",
        "greet.c:1:10: fatal error: no-such.h: No such file or directory",
        "greet.c:1: internal compiler error: Segmentation fault",
        "configure: error: no acceptable C compiler found in $PATH",
        "CMake Error at CMakeLists.txt:3 (find_package):",
        "../meson.build:1:0: ERROR: Neither directory contains a build file",
        "/usr/bin/ld: main.o: in function `main': undefined reference to `greet'",
        "make[1]: *** No rule to make target 'x.c', needed by 'x.o'.  Stop.",
        "Traceback (most recent call last):",
        "FAILED tests/test_x.py::test_y - assert 1 == 2",
        "FAIL: test-suite/one",
        "not ok 3 - adds numbers",
        " 7/12 unit / parse                 FAIL            0.02s",
        "2/5 Test #2: parse ............***Failed    0.00 sec",
        "Can't locate Foo/Bar.pm in @INC (you may need to install the Foo::Bar module)",
        "error: patch failed: greet.c:1",
        "cat: needs: No such file or directory",
        "/bin/sh: 1: gcc: not found",
        "make: *** [Makefile:2: all] Error 1",
    ],
)
def test_the_first_error_is_shown_though_much_was_echoed_behind_it(line: str) -> None:
    log = ["Executing(%build)", "checking for error.h... no", "gcc -Werror -c greet.c", line, *ECHOES, *END]
    shown = excerpt(log).splitlines()
    assert shown[:4] == ["line 4 of 87:", "checking for error.h... no", "gcc -Werror -c greet.c", line]
    assert shown[-3:] == END


def test_what_may_be_harmless_counts_only_where_nothing_else_is_wrong() -> None:
    log = ["cat: /etc/none: No such file or directory", *ECHOES, "a.c:1:1: error: x", *ECHOES]
    assert cause(log) == 81
    assert cause(["all is well", "-Werror", "checking for strerror: yes", *END]) is None


def test_the_end_is_enough_where_the_error_is_in_it() -> None:
    log = [*ECHOES, "a.c:1:1: error: x", *END]
    assert excerpt(log).splitlines() == log[-TAIL_LINES:]


@given(st.lists(st.sampled_from(["x", "a: error: b", "make: *** c", "error: Bad exit status", "y" * 2000])))
def test_an_excerpt_is_short_and_ends_as_the_log_does(lines: list[str]) -> None:
    shown = excerpt(lines).splitlines()
    assert len(shown) <= TAIL_LINES
    assert [line[:500] for line in lines[-3:]] == shown[-min(3, len(lines)) :] if lines else shown == []


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def test_only_the_last_command_of_a_log_counts(tmp_path: Path) -> None:
    log = write(
        tmp_path / "build.log", "$ rpmbuild -rr", "error: of an earlier round", "$ rpmbuild --rebuild", "fine", "end"
    )
    assert excerpt_of(log) == "fine\nend"


def failure(tmp_path: Path, name: str) -> BuildFailed:
    log = write(tmp_path / f"{name}.log", f"{name}.c:1:1: error: x", *ECHOES, *END)
    return BuildFailed(name, "%build", LoggedError("rpmbuild failed", None, "only the end", log), log)


def test_a_failure_shows_its_cause(tmp_path: Path) -> None:
    assert failure(tmp_path, "a").tail.splitlines()[:2] == ["line 1 of 84:", "a.c:1:1: error: x"]
    gone = tmp_path / "gone.log"
    assert BuildFailed("a", "%build", LoggedError("x", None, "only the end", gone), gone).tail == "only the end"


def test_of_several_failures_each_shows_its_cause_and_its_log(tmp_path: Path) -> None:
    names = [f"p{number}" for number in range(10)]
    error = SeveralFailed([failure(tmp_path, name) for name in names])
    assert error.message == f"10 packages failed: {', '.join(names)}"
    for name in names[:8]:
        assert f"{name} failed in %build: rpmbuild failed\nline 1 of 84:\n{name}.c:1:1: error: x" in error.tail
        assert f"log: {tmp_path / name}.log" in error.tail
    assert "p8.c" not in error.tail and "... and 2 more" in error.tail


def test_of_several_failures_each_shows_what_to_do_about_it() -> None:
    wrong = BuildFailed("a", "unpack", PlanexError("unpacks to b", "write: %setup -n b"), None)
    other = BuildFailed("c", "%build", PlanexError("x"), None)
    assert SeveralFailed([wrong, other]).tail == (
        "a failed in unpack: unpacks to b\nhint: write: %setup -n b\n\nc failed in %build: x"
    )


def test_a_program_that_perl_cannot_run_comes_before_what_that_leads_to() -> None:
    lines = [
        'Can\'t exec "autopoint": No such file or directory at X.pm line 293.',
        "autoreconf: error: autopoint failed",
    ]
    assert cause(lines) == 0
