# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shared stores as planex.yaml and the command line name them, ready to be asked."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from planex.errors import ConfigError, PlanexError, Problem
from planex.printable import without_passwords
from planex.regular import NotRegular, read_regular
from planex.sharing.depot import Depot
from planex.sharing.folder import FolderPlace
from planex.sharing.place import Place
from planex.sharing.settings import StoreCredentials, StoreSettings, checked_url
from planex.sharing.web import WebPlace
from planex.sources.limits import Downloads
from planex.trust.gpg import PublicKey, read_key
from planex.workspace import Workspace

_RATE = 16 << 10
"""Bytes a second; what comes more slowly is sooner built."""
_MAX_CREDENTIALS = 1 << 14


def choose(stores: Sequence[StoreSettings], asked: Sequence[str]) -> tuple[StoreSettings, ...]:
    """The stores that ``--store`` names, in its order, else all. ConfigError for one that nobody vouches for."""
    if not asked:
        return tuple(stores)
    named = {settings.url: settings for settings in stores}
    keys = tuple(dict.fromkeys(key for settings in stores for key in settings.keys))
    return tuple(named.get(url) or _unnamed(url, keys) for url in map(_checked, asked))


def unproved(urls: Sequence[str]) -> tuple[StoreSettings, ...]:
    """Stores by URL, for what does not depend on who is believed."""
    return tuple(StoreSettings(url=_checked(url), trusted=True) for url in urls)


def _checked(text: str) -> str:
    try:
        return checked_url(text)
    except ValueError as error:
        raise ConfigError(f"--store: {without_passwords(str(error))}", "for instance file:/srv/planex") from None


def _unnamed(url: str, keys: tuple[str, ...]) -> StoreSettings:
    """One that planex.yaml does not name is believed what is signed with a key that planex.yaml names for others."""
    if not keys:
        example = f"add to planex.yaml: 'store: [{{url: \"{url}\", keys: [FILE]}}]'"
        raise ConfigError(
            f"--store {url}: planex.yaml does not say whose results are believed there",
            f"{example}, or 'trusted: true' in the place of keys",
        )
    return StoreSettings(url=url, keys=keys)


def open_depots(
    settings: Sequence[StoreSettings],
    workspace: Workspace,
    *,
    signs: bool,
    environment: Mapping[str, str] | None = None,
) -> tuple[Depot, ...]:
    """Stores to ask, in order. ``signs``: whether what is pushed is signed. Asks nobody anything."""
    environment = os.environ if environment is None else environment
    return tuple(_open(each, workspace, signs, environment) for each in settings)


def _open(settings: StoreSettings, workspace: Workspace, signs: bool, environment: Mapping[str, str]) -> Depot:
    secret = secret_of(settings.credentials, environment)
    keys = () if settings.trusted else tuple(_key(name, workspace) for name in settings.keys)
    push = settings.push and not lacking(settings, signs=signs, environment=environment)
    return Depot(settings.url, _place(settings, secret), keys, settings.trusted, push)


def lacking(settings: StoreSettings, *, signs: bool, environment: Mapping[str, str]) -> str:
    """Why nothing can be pushed to a store from here, in words; empty where it can."""
    if not settings.push:
        return "planex.yaml does not say 'push: true'"
    if settings.credentials and not secret_of(settings.credentials, environment):
        where = settings.credentials
        return f"${where.variable} is not set" if where.variable else f"there is no file {where.file}"
    if not signs and not settings.trusted:
        return "nothing is signed here, and this store is not 'trusted: true'"
    return ""


def secret_of(credentials: StoreCredentials | None, environment: Mapping[str, str]) -> str:
    """``user:password`` or a token; empty where there is none here."""
    if credentials is None:
        return ""
    if credentials.variable:
        return environment.get(credentials.variable, "").strip()
    path = Path(str(credentials.file)).expanduser()
    try:
        return read_regular(path, _MAX_CREDENTIALS).decode(errors="replace").strip() if path.exists() else ""
    except NotRegular as error:
        raise PlanexError(f"the credentials of a store cannot be read: {error.message}") from None


def folder_of(settings: StoreSettings) -> Path | None:
    """The folder that a store is; None for one on a server."""
    parts = urlsplit(settings.url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def _place(settings: StoreSettings, secret: str) -> Place:
    if folder := folder_of(settings):
        return FolderPlace(folder)
    limits = Downloads(silence=settings.timeout, window=settings.timeout, rate=_RATE)
    return WebPlace(settings.url, {"Authorization": _authorization(secret)} if secret else {}, limits)


def _authorization(secret: str) -> str:
    if any(ord(character) < 32 for character in secret):
        raise PlanexError("the credentials of a store have more than one line", "write user:password, or a token alone")
    if ":" in secret:
        return f"Basic {base64.b64encode(secret.encode()).decode()}"
    return f"Bearer {secret}"


def _key(name: str, workspace: Workspace) -> PublicKey:
    path = workspace.root / name
    if not path.is_file():
        raise ConfigError([Problem(path, 0, "file not found; it is among the 'keys' of a store in planex.yaml")])
    return read_key(path)
