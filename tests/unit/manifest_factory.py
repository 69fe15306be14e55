# SPDX-License-Identifier: LGPL-2.1-or-later
"""A manifest of an ISO."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from planex.distro.origins import UsedPatch, UsedSource
from planex.host.live import Installed
from planex.host.manifest import MadeFrom, Manifest, ShippedRpm

RPM = ShippedRpm("foo-1-1.noarch", "/planex/foo-1-1.noarch.rpm", "a" * 64, "b" * 64, "foo-1-1.src.rpm", "MIT")
SOURCE = UsedSource("foo", "foo-1.tar", "https://example.org/foo-1.tar", f"SHA512:{'c' * 128}")
PATCH = UsedPatch("foo", "fix.patch", "d" * 64, "Fix it", "A <a@example.org>", "fixes", "backport", ("e" * 40,))
INSTALLED = (
    Installed("bash-5.2-1.x86_64", "f" * 64, "base", "bash-5.2-1.src.rpm", 3),
    Installed("foo-1-1.noarch", "a" * 64, "built", "foo-1-1.src.rpm", 1),
)


def make_manifest(**changed: Any) -> Manifest:
    """One package with a source and a patch, on a host with one package of the base."""
    made = Manifest(
        iso="x.iso",
        sha256="0" * 64,
        size=5,
        label="L",
        name="x",
        version="1",
        vendor="v",
        target="t",
        epoch=1700000000,
        key="",
        made_from=MadeFrom("1" * 40, False, {"base ISO": "2" * 64}, {"planex": "5"}),
        inputs={"a": "b"},
        packages=INSTALLED,
        rpms=(RPM,),
        sources=(SOURCE,),
        patches=(PATCH,),
    )
    return replace(made, **changed)
