# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keys for tests, made by the real gpg in a home of their own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from planex.run import run
from planex.trust.gpg import PublicKey, read_key
from planex.trust.settings import SignSettings
from planex.trust.signer import Signer


@dataclass(frozen=True)
class Keys:
    """A GNUPGHOME; keys by name lie in ``folder`` as NAME.asc."""

    home: Path
    folder: Path

    def make(self, name: str, kind: str = "ed25519", *, expired: bool = False) -> Path:
        times = ["--faked-system-time", "20200101T000000"] if expired else []
        words = ["--quick-gen-key", f"{name} <{name}@example.org>", kind, "sign", "1d" if expired else "never"]
        self.gpg(*times, "--passphrase", "", *words)
        path = self.folder / f"{name}.asc"
        path.write_text(self.gpg("--armor", "--export", f"{name}@example.org"))
        return path

    def gpg(self, *words: str) -> str:
        return run(["gpg", "--batch", "--quiet", *words], env={"GNUPGHOME": str(self.home)}).stdout

    def key(self, name: str) -> PublicKey:
        return read_key(self.folder / f"{name}.asc")

    def signer(self, name: str, kept: Path) -> Signer:
        """Signs with a key of this home; GNUPGHOME must be set to it."""
        return Signer(self.key(name), SignSettings(key=f"{name}.asc"), kept)


@contextmanager
def made_keys() -> Iterator[Keys]:
    """Keys ``release``, ``other`` (RSA) and ``old``, which has expired; in a short path, for gpg-agent's socket."""
    folder = Path(tempfile.mkdtemp(prefix="planex-keys."))
    home = folder / "home"
    home.mkdir(mode=0o700)
    keys = Keys(home, folder)
    try:
        keys.make("release")
        keys.make("other", "rsa2048")
        keys.make("old", expired=True)
        yield keys
    finally:
        run(["gpgconf", "--kill", "all"], env={"GNUPGHOME": str(home)}, check=False)
        shutil.rmtree(folder, ignore_errors=True)
