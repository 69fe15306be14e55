# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where an answer file is: named on the kernel's command line, on a volume labelled OEMDRV, or on the medium."""

from __future__ import annotations

import contextlib
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from planex_installer.errors import InstallError
from planex_installer.program import Program

MEDIUM = Path("/run/initramfs/live")
LABEL, NAME = "OEMDRV", "ks.cfg"
LARGEST = 1 << 20
_TRIES, _PAUSE, _SECONDS = 6, 5, 30
_KNOWN = "http://host/file, https://host/file, hd:LABEL=LABEL:/file, hd:sdb1:/file, cdrom:/file"


def words_of(command_line: str) -> dict[str, str]:
    """Words of the kernel's command line; the last of a name holds."""
    return {name: value for name, _, value in (word.partition("=") for word in command_line.split())}


def find_answers(command_line: str, program: Program, medium: Path = MEDIUM) -> tuple[str, str] | None:
    """(text, where it came from) of the answer file, or None where there is none."""
    named = words_of(command_line).get("inst.ks", "")
    if named:
        return fetch_answers(named, program, medium), named
    device = program.run(["blkid", "--label", LABEL], check=False).strip()
    if device:
        with contextlib.suppress(FileNotFoundError), _mounted(device, program) as folder:
            return _read(folder / NAME), f"{NAME} on {LABEL}"
    if (medium / NAME).is_file():
        return _read(medium / NAME), f"{NAME} on the medium"
    return None


def fetch_answers(named: str, program: Program, medium: Path = MEDIUM) -> str:
    """The answer file that ``named`` means; InstallError where it is out of reach."""
    kind, _, rest = named.partition(":")
    if kind in ("http", "https"):
        return _download(named, program)
    if kind == "cdrom":
        return _named(medium / rest.lstrip("/"), named)
    if kind == "hd" and rest.count(":") == 1:
        device, path = rest.split(":")
        label = device.partition("=")[2]
        where = program.run(["blkid", "--label", label], check=False).strip() if label else f"/dev/{device}"
        if not where:
            raise InstallError(f"{named}: no volume is labelled {label}")
        with _mounted(where, program) as folder:
            return _named(folder / path.lstrip("/"), named)
    raise InstallError(f"{named}: an answer file is named {_KNOWN}")


def _named(path: Path, named: str) -> str:
    try:
        return _read(path)
    except OSError as error:
        raise InstallError(f"{named}: {error.strerror}") from None


def _read(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    return _decode(data, str(path))


def _decode(data: bytes, where: str) -> str:
    if len(data) > LARGEST:
        raise InstallError(f"{where}: larger than an answer file can be ({LARGEST >> 10} KiB)")
    try:
        return data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise InstallError(f"{where}: no text in UTF-8") from None


@contextlib.contextmanager
def _mounted(device: str, program: Program) -> Iterator[Path]:
    folder = Path("/run/planex-installer/answers")
    folder.mkdir(parents=True, exist_ok=True)
    program.run(["mount", "-o", "ro", device, str(folder)])
    try:
        yield folder
    finally:
        program.run(["umount", str(folder)], check=False)


def _download(url: str, program: Program) -> str:
    """The file behind a URL. The network may need a while, so it is asked more than once."""
    if not urlsplit(url).hostname:
        raise InstallError(f"{url}: names no host")
    reason = ""
    for attempt in range(_TRIES):
        try:
            with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
                return _decode(answer.read(LARGEST + 1), url)
        except urllib.error.HTTPError as error:
            raise InstallError(f"{url}: HTTP {error.code} {error.reason}") from None
        except (OSError, ValueError) as error:
            reason = str(getattr(error, "reason", error))
        program.note(f"{url}: {reason} (try {attempt + 1} of {_TRIES})")
        time.sleep(_PAUSE)
    raise InstallError(f"{url}: {reason}")
