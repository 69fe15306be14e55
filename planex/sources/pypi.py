# SPDX-License-Identifier: LGPL-2.1-or-later
"""Python packages' files: ``pypi:NAME/FILE``, a file in the package indexes that pip on this machine is set up with.

pip is asked for the indexes alone. It does not download: to look at a source archive it would run what is in it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from functools import cache
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from planex.errors import PlanexError
from planex.run import NETWORK, run

PAGE_SIZE = 64 << 20
"""Bytes that the list of a package's files may have."""
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", re.ASCII)
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*", re.ASCII)
_OF_PIP = {"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONFIG_FILE", "HOME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS"}
_SECTIONS = ("global", "install", "download", ":env:")
"""Of pip's configuration; what a later one says holds."""
_DEFAULT = re.compile(r"Base URL of the Python Package Index \(default\s+(\S+?)\)")


def parts(path: str) -> tuple[str, str]:
    """Package (normalised) and file of ``NAME/FILE``."""
    name, _, file = path.partition("/")
    if not _NAME.fullmatch(name) or not _FILE.fullmatch(file):
        raise PlanexError(f"pypi:{path}: not a Python package's file", "write pypi:NAME/NAME-1.0.tar.gz")
    return re.sub(r"[-_.]+", "-", name).lower(), file


@cache
def indexes() -> tuple[str, ...]:
    """The package indexes that pip on this machine is set up with, its main one first."""
    settings = _settings(_pip("config", "list").splitlines())
    main = settings.get("index-url") or default_index(_pip("install", "--help"))
    return tuple(dict.fromkeys([*main.split(), *settings.get("extra-index-url", "").split()]))


def _settings(lines: Sequence[str]) -> dict[str, str]:
    """Option to value, of ``pip config list``: lines like global.index-url='URL URL'."""
    found: dict[tuple[str, str], str] = {}
    for line in lines:
        name, _, value = line.partition("=")
        section, _, option = name.strip().rpartition(".")
        found[section, option] = value.strip().strip("'\"").replace("\\n", " ")
    order = [pair for section in _SECTIONS for pair in found if pair[0] == section]
    return {option: found[section, option] for section, option in order}


def default_index(text: str) -> str:
    """The index that pip takes where it is told nothing, which only its help names."""
    match = _DEFAULT.search(" ".join(text.split()))
    if match is None:
        raise PlanexError("pip on this machine names no package index", "set one: pip config set global.index-url URL")
    return match[1]


def _pip(*words: str) -> str:
    env = {"COLUMNS": "400", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = run([sys.executable, "-m", "pip", *words], env=env, inherit=NETWORK | _OF_PIP, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it says nothing"]
        raise PlanexError(f"pip cannot be asked for its package index: {said[-1]}", "install it: python3 -m ensurepip")
    return done.stdout


def page(index: str, name: str) -> str:
    """URL of an index's list of the files of a package; in an index that is a folder, the file that holds it."""
    top = f"{index.rstrip('/')}/{name}/"
    return f"{top}index.html" if urlsplit(index).scheme == "file" else top


def link(text: str, url: str, file: str) -> str | None:
    """URL of ``file``, if the list ``text``, which came from ``url``, has it."""
    reader = _Links()
    reader.feed(text)
    found = (each for href in reader.links if (each := _absolute(url, href)))
    return next((each for each in found if unquote(urlsplit(each).path.rsplit("/", 1)[-1]) == file), None)


def files(text: str) -> list[str]:
    """Names of the files that a list has."""
    reader = _Links()
    reader.feed(text)
    return [unquote(urlsplit(href).path.rsplit("/", 1)[-1]) for href in reader.links]


def _absolute(page: str, href: str) -> str:
    """What a link leads to; nothing where that is no place of an index: only a folder of files may name files here."""
    try:
        found = urldefrag(urljoin(page, href)).url
        scheme = urlsplit(found).scheme
    except ValueError:
        return ""
    return found if scheme in ("http", "https") or scheme == urlsplit(page).scheme == "file" else ""


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value for name, value in attrs if tag == "a" and name == "href" and value]
