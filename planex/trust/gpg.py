# SPDX-License-Identifier: LGPL-2.1-or-later
"""Public keys, and whether a signature is theirs. The only user of ``gpg`` and ``gpgv``.

Neither is given a person's key ring: a key is read in an empty home, a signature is checked against one key alone.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from planex.drafts import write_atomic
from planex.errors import PlanexError
from planex.regular import read_regular
from planex.run import require, run
from planex.trust.armour import KEY, SIGNATURE, NoArmour, block, dearmour

_LARGEST = 1 << 20
"""Bytes of a key."""
_SECONDS = 600.0
"""For one signature of a large ISO."""
_FAULTS = {
    "BADSIG": "it was changed after it was signed",
    "EXPKEYSIG": "its key has expired",
    "EXPSIG": "the signature has expired",
    "REVKEYSIG": "its key was revoked",
    "NO_PUBKEY": "it is signed with another key",
    "NODATA": "the signature is damaged",
}


@dataclass(frozen=True, slots=True)
class PublicKey:
    """``text``: the armoured block; ``expires``: seconds since 1970, 0 for never; ``user``: its first user id."""

    text: str
    fingerprint: str
    user: str
    expires: int = 0
    fault: str = ""
    """Why nothing can be signed with it, in words."""

    @property
    def short(self) -> str:
        return self.fingerprint[-16:]


def read_key(path: Path) -> PublicKey:
    """The public key in a file. PlanexError where there is none, or several."""
    try:
        text = read_regular(path, _LARGEST).decode(errors="replace")
        return parse_key(text)
    except NoArmour as error:
        hint = "export it: gpg --armor --export KEYID >FILE"
        raise PlanexError(f"{path} is no public key: {error.message}", hint) from None


def parse_key(text: str) -> PublicKey:
    """The public key in a text. Raises NoArmour where it is none, or several."""
    armoured = block(text, KEY)
    with TemporaryDirectory(prefix="planex.") as name:
        folder = Path(name)
        write_atomic(folder / "key.gpg", dearmour(armoured, KEY))
        words = ["--homedir", name, "--batch", "--no-autostart", "--show-keys", "--with-colons", f"{name}/key.gpg"]
        done = run([require("gpg", "read public keys"), *words], check=False)
    return _key(armoured, [line.split(":") for line in done.stdout.splitlines()])


def _key(text: str, rows: list[list[str]]) -> PublicKey:
    mains = [row for row in rows if row[0] == "pub"]
    if len(mains) != 1:
        raise NoArmour(f"it should have one key, and has {len(mains) or 'none'}")
    fingerprint = next(row[9] for row in rows if row[0] == "fpr")
    user = next((_unescaped(row[9]) for row in rows if row[0] == "uid"), "")
    expires = int(mains[0][6] or 0)
    return PublicKey(text, fingerprint, user, expires, _fault(mains[0], rows))


def _fault(main: list[str], rows: list[list[str]]) -> str:
    """What the columns say of ``pub`` and ``sub`` rows: validity (2), expiry (7), capabilities (12)."""
    if main[1] == "r":
        return "it was revoked"
    if main[1] == "e":
        return f"it expired on {time.strftime('%Y-%m-%d', time.gmtime(int(main[6] or 0)))}"
    signing = [row for row in rows if row[0] in ("pub", "sub") and "s" in row[11] and row[1] not in ("e", "r")]
    return "" if signing else "no part of it that can sign is valid"


def _unescaped(text: str) -> str:
    """gpg writes what would break its rows as ``\\x3a``."""
    return re.sub(r"\\x([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), text)


def complaint(key: PublicKey, signature: str, data: Path | bytes) -> str:
    """Why a detached, armoured signature does not prove that the key's owner signed something; empty where it does."""
    try:
        packets = dearmour(signature, SIGNATURE)
    except NoArmour as error:
        return error.message
    return complaint_of_packets(key, packets, data)


def complaint_of_packets(key: PublicKey, signature: bytes, data: Path | bytes) -> str:
    """As ``complaint``, of a signature without armour, by which a file or some bytes are signed."""
    with TemporaryDirectory(prefix="planex.") as name:
        folder = Path(name)
        write_atomic(folder / "key.gpg", dearmour(key.text, KEY))
        write_atomic(folder / "signature", signature)
        if isinstance(data, bytes):
            write_atomic(folder / "data", data)
        file = folder / "data" if isinstance(data, bytes) else data
        words = ["--homedir", name, "--status-fd", "1", "--keyring", f"{name}/key.gpg", f"{name}/signature", str(file)]
        done = run([require("gpgv", "check signatures"), *words], check=False, timeout=_SECONDS)
    said = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("[GNUPG:] ")}
    fault = next((text for word, text in _FAULTS.items() if word in said), "")
    return fault or ("" if done.returncode == 0 and {"GOODSIG", "VALIDSIG"} <= said else "it cannot be checked")
