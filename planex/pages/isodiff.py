# SPDX-License-Identifier: LGPL-2.1-or-later
"""How two ISOs differ, as text and as a web page. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from planex.host.configs import ConfigDiff, OptionChange
from planex.host.diff import IsoChange, IsoDiff
from planex.host.news import PackageNews, PatchChange
from planex.pages.table import table
from planex.pages.web import document, escaped, style
from planex.units import many, size_text

_COUNTED = (("+", "added"), ("-", "removed"), ("*", "changed"), ("~", "moved"))
_STYLE = "table { border-collapse: collapse; } td { padding: .1rem .9rem .1rem 0; vertical-align: top; }"
_STYLE += " td:first-child { font-weight: 600; } td { overflow-wrap: anywhere; }"
_Change = TypeVar("_Change", IsoChange, PatchChange, OptionChange)


@dataclass(frozen=True, slots=True)
class _Section:
    """``rows``: sign, name, words. ``block``: lines as they are."""

    title: str
    rows: Sequence[tuple[str, str, str]] = ()
    block: Sequence[str] = ()

    @property
    def head(self) -> str:
        signs = [sign for sign, _, _ in self.rows]
        told = ", ".join(f"{signs.count(sign)} {word}" for sign, word in _COUNTED if sign in signs)
        return f"{self.title}: {told}" if told else self.title


def diff_text(found: IsoDiff) -> str:
    """Sections one after the other."""
    return "\n".join(line for section in _sections(found) for line in _lines(section)) or "the same"


def _lines(section: _Section) -> Iterator[str]:
    yield section.head
    if section.rows:
        yield table([[f"  {sign}", name, words] for sign, name, words in section.rows])
    yield from (f"  {line}" for line in section.block)


def diff_page(old: str, new: str, found: IsoDiff) -> str:
    """The page's text. ``old`` and ``new``: names of the ISOs."""
    head = f'<h1>{escaped(new)}</h1>\n<p class="soft">and how it differs from {escaped(old)}</p>\n'
    body = "\n".join(_markup(section) for section in _sections(found)) or "<p>They are the same.</p>"
    return document(f"{old} and {new}: what differs", f"{style('house')}\n{_STYLE}", head + body)


def _markup(section: _Section) -> str:
    cells = "".join(
        f"<tr><td>{sign}</td><td>{escaped(name)}</td><td>{escaped(words)}</td></tr>\n"
        for sign, name, words in section.rows
    )
    lines = "\n".join(map(escaped, section.block))
    head = f"<h2>{escaped(section.head)}</h2>\n"
    return head + (f"<table>\n{cells}</table>" if cells else "") + (f"<pre>{lines}</pre>" if lines else "")


def _sections(found: IsoDiff) -> Iterator[_Section]:
    everything = (
        _section("facts", found.facts, _fact),
        _section("packages", found.packages, _version),
        *map(_news, found.changelogs),
        _section("sources", found.sources, _bytes),
        _section("patches", found.patches, _patch),
        *map(_config, found.configs),
        *(_Section(f"menu {menu.path}", block=menu.lines) for menu in found.menus),
        _section("files", found.files, _size),
    )
    return (section for section in everything if section.rows or section.block)


def _news(news: PackageNews) -> _Section:
    lines: list[str] = []
    for entry in news.entries:
        lines += [f"{entry.date}  {entry.author}", *(f"  {line}" for line in entry.text.splitlines())]
    return _Section(f"changelog {news.package}: {many(len(news.entries), 'entry', 'entries')}", block=lines)


def _config(config: ConfigDiff) -> _Section:
    title = f"configuration of {config.package}"
    if config.fault:
        return _Section(title, block=[f"not known: {config.fault}"])
    return _section(title, config.options, lambda option: _arrow(option.old, option.new))


def _section(title: str, changes: Sequence[_Change], words: Callable[[_Change], str]) -> _Section:
    return _Section(title, [(_sign(change), change.name, words(change)) for change in changes])


def _sign(change: IsoChange | PatchChange | OptionChange) -> str:
    if isinstance(change, PatchChange) and change.old == change.new:
        return "~"
    return "+" if change.old is None else "-" if change.new is None else "*"


def _arrow(old: str | None, new: str | None) -> str:
    return f"{old} -> {new}" if old and new else old or new or ""


def _fact(change: IsoChange) -> str:
    return _size(change) if change.name == "size" else _arrow(change.old, change.new)


def _version(change: IsoChange) -> str:
    """Versions without the digests behind them, unless only those differ."""
    old, new = (_plain(value) if value else None for value in (change.old, change.new))
    return f"{new}, other bytes" if old == new else _arrow(old, new)


def _plain(versions: str) -> str:
    return ", ".join(version.split(" ")[0] for version in versions.split(", "))


def _bytes(change: IsoChange) -> str:
    return "other bytes" if change.old and change.new else ""


def _size(change: IsoChange) -> str:
    old, new = (size_text(int(value)) if value else None for value in (change.old, change.new))
    if change.old and change.old == change.new:
        return f"{new}, other bytes"
    return _arrow(old, new) if old != new else f"{change.old} -> {change.new} bytes"


def _patch(change: PatchChange) -> str:
    commits = f"(backport of {', '.join(commit[:12] for commit in change.commits)})" if change.commits else ""
    moved = "; in another place" if change.moved and change.old != change.new else ""
    return f"{change.subject} {commits}".strip() + moved
