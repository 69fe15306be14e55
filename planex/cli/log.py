# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex log``."""

from __future__ import annotations

from pathlib import Path

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import echo, verbatim
from planex.distro.project import BOOTSTRAP
from planex.distro.recipe import package_names, require_known
from planex.engine.excerpt import errors_of
from planex.errors import PlanexError

_PHASES = ("build", "root", "state", "srpm")


@click.command(short_help="Show the logs of a package's last build, or the errors in them.")
@click.argument("package")
@click.option(
    "--phase",
    type=click.Choice(_PHASES),
    help="Log to show: of the build, of what was installed for it, of when what began, of its source RPM "
    "(default: the build's, else that of as far as it came).",
)
@click.option("--errors", is_flag=True, help="Only the lines that tell of errors, each with its number.")
@pass_context
def log(context: Context, package: str, phase: str | None, errors: bool) -> None:
    """Show a log of the last build of PACKAGE, whether it failed or not.

    \b
    Examples:
      planex log xen --errors            what went wrong
      planex log xen --phase root | less what was installed to build it
    """
    path = _log_of(context, package, phase)
    context.reporter.remark(str(path))
    if not errors:
        verbatim(path.read_text("utf-8", "surrogateescape"))
        return
    found = errors_of(path)
    if not found:
        raise PlanexError(f"no line of {context.workspace.relative(path)} tells of an error")
    echo("\n".join(f"{number}: {line}" for number, line in found))


def _log_of(context: Context, package: str, phase: str | None) -> Path:
    folder = _folder_of(context, package)
    names = [phase] if phase else ["build", "root", "srpm"]
    for path in (folder / f"{name}.log" for name in names):
        if path.is_file():
            return path
    there = ", ".join(sorted(path.stem for path in folder.glob("*.log")))
    if not there:
        raise PlanexError(
            f"the last build of {package} stopped before it wrote a log",
            f"see why: planex build {package}",
        )
    raise PlanexError(f"there is no {names[0]}.log of {package}", f"logs that there are: {there}")


def _folder_of(context: Context, package: str) -> Path:
    require_known([package.removesuffix(BOOTSTRAP)], package_names(context.workspace))
    folder = context.workspace.logs(context.target_name, package)
    if not folder.is_dir():
        raise PlanexError(f"{package} was not built here for {context.target_name}", f"planex build --force {package}")
    return folder
