# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ``sign`` section of planex.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from planex.fields import Time, Words, as_tuple
from planex.schema import Model

_Variables = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], ...], BeforeValidator(as_tuple)
]


class SignSettings(Model):
    """Who signs, and by which public key that can be proved."""

    key: Annotated[str, Field(pattern=r"^[^/].*$")]
    """File in the workspace with the public key, ASCII-armoured. It goes into the repository and onto the ISO."""
    command: Words = ()
    """The signer: is given a file as its last word and prints a detached, armoured signature. Default: gpg."""
    environment: _Variables = ()
    """Variables that the signer gets of the caller's environment, besides HOME, GNUPGHOME and GPG_TTY."""
    timeout: Time = 120.0
    """Seconds for one signature."""


class PublishedSignatures(SignSettings):
    """Nobody signs: what signers gave elsewhere is taken from a folder. Never in planex.yaml; a rebuild sets it."""

    folder: Path
