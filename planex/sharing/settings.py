# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ``store`` section of planex.yaml."""

from __future__ import annotations

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from planex.fields import Time, Words
from planex.schema import Model

SCHEMES = ("file", "http", "https")


def checked_url(text: str) -> str:
    """The URL of a store, without a slash at its end. ValueError says what is wrong with another one."""
    try:
        parts = urlsplit(text)
        host, password = parts.hostname, parts.password
    except ValueError:
        raise ValueError(f"is no URL: {text}") from None
    if parts.scheme not in SCHEMES:
        raise ValueError(f"must begin with {', '.join(f'{scheme}:' for scheme in SCHEMES)}: {text}")
    if password is not None:
        raise ValueError("has a password in it: put it where 'credentials' says")
    if parts.scheme == "file" and (host or not parts.path.startswith("/")):
        raise ValueError(f"must be an absolute path, as in file:/srv/planex: {text}")
    if parts.scheme != "file" and not host:
        raise ValueError(f"names no host: {text}")
    return text.rstrip("/")


Url = Annotated[str, AfterValidator(checked_url)]


class StoreCredentials(Model):
    """Where ``user:password`` or a token is written: in a variable of the environment, or in a file."""

    variable: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    file: str | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.variable is None) == (self.file is None):
            raise ValueError("must have either 'variable' or 'file'")
        return self


class StoreSettings(Model):
    """A shared store, and who is believed there."""

    url: Url
    push: bool = False
    """Whether what is built here goes there."""
    trusted: bool = False
    """Whether all that lies there is believed, signed or not."""
    keys: Words = ()
    """Files in the workspace with public keys; what one of them signed is believed."""
    credentials: StoreCredentials | None = None
    timeout: Time = 10.0
    """Seconds of silence after which the store is left alone for the rest of the run."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.trusted and not self.keys:
            raise ValueError("says of nobody that they are believed: name 'keys', or say 'trusted: true'")
        return self
