# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sources: where each file comes from, and the verified, content-addressed download cache."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from planex.checksums import RECORDED, Checksum, digest_of
from planex.content import shelf
from planex.content.locks import WAITING, hold
from planex.disk import naming
from planex.drafts import temporary_folder
from planex.errors import PlanexError
from planex.printable import without_passwords
from planex.regular import open_regular
from planex.report import Task
from planex.run import check_stopped
from planex.sources.limits import LIMITS, Downloads
from planex.units import size_text
from planex.workspace import Workspace

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class RemoteSource:
    """A source to fetch: its file name, every URL to try in order, and what it must hash to."""

    package: str
    name: str
    urls: tuple[str, ...]
    checksum: Checksum


def cached_path(workspace: Workspace, checksum: Checksum) -> Path:
    return workspace.downloads / checksum.algorithm.lower() / checksum.value[:2] / checksum.value


def fetch(
    workspace: Workspace, source: RemoteSource, task: Task, *, offline: bool = False, limits: Downloads = LIMITS
) -> Path:
    """The verified file in the download cache, fetched first if it is not there yet."""
    final = cached_path(workspace, source.checksum)
    if final.exists() and source.checksum.matches(final):
        return final
    with hold(final.with_name(f"{final.name}.lock"), patience=WAITING):
        if final.exists() and source.checksum.matches(final):
            return final  # somebody else fetched it meanwhile
        final.unlink(missing_ok=True)
        if offline:
            message = f"{source.package}: {source.name} is not in the download cache"
            raise PlanexError(message, f"without --offline: planex fetch {source.package}")
        _fetch_any(workspace, source, final, task, limits)
    return final


def fetch_unknown(workspace: Workspace, url: str, task: Task, limits: Downloads = LIMITS) -> tuple[Checksum, Path]:
    """Fetch what nobody knows a checksum of yet; the checksum it has, and where it is in the cache."""
    with shelf.draft(workspace.downloads / "new") as folder:
        fetch_url(workspace, url, folder / "file", task, limits)
        checksum = Checksum(RECORDED, digest_of(folder / "file"))
        shelf.publish(folder / "file", final := cached_path(workspace, checksum))
    return checksum, final


def _fetch_any(workspace: Workspace, source: RemoteSource, final: Path, task: Task, limits: Downloads) -> None:
    partial = final.with_name(f"{final.name}.part")
    failures = []
    for url in source.urls:
        try:
            fetch_url(workspace, url, partial, task, limits)
            _verify(source, url, partial)
        except PlanexError as error:
            failures.append(error)
            continue
        shelf.publish(partial, final)
        return
    raise _none_worked(source, failures)


class WrongChecksum(PlanexError):
    """A file is not what was recorded."""


def _verify(source: RemoteSource, url: str, partial: Path) -> None:
    if not source.checksum.matches(partial):
        found = digest_of(partial, source.checksum.algorithm)
        partial.unlink()
        raise WrongChecksum(
            f"wrong checksum of {source.name} from {url}\n"
            f"  expected {source.checksum.algorithm} {source.checksum.value}\n"
            f"  found    {source.checksum.algorithm} {found}",
            f"if upstream's file really changed: planex fetch --update {source.package}",
        )


def _none_worked(source: RemoteSource, failures: list[PlanexError]) -> PlanexError:
    if len(failures) == 1:
        return PlanexError(f"{source.package}: {failures[0].message}", failures[0].hint)
    reasons = "\n".join(f"  {failure.message}" for failure in failures)
    telling = next((failure for failure in failures if isinstance(failure, WrongChecksum)), failures[-1])
    return PlanexError(f"{source.package}: no place has {source.name}:\n{reasons}", telling.hint)


def fetch_url(workspace: Workspace, url: str, partial: Path, task: Task, limits: Downloads = LIMITS) -> None:
    """Get one URL of any kind into ``partial``: http(s), file, ``git+``, a path in the Debian mirror,
    or a Python package's file in pip's index.

    None can take for ever or fill the disk: see Downloads.
    """
    task.phase(f"fetch {without_passwords(url).rsplit('/', 1)[-1]}")
    scheme, _, rest = url.partition(":")
    if scheme in ("http", "https"):
        from planex.sources.download import download

        download(url.split("#", 1)[0], partial, task, limits)
    elif scheme == "file":
        _copy(_file_path(url), partial, limits)
    elif scheme == "debian":
        from planex.sources.debian import fetch_from_debian

        fetch_from_debian(rest, partial, task, limits)
    elif scheme == "pypi":
        _from_pypi(workspace, rest, partial, task, limits)
    elif scheme.startswith("git+"):
        from planex.sources.gitsource import archive

        archive(url, workspace.cache / "git", partial, limits)
    else:
        raise PlanexError(
            f"{url}: no way to fetch '{scheme}:'", "known: https, http, file, git+https, git+file, debian, pypi"
        )


def _file_path(url: str) -> Path:
    try:
        return Path(unquote(urlsplit(url).path))
    except ValueError as error:
        raise PlanexError(f"{url}: {error}", "write file:///folder/file") from None


def _copy(path: Path, partial: Path, limits: Downloads) -> None:
    """Copy a regular file; a device or a pipe might never end."""
    copied = 0
    with open_regular(path) as source, naming(partial, "write"), partial.open("wb") as file:
        while chunk := source.read(_CHUNK):
            check_stopped()
            copied += len(chunk)
            if copied > limits.size:
                raise PlanexError(f"{path} is larger than {size_text(limits.size)} (downloads.size in planex.yaml)")
            file.write(chunk)


def _from_pypi(workspace: Workspace, path: str, partial: Path, task: Task, limits: Downloads) -> None:
    from planex.sources import pypi

    name, file = pypi.parts(path)
    failures: list[str] = []
    small = limits.model_copy(update={"size": min(limits.size, pypi.PAGE_SIZE)})
    partial.parent.mkdir(parents=True, exist_ok=True)
    for index in pypi.indexes():
        page = pypi.page(index, name)
        try:
            with temporary_folder(partial.parent, "index") as folder:
                fetch_url(workspace, page, folder / "page", task, small)
                url = pypi.link((folder / "page").read_text(errors="replace"), page, file)
            if url:
                return fetch_url(workspace, url, partial, task, limits)
            failures.append(f"{without_passwords(page)} does not list it")
        except PlanexError as error:
            failures.append(error.message)
    raise PlanexError(
        "\n  ".join([f"no package index of pip gave {file}:", *failures]), "see pip config list, and look for the name"
    )
