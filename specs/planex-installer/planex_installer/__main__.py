# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex-installer ask`` or ``planex-installer auto``: installs the live host that it runs in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from planex_installer.answers import Answers
from planex_installer.ask import Console, Quit, ask_answers, confirm
from planex_installer.checks import check_answers, check_packages, check_programs
from planex_installer.disks import find_disks
from planex_installer.errors import InstallError, Refused
from planex_installer.install import SOURCE, STATE, Installation, install
from planex_installer.kickstart import read_kickstart
from planex_installer.layout import describe, plan_layout
from planex_installer.program import Program
from planex_installer.source import find_answers

MARK = "planex-installer:"
"""Begins the lines that programs look for on the console."""
LOG = STATE / "install.log"
_USAGE = "usage: planex-installer ask|auto|check FILE"


def say(text: str) -> None:
    print(text, flush=True)


def on_serial(command_line: str) -> bool:
    """Whether /dev/console is a serial line: the last console= says so."""
    consoles = [word.removeprefix("console=") for word in command_line.split() if word.startswith("console=")]
    return bool(consoles) and consoles[-1].startswith(("ttyS", "hvc"))


def title_of(source: Path) -> str:
    """The system's name as its os-release has it."""
    lines = (source / "etc/os-release").read_text().splitlines()
    found = next((line.partition("=")[2] for line in lines if line.startswith("PRETTY_NAME=")), "Linux")
    return "".join(sign for sign in found.strip("\"'") if sign not in "\"'\\{};$")


def run(ask: bool, program: Program) -> str:
    """Install; what the machine is to do afterwards."""
    command_line = Path("/proc/cmdline").read_text()
    say(f"\n{MARK} begin\nInstallation of {title_of(SOURCE)}.\n")
    console = Console(say)
    disks = find_disks(program)
    answers = ask_answers(console, disks, SOURCE) if ask else _from_file(command_line, program)
    check_answers(answers, SOURCE)
    layout = plan_layout(answers, disks)
    check_programs(layout, answers, program)
    check_packages(answers, program)
    if ask:
        confirm(console, layout)
    else:
        say("\n".join(["This will be done:", *describe(layout)]))
    install(Installation(answers, layout, title_of(SOURCE), on_serial(command_line), program, say))
    return answers.end


def _from_file(command_line: str, program: Program) -> Answers:
    found = find_answers(command_line, program)
    if found is None:
        raise InstallError(
            "there is no answer file: name it on the kernel's command line (inst.ks=http://host/ks.cfg), or put ks.cfg "
            "on a volume that is labelled OEMDRV"
        )
    text, origin = found
    say(f"Answers: {origin}")
    return read_kickstart(text, origin)


def check(file: str) -> int:
    """Say what is wrong with an answer file, as far as that can be known without the machine."""
    try:
        check_answers(read_kickstart(Path(file).read_text(), file), Path("/"))
    except (Refused, OSError, UnicodeDecodeError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{file}: understood")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    if len(words) == 2 and words[0] == "check":
        return check(words[1])
    if words not in (["ask"], ["auto"]):
        print(_USAGE, file=sys.stderr)
        return 2
    if os.geteuid():
        print("planex-installer: only root can install", file=sys.stderr)
        return 2
    return supervised(lambda program: run(words == ["ask"], program))


def supervised(work: Callable[[Program], str]) -> int:
    """Run ``work``; every end is told on the console, and the machine restarts only after a success."""
    program = Program(LOG)
    try:
        end = work(program)
    except Quit:
        say(f"\n{MARK} quit\nNothing was written.")
        return _shell()
    except KeyboardInterrupt:
        say(f"\n{MARK} interrupted")
        return _shell()
    except Exception as error:  # whatever it is, a person at a console must be told, and get a shell
        kind = "" if isinstance(error, (InstallError, OSError)) else f"{type(error).__name__}: "
        program.note(f"failed: {kind}{error}")
        say(f"\n{MARK} failed\n{kind}{error}\n\nThe log is {LOG}")
        return _shell()
    say(f"\n{MARK} done")
    if end == "wait":
        input("Press Enter to restart. ")
    subprocess.run(["systemctl", "poweroff" if end == "poweroff" else "reboot"])
    return 0


def _shell() -> int:
    say("A shell follows; 'planex-installer ask' begins again, 'reboot' restarts the machine.\n")
    subprocess.call(["/bin/bash", "--login"])
    return 1


if __name__ == "__main__":
    sys.exit(main())
