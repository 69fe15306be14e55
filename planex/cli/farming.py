# SPDX-License-Identifier: LGPL-2.1-or-later
"""What commands of a farm share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click

from planex.cli.context import Context
from planex.cli.sharing import stores_of
from planex.errors import ConfigError, MissingTool

if TYPE_CHECKING:
    from planex.engine.farm.builder import Dispatcher, FarmBuilder
    from planex.engine.farm.orders import StoreAddress
    from planex.engine.workshop import Workshop
    from planex.report import Reporter
    from planex.sharing.depot import Depot
    from planex.sharing.depots import Depots

_KEYS = partial(
    click.option,
    "--keys",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="PLANEX_FARM_KEYS",
    metavar="DIR",
    help="The farm's keys, made by `planex farm keys`.",
)
keys_option = _KEYS()


def _keep(context: click.Context, parameter: click.Parameter, value: object) -> None:
    names = {"on": "farm", "keys": "farm_keys", "labels": "farm_labels"}
    setattr(context.ensure_object(Context), names[str(parameter.name)], value)


def on_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--on ADDRESS``, ``--keys DIR`` and ``--label WORD``, kept in the Context."""
    kept = partial(click.option, expose_value=False, callback=_keep)
    on = kept("--on", metavar="ADDRESS", help="Let a farm build: dask:HOST:PORT. Files go by a shared store.")
    label = kept("--label", "labels", multiple=True, metavar="WORD", help="Ask only workers of the farm that have it.")
    return on(_KEYS(expose_value=False, callback=_keep)(label(command)))


def dispatch() -> ModuleType:
    """The module that knows dask.distributed, which is an extra."""
    try:
        from planex.engine.farm import dispatch as found
    except ModuleNotFoundError as error:
        if error.name not in ("dask", "distributed"):
            raise
        raise MissingTool("dask.distributed is not installed; a farm needs it", "pip install 'planex[farm]'") from None
    return found


@dataclass
class FarmWay:
    """The way to a farm, and the store by which its files go."""

    farm: Dispatcher
    depot: Depot
    store: StoreAddress
    labels: tuple[str, ...] = ()
    drained: dict[str, str] = field(default_factory=dict)
    """Workers that serve no more, by address, and why: for all rounds of a build."""

    def builder(self, workshop: Workshop, name: str, reporter: Reporter, *, offline: bool) -> FarmBuilder:
        """Who has packages built there; ``name``: the builder that workers are to use."""
        from planex.engine.farm.builder import FarmBuilder
        from planex.engine.farm.placing import Need, need_of

        return FarmBuilder(
            workshop.project,
            name,
            workshop.buildroot_digest,
            self.depot,
            self.store,
            self.farm,
            reporter,
            lambda package: need_of(last.usage) if (last := workshop.store.last(package)) else Need(),
            self.drained,
            self.labels,
            offline,
        )


@contextmanager
def farm_of(context: Context, depots: Depots | None, urls: Sequence[str]) -> Iterator[FarmWay | None]:
    """The farm that ``--on`` names. ConfigError where no shared store takes what it makes."""
    if context.farm is None:
        if context.farm_labels:
            raise click.UsageError("--label chooses among the workers of a farm, and no --on names one")
        yield None
        return
    from planex.engine.farm.address import read_address
    from planex.engine.farm.orders import StoreAddress

    address = read_address(context.farm, context.farm_keys)
    depot = next((depot for depot in depots.depots if depot.push), None) if depots else None
    if depot is None:
        hint = "name one in planex.yaml: 'store: [{url: ..., push: true, ...}]'; see docs/farm.md"
        if context.config.store:
            hint = "planex -v build says why of each store; --no-store and --offline leave them out"
        raise ConfigError("--on: a farm gets its files by a shared store, and none takes any from here", hint)
    settings = next(each for each in stores_of(context, urls) if each.url == depot.name)
    where = settings.credentials
    store = StoreAddress(
        settings.url, where.variable if where else None, where.file if where else None, settings.timeout
    )
    with dispatch().Farm(address) as farm:
        yield FarmWay(farm, depot, store, context.farm_labels)
