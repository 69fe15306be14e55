# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether a base ISO is the distribution's: its signature, by the key that planex.yaml names."""

from __future__ import annotations

import re
from pathlib import Path

from planex.checksums import digest_of_text
from planex.distro.config import BaseIso
from planex.drafts import temporary_folder, write_atomic
from planex.errors import PlanexError
from planex.regular import read_text
from planex.report import Task
from planex.sources.limits import Downloads
from planex.trust.gpg import complaint, read_key

_SMALL = 1 << 20
"""Bytes: of a signature, or a list of checksums."""


def check_signature(source: BaseIso, iso: Path, keys: Path, task: Task, limits: Downloads) -> None:
    """Once for an ISO and its key, which is remembered beside it. PlanexError where the key's owner did not sign it.

    ``keys``: the folder with the key.
    """
    if source.key is None or source.signature is None:
        return
    key = read_key(keys / source.key)
    seen = digest_of_text(f"{key.fingerprint} {source.signature} {source.checksums}")
    mark = iso.with_suffix(".signed")
    if mark.is_file() and read_text(mark, _SMALL) == seen:
        return
    task.phase("signature")
    with temporary_folder(iso.parent) as folder:
        signature = read_text(_fetched(source.signature, folder / "signature", task, limits), _SMALL)
        signed = _fetched(source.checksums, folder / "checksums", task, limits) if source.checksums else iso
        fault = complaint(key, signature, signed)
        if not fault and source.checksums and not lists(read_text(signed, _SMALL), source):
            fault = f"the signed list has no such checksum for {source.file_name}"
    if fault:
        raise PlanexError(f"{source.url} is not signed by {key.user or key.short}: {fault}", "see where it comes from")
    write_atomic(mark, seen)


def lists(text: str, source: BaseIso) -> bool:
    """Whether a list of checksums has that of the ISO, written in BSD's way or in that of coreutils."""
    lines = (re.sub(r"[()=*]", " ", line).split() for line in text.splitlines())
    return any({source.sha256, source.file_name} <= set(words) for words in lines)


def _fetched(url: str, path: Path, task: Task, limits: Downloads) -> Path:
    from planex.sources.download import download  # a signature that was checked needs no network

    download(url, path, task, limits.model_copy(update={"size": _SMALL}))
    return path
