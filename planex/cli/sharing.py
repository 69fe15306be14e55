# SPDX-License-Identifier: LGPL-2.1-or-later
"""The shared stores of a command: those of planex.yaml, or those that ``--store`` names."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import click

from planex.cli.context import Context

if TYPE_CHECKING:
    from planex.sharing.depots import Depots
    from planex.sharing.settings import StoreSettings
    from planex.trust.signer import Signer


def store_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--store URL``, as often as wanted, and ``--no-store``."""
    more = click.option("--store", "urls", multiple=True, metavar="URL", help="Shared store, instead of planex.yaml's.")
    none = click.option("--no-store", is_flag=True, help="Take nothing from shared stores, and push nothing there.")
    return more(none(command))


def depots_of(
    context: Context, urls: Sequence[str], *, none: bool = False, offline: bool = False
) -> AbstractContextManager[Depots | None]:
    """The stores to ask, in order; None where there are none, or signatures are put in that prove nothing of what is
    built here. Offline, those that need no network."""
    if none or context.graft or not (urls or context.config.store):
        return nullcontext()
    from planex.sharing.depots import Depots
    from planex.sharing.opening import lacking, open_depots

    settings = stores_of(context, urls)
    signer = signer_of_stores(context, settings)
    for store in settings:
        why = lacking(store, signs=signer is not None, environment=os.environ) if store.push else ""
        if why:
            context.reporter.remark(f"nothing is pushed to {store.url}: {why}")
    asked = [store for store in settings if not offline or store.url.startswith("file:")]
    depots = open_depots(asked, context.workspace, signs=signer is not None)
    return Depots(depots, context.reporter, signer.sign if signer else None)


def stores_of(context: Context, urls: Sequence[str]) -> Sequence[StoreSettings]:
    from planex.sharing.opening import choose

    return choose(context.config.store, urls)


def signer_of_stores(context: Context, settings: Sequence[StoreSettings]) -> Signer | None:
    """Who signs what is pushed, as everything else that is published; None where nobody does, or nothing is pushed."""
    if context.config.sign is None or not any(store.push for store in settings):
        return None
    from planex.trust.signer import signer_of

    return signer_of(context.config.sign, context.workspace, context.workspace.target(context.target_name) / "signed")
