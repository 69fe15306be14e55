# SPDX-License-Identifier: LGPL-2.1-or-later
"""The kickstart that goes on the ISO: a text of iso/, or a template that sees what iso.yaml says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from planex.distro.project import Project
from planex.drafts import write_atomic
from planex.errors import ConfigError, Problem
from planex.host.definition import IsoDefinition
from planex.host.extras import Extra
from planex.regular import NotRegular, read_text
from planex.template import Template, render_all

_LARGEST = 1 << 20


def kickstart_files(project: Project, definition: IsoDefinition, work: Path) -> list[Extra]:
    """The kickstart, if there is one, made in ``work``. ConfigError where it cannot be read or rendered."""
    if definition.kickstart is None:
        return []
    write_atomic(work / "kickstart", _text(project, definition, definition.kickstart))
    return [Extra(definition.kickstart_path, work / "kickstart", False)]


def _text(project: Project, definition: IsoDefinition, name: str) -> str:
    path = project.workspace.iso / name
    try:
        text = read_text(path, _LARGEST)
    except NotRegular as error:
        raise ConfigError([Problem(path, error.line, f"{error.reason}; it is 'kickstart' of the ISO")]) from None
    if path.suffix != ".j2":
        return text
    template = Template(path, text, variables(project, definition))
    rendered = render_all({path.name: template}, project.workspace.cache / "templates")[path.name]
    if isinstance(rendered, ConfigError):
        raise rendered
    return rendered


def variables(project: Project, definition: IsoDefinition) -> dict[str, Any]:
    """What a template sees."""
    config, target = project.config, project.target
    return {
        "label": definition.label,
        "title": definition.title,
        "repository": definition.repository,
        "groups": [group.id for group in definition.groups],
        "release": project.mock_config.releasever,
        "distro": {"name": config.name, "version": config.version, "vendor": config.vendor},
        "target": {"name": project.target_name, "arch": target.arch, "base": target.base},
    }
