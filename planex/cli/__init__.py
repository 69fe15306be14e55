# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line. Commands parse, call one function, print its result and choose the exit status."""

from __future__ import annotations

import io
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import click

from planex import __version__, run
from planex.cli.context import Context
from planex.cli.failure import failed
from planex.cli.groups import ALIASES, SECTIONS, SectionedGroup
from planex.disk import DiskError, explain
from planex.errors import PlanexError
from planex.events import RunBegan, RunEnded, RunFailed
from planex.printable import printable
from planex.report import Reporter


@click.group(
    cls=SectionedGroup,
    sections=SECTIONS,
    aliases=ALIASES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "-C",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=".",
    help="Work in this folder.",
)
@click.option("--target", metavar="NAME", help="Target of planex.yaml (default: the first this machine can build).")
@click.option("-v", "--verbose", count=True, help="Also show phases and remarks.")
@click.option("-q", "--quiet", is_flag=True, help="Show errors only.")
@click.option(
    "--events", type=click.Path(path_type=Path, dir_okay=False), help="Write what happens to this file, as JSON lines."
)
@click.option("--graft", type=click.Path(path_type=Path, file_okay=False), hidden=True)
@click.version_option(__version__, prog_name="planex")
@click.pass_context
def cli(
    context: click.Context,
    directory: Path,
    target: str | None,
    verbose: int,
    quiet: bool,
    events: Path | None,
    graft: Path | None,
) -> None:
    """Turn upstream tarballs, spec templates and patch queues into RPMs, a repository and a bootable Xen host ISO."""
    run = context.ensure_object(Context)
    run.directory, run.target_option, run.terminal.verbosity = directory, target, -1 if quiet else verbose
    run.graft = graft
    if events:
        from planex.cli.eventfile import EventFile

        run.events = EventFile(events)
        run.reporter.listen(run.events)
    run.reporter.tell(RunBegan(__version__, tuple(sys.argv[1:])))


_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_INTERRUPTED = 130


def _interrupt(number: int, frame: object) -> None:
    """A closed terminal or a CI job's time limit stops a run as Ctrl-C does, and leaves no program behind."""
    for each in _SIGNALS:
        signal.signal(each, _leave)
    raise KeyboardInterrupt


def _folder_is_gone() -> PlanexError | None:
    """What is behind any error of a path where the current folder was deleted."""
    try:
        Path.cwd()
    except OSError:
        return PlanexError("the current folder is gone: it was deleted", "change into one that is there: cd")
    return None


def _shown(error: click.ClickException) -> str:
    """What click would print of an error."""
    text = io.StringIO()
    error.show(text)
    return text.getvalue()


def _turn_deaf() -> None:
    """A signal that comes while Python ends would choose the exit status, or show a traceback."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _leave(number: int, frame: object) -> None:
    """A second Ctrl-C while the first is being obeyed: go at once; the next run takes away what is left."""
    run.kill_all()
    os.write(2, b"\ninterrupted again: left at once; the next run cleans up\n")
    os._exit(_INTERRUPTED)


def main() -> None:
    """Entry point: run a command; print a PlanexError as what, where and what to do; set the exit status."""
    context, started = Context(), time.monotonic()
    os.umask(0o022)  # what planex makes is read by cages, which run as other users
    for number in _SIGNALS:
        signal.signal(number, _interrupt)
    if sys.stdout is None:
        _tell(PlanexError("standard output is closed"), context.reporter)
        sys.exit(1)
    try:
        status = _run(context)
        _turn_deaf()
    except KeyboardInterrupt:  # while it was told how the run ended
        _turn_deaf()
        status = _INTERRUPTED
    if (unsaid := _last_words()) and not status:
        _tell(PlanexError(f"cannot write to standard output: {unsaid}"), context.reporter)
        status = 1
    sys.exit(_ended(context, status, time.monotonic() - started))


def _ended(context: Context, status: int, seconds: float) -> int:
    """Tell that the run is over; its exit status, which is 1 if the file of events lacks something."""
    with suppress(OSError):
        context.reporter.tell(RunEnded(status, seconds))
    if context.events is None:
        return status
    context.events.close()
    if context.events.problem:
        _tell(context.events.problem, context.reporter)
    return status or int(context.events.problem is not None)


def _tell(error: PlanexError, reporter: Reporter) -> None:
    with suppress(OSError):  # where standard error takes no more, the exit status still tells
        reporter.tell(failed(error))


def _run(context: Context) -> int:
    """Run the command; its exit status."""
    reporter = context.reporter
    try:
        cli.main(standalone_mode=False, obj=context)
    except PlanexError as error:
        _tell((_folder_is_gone() if isinstance(error, DiskError) else None) or error, reporter)
        return error.exit_code
    except OSError as error:
        unsaid = _last_words() if error.filename is None else None
        told = PlanexError(f"cannot write to standard output: {unsaid}") if unsaid else explain(error)
        _tell(_folder_is_gone() or told, reporter)
        return 1
    except click.ClickException as error:
        with suppress(OSError):
            click.echo(printable(_shown(error)), err=True, nl=False)
        if context.events:
            context.events(RunFailed(error.format_message()))
        if isinstance(error, click.NoSuchOption) and any(error.option_name in option.opts for option in cli.params):
            reporter.plain(f"hint: it goes before the command, as in `planex {error.option_name} ... build`")
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        run.stop_all()
        _turn_deaf()
        reporter.plain("interrupted; what was finished is kept, the same command goes on from here")
        return _INTERRUPTED
    except SystemExit as ended:  # a command chose the exit status
        return ended.code if isinstance(ended.code, int) else 1
    return 0


def _last_words() -> str | None:
    """Write out what is still to be printed; why standard output does not take it."""
    problem = None
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except (AttributeError, OSError) as error:
            # Python would try once more at its end, and end with 120.
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115
            if name == "stdout":
                problem = getattr(error, "strerror", "closed")
    return problem
