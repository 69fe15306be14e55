# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex init``."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.disk import naming
from planex.errors import ConfigError
from planex.workspace import refuse_awkward

_TEMPLATE = Path(__file__).parent.parent / "data" / "workspace"
_RENAMED = {"gitignore": ".gitignore"}


@click.command(short_help="Write a small commented workspace that builds.")
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@pass_context
def init(context: Context, directory: Path) -> None:
    """Write a workspace with one package, its patch queue and two targets into DIRECTORY. No file is overwritten.

    \b
    Example:
      planex init my-distro && cd my-distro && planex base build && planex build
    """
    refuse_awkward(directory.absolute())
    files = [path for path in sorted(_TEMPLATE.rglob("*")) if path.is_file()]
    destinations = {path: directory / path.relative_to(_TEMPLATE) for path in files}
    destinations = {path: to.with_name(_RENAMED.get(to.name, to.name)) for path, to in destinations.items()}
    present = [to for to in destinations.values() if to.exists()]
    if present:
        raise ConfigError(f"{present[0]} is there already", "choose an empty folder; nothing was written")
    for path, to in destinations.items():
        with naming(to, "write"):
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to)
        echo(to)
    context.reporter.info(f"next: cd {directory} && planex base build && planex build")
