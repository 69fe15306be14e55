# SPDX-License-Identifier: LGPL-2.1-or-later
"""What one download may take, and a file that is known by its digest: parts of planex.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from planex.schema import Model


class Download(Model):
    """A file by URL (or ``debian:`` path) and its SHA-256, 64 hexadecimal digits."""

    url: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Downloads(Model):
    """What one download may take before it is given up."""

    size: Annotated[int, Field(ge=1)] = 64 << 30
    """Bytes."""
    seconds: Annotated[float, Field(gt=0)] = 24 * 3600.0
    """For one file, all tries together."""
    silence: Annotated[float, Field(gt=0)] = 60.0
    """Seconds without a byte, before the answer begins or in it."""
    rate: Annotated[int, Field(ge=0)] = 1000
    """Bytes a second that must come, on average over ``window``."""
    window: Annotated[float, Field(gt=0)] = 60.0
    """Seconds."""


LIMITS = Downloads()
"""What holds where planex.yaml says nothing else."""
