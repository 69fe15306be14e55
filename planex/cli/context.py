# SPDX-License-Identifier: LGPL-2.1-or-later
"""What every command shares: the workspace, the configuration, the chosen target and the reporter."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planex.cli.terminal import Terminal
from planex.content.locks import Patience
from planex.errors import ConfigError
from planex.report import Reporter
from planex.workspace import Workspace

if TYPE_CHECKING:
    from planex.base.advice import Advisor
    from planex.cli.eventfile import EventFile
    from planex.distro.config import Config, Target
    from planex.rpm.index import Index
    from planex.trust.settings import SignSettings


@dataclass
class Context:
    """Loads things when a command first asks for them, so that ``planex init`` needs no workspace."""

    directory: Path = Path()
    target_option: str | None = None
    terminal: Terminal = field(default_factory=Terminal)
    reporter: Reporter = field(init=False)
    events: EventFile | None = None
    sign_option: bool | None = None
    """Whether what is published is to be signed; None: if planex.yaml says how."""
    graft: Path | None = None
    """Folder with signatures that were published, which are put in instead of asking the signer."""

    farm: str | None = None
    """Address of the scheduler of a farm that is to build, and the folder with its keys."""
    farm_keys: Path | None = None
    farm_labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.reporter = Reporter(self.terminal)

    @cached_property
    def workspace(self) -> Workspace:
        return Workspace.find(self.directory)

    @cached_property
    def config(self) -> Config:
        from planex.distro.config import load_config

        config = load_config(self.workspace)
        if self.sign_option and config.sign is None:
            raise ConfigError("planex.yaml does not say who signs", "add 'sign: {key: FILE}'; see docs/signing.md")
        stores = () if self.graft else config.store  # a rebuild that takes what others built proves nothing
        return config.model_copy(update={"sign": self._sign(config), "store": stores})

    def _sign(self, config: Config) -> SignSettings | None:
        if config.sign is None or self.sign_option is False:
            return None
        if self.graft is None:
            return config.sign
        from planex.trust.settings import PublishedSignatures

        return PublishedSignatures(key=config.sign.key, folder=self.graft)

    @cached_property
    def target_name(self) -> str:
        from planex.distro.config import choose_target

        return choose_target(self.config, self.target_option)

    @property
    def target(self) -> Target:
        return self.config.targets[self.target_name]

    def advise(self, wanted: str, base: Index) -> str:
        """Where what no package provides may be had besides: what the archive of an embedded base has."""
        return self._advisor(wanted, base) if self.target.embedded else ""

    @cached_property
    def _advisor(self) -> Advisor:
        from planex.base.advice import Advisor  # only for a mistake

        return Advisor(self.workspace.base(self.target.base), f"repos/{self.target.base}.yaml")

    def patience(self, *, wait: bool) -> Patience:
        """What to do while another planex is at work: ``wait`` for it and say so, or fail."""
        return Patience(wait, self.reporter.info)


wait_option = click.option("--wait", is_flag=True, help="Wait while another planex is at work, instead of failing.")


def _keep_sign_option(context: click.Context, parameter: click.Parameter, value: bool | None) -> None:
    context.ensure_object(Context).sign_option = value


sign_option = click.option(
    "--sign/--no-sign",
    default=None,
    envvar="PLANEX_SIGN",
    expose_value=False,
    callback=_keep_sign_option,
    help="Sign what is published, or do not (default: sign if planex.yaml says who does).",
)
pass_context = click.make_pass_decorator(Context)
