# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex iso diff``: how two ISOs differ."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from planex.cli.output import echo
from planex.host.diff import IsoChange, IsoDiff, MenuChange, diff_isos
from planex.pages.table import table
from planex.units import size_text

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command(short_help="Show how an ISO differs from another.")
@click.argument("old", type=_FILE)
@click.argument("new", type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="Print the differences as JSON.")
def diff(old: Path, new: Path, as_json: bool) -> None:
    """Show how the ISO NEW differs from OLD: packages with versions, sources, patches, boot menus, files, sizes.

    Works on any two ISOs; of packages, sources and patches only the manifests tell that ISOs of planex have. A package
    of the same version with other bytes is a change, who signed it is none.
    """
    found = diff_isos(old, new)
    if as_json:
        echo(json.dumps({"old": str(old), "new": str(new), **asdict(found)}, indent=2))
    else:
        echo("the same" if found.same else "\n".join(_text(found)))


def _text(found: IsoDiff) -> Iterator[str]:
    yield from _section("facts", found.facts, _fact)
    yield from _section("packages", found.packages, _version)
    yield from _section("sources", found.sources, _bytes)
    yield from _section("patches", found.patches, _bytes)
    for menu in found.menus:
        yield from _menu(menu)
    yield from _section("files", found.files, _size)


def _menu(menu: MenuChange) -> Iterator[str]:
    yield f"menu {menu.path}"
    yield from (f"  {line}" for line in menu.lines)


def _section(title: str, changes: Sequence[IsoChange], words: Callable[[IsoChange], str]) -> Iterator[str]:
    if not changes:
        return
    signs = [_sign(change) for change in changes]
    counts = (("+", "added"), ("-", "removed"), ("*", "changed"))
    told = ", ".join(f"{signs.count(sign)} {word}" for sign, word in counts if sign in signs)
    yield f"{title}: {told}"
    yield table([[f"  {sign}", change.name, words(change)] for sign, change in zip(signs, changes, strict=True)])


def _sign(change: IsoChange) -> str:
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
