# SPDX-License-Identifier: LGPL-2.1-or-later
"""Has things signed: a command is given a file and prints a signature, which is believed only if the key proves it.

A signature is kept by what was signed and by whom: the same thing is signed once, so the same inputs give the same
bytes, and a device that asks a person asks once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from planex.drafts import write_atomic
from planex.errors import CommandFailed, ConfigError, MissingTool, PlanexError, Problem
from planex.regular import NotRegular, read_regular
from planex.run import require, run
from planex.trust.armour import KEY, SIGNATURE, NoArmour, block
from planex.trust.gpg import PublicKey, complaint, read_key
from planex.trust.settings import PublishedSignatures, SignSettings
from planex.workspace import Workspace

MAX_SIGNATURE = 8000
"""Bytes of an armoured signature; one by RSA with 4096 bits has 833."""
OF_ANYTHING = "any.asc"
_INHERITED = ("HOME", "GNUPGHOME", "GPG_TTY")
_BY_HAND = "see what it says: {}"
_TRIAL = b"planex tries whether it can sign\n"


class NotSigned(PlanexError):
    """A signer gave no signature that the key proves."""


@dataclass(frozen=True, slots=True)
class Signer:
    """``kept``: the folder with signatures that were made."""

    key: PublicKey
    settings: SignSettings
    kept: Path
    _tried: list[bool] = field(default_factory=list)

    @property
    def command(self) -> Sequence[str]:
        """What is run, but for the file to sign."""
        if self.settings.command:
            return self.settings.command
        gpg = require("gpg", "sign; or name another signer: sign.command in planex.yaml")
        words = ["--batch", "--no-tty", "--local-user", f"{self.key.fingerprint}", "--armor", "--detach-sign"]
        return [gpg, *words, "--output", "-"]

    def sign(self, data: bytes) -> str:
        """A detached, armoured signature of some bytes."""
        with TemporaryDirectory(prefix="planex.") as name:
            file = Path(name) / "data"
            write_atomic(file, data)
            return self.sign_file(file, hashlib.sha256(data).hexdigest())

    def sign_file(self, file: Path, sha256: str) -> str:
        """A detached, armoured signature of a file with this digest."""
        kept = self.kept / f"{sha256}-{self.key.short}.asc"
        try:
            known = read_regular(kept, MAX_SIGNATURE).decode(errors="replace")
        except NotRegular:
            known = ""
        if known and not complaint(self.key, known, file):
            return known
        made = self._ask(file)
        if fault := complaint(self.key, made, file):
            raise NotSigned(
                f"{self._name} gave a signature that {self.key.user} ({self.key.short}) did not make: {fault}",
                "let sign.key in planex.yaml name the public key of the signer",
            )
        write_atomic(kept, made)
        return made

    def try_out(self) -> None:
        """Raise PlanexError if nothing can be signed: better before a long build than after it."""
        if not self._tried:
            with TemporaryDirectory(prefix="planex.") as name:
                trial = Signer(self.key, self.settings, Path(name))
                trial.sign(_TRIAL)
            self._tried.append(True)

    @property
    def _name(self) -> str:
        return Path(self.command[0]).name

    def _ask(self, file: Path) -> str:
        argv = [*self.command, str(file)]
        hint = _BY_HAND.format(" ".join([*self.command, "FILE"]))
        inherited = {*_INHERITED, *self.settings.environment}
        try:
            done = run(argv, inherit=inherited, timeout=self.settings.timeout)
        except CommandFailed as error:
            said = error.tail.strip().splitlines()
            reason = said[-1] if said else f"exit status {error.returncode}"
            hint = self._gpg_hint(error.tail) or hint
            raise NotSigned(f"{self._name} does not sign: {reason}", hint) from None
        except MissingTool:
            raise MissingTool(f"the signer {argv[0]} is not installed", "correct sign.command in planex.yaml") from None
        except PlanexError as error:
            raise NotSigned(f"the signer does not sign: {error.message}", error.hint or hint) from None
        return self._signature(done.stdout, hint)

    def _gpg_hint(self, said: str) -> str | None:
        if "No secret key" in said or "secret key not available" in said:
            return f"import the secret key of {self.key.short}, or set GNUPGHOME to where it is"
        if "pinentry" in said.lower() or "No passphrase" in said:
            return "unlock the key first, as `gpg --detach-sign FILE` in this terminal does"
        return None

    def _signature(self, printed: str, hint: str) -> str:
        try:
            made = block(printed, SIGNATURE)
        except NoArmour as error:
            raise NotSigned(f"{self._name} printed no signature: {error.message}", hint) from None
        if len(made) > MAX_SIGNATURE:
            raise NotSigned(
                f"{self._name} printed a signature of {len(made)} bytes; {MAX_SIGNATURE} are possible", hint
            )
        return made


class Grafter(Signer):
    """Puts published signatures where a signer puts its own: what was rebuilt needs no key to be compared.

    ``kept`` has them by the SHA-256 of what was signed. What differs has none: it gets OF_ANYTHING, which is a whole
    signature and proves nothing, so that all that differs can be seen.
    """

    def sign_file(self, file: Path, sha256: str) -> str:
        own = self.kept / f"{sha256}.asc"
        return read_regular(own if own.exists() else self.kept / OF_ANYTHING, MAX_SIGNATURE).decode()

    def try_out(self) -> None:
        pass


def key_of(settings: SignSettings, workspace: Workspace) -> PublicKey:
    """The public key that planex.yaml names. ConfigError where it cannot be used."""
    path = workspace.root / settings.key
    if not path.resolve().is_relative_to(workspace.root.resolve()):
        raise ConfigError([Problem(workspace.config, 0, f"sign.key leads out of the workspace: {settings.key}")])
    if not path.is_file():
        hint = f"export it: gpg --armor --export KEYID >{settings.key}"
        raise ConfigError([Problem(path, 0, "file not found; it is 'sign.key' of planex.yaml")], hint)
    key = read_key(path)
    if key.fault:
        hint = "renew it (gpg --quick-set-expire) and export it again, or take another key; --no-sign signs nothing"
        raise ConfigError([Problem(path, 0, f"{key.user} ({key.short}) cannot sign: {key.fault}")], hint)
    return key


def key_text(settings: SignSettings, workspace: Workspace) -> str:
    """The armoured public key, as it is; empty where there is none, which who signs will say."""
    try:
        return block(read_regular(workspace.root / settings.key, 1 << 20).decode(errors="replace"), KEY)
    except (NotRegular, NoArmour):
        return ""


def signer_of(settings: SignSettings, workspace: Workspace, folder: Path) -> Signer:
    """Who signs, with the signatures that were made kept below ``folder``. PlanexError where the key is not usable."""
    if isinstance(settings, PublishedSignatures):
        return Grafter(read_key(workspace.root / settings.key), settings, settings.folder)
    return Signer(key_of(settings, workspace), settings, folder / "signatures")
