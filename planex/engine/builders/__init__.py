# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builders: ways to turn an SRPM into RPMs in a clean buildroot."""

from __future__ import annotations

from planex.distro.project import Project
from planex.engine.builders.job import Builder, Job
from planex.engine.builders.mock import MockBuilder
from planex.engine.builders.sandbox import SandboxBuilder

__all__ = ["Builder", "Job", "SandboxBuilder", "choose_builder"]


def choose_builder(project: Project, name: str, buildroot_digest: str, *, offline: bool = False) -> Builder:
    """The builder of this name (``planex.distro.config.choose_builder_name``)."""
    if name == "mock":
        return MockBuilder(project.mock_config, buildroot_digest, project.folder, offline=offline)
    return SandboxBuilder(project.mock_config, buildroot_digest, project.buildroots, offline=offline)
