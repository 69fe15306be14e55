# SPDX-License-Identifier: LGPL-2.1-or-later
"""What packages provide and require, and whether the one answers the other. Pure.

Rich dependencies are read as rpm-dependencies(7) describes them: ``(a or b)``, ``(a and b)``, ``(a with b)``,
``(a without b)``, ``(a if b else c)``, ``(a unless b else c)``, each in parentheses of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

_RICH_TOKEN = re.compile(r"[()]|[^\s()<>=]+(?:\([^()\s]*\)(?:\([^()\s]*\))?)?|[<>=]+")
_OPERATORS = frozenset({"and", "or", "if", "else", "with", "without", "unless"})
_COMPARISONS = frozenset({"<", "<=", "=", ">=", ">", "=="})


@dataclass(frozen=True, slots=True, order=True)
class Capability:
    """What is provided or required: ``yajl-devel >= 2.1``. ``operator`` and ``version`` may be empty."""

    name: str
    operator: str = ""
    version: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.operator} {self.version}" if self.operator else self.name

    @property
    def is_rich(self) -> bool:
        return self.name.startswith("(")


def satisfies(have: Capability, wanted: Capability) -> bool:
    """Whether a Provides answers a requirement, by libsolv's rule: one without a version answers none that asks one."""
    if not wanted.operator or not have.version:
        return not wanted.operator
    if have.version == wanted.version:
        return "=" in wanted.operator
    from planex.rpm.librpm import compare_versions  # takes as long to import as many plans take

    try:
        order = compare_versions(have.version, wanted.version)
    except ValueError:  # ``1:`` and ``-1``, which rpm's parser takes for versions and its library does not
        return False
    return (
        (order < 0 and "<" in wanted.operator)
        or (order > 0 and ">" in wanted.operator)
        or (order == 0 and "=" in wanted.operator)
    )


Offers = Callable[[Capability], bool]


def parts(wanted: Capability) -> list[Capability]:
    """A rich dependency as the capabilities that it names, anything else as itself."""
    return list(_named(_read(wanted.name))) if wanted.is_rich else [wanted]


def unanswered(wanted: Capability, offers: Offers) -> list[Capability]:
    """What is lacking so that ``wanted`` can be had; empty if it can be. ``offers`` is asked of plain capabilities."""
    return _lacking(_read(wanted.name), offers) if wanted.is_rich else ([] if offers(wanted) else [wanted])


@dataclass(frozen=True, slots=True)
class _Rich:
    """Operands joined by one operator; with ``if`` and ``unless`` a third is what stands behind ``else``."""

    operator: str
    operands: tuple[_Rich | Capability, ...]


def _read(text: str) -> _Rich | Capability:
    """The tree of a rich dependency. One that is not well-formed, which rpm refuses, asks for all that it names."""
    tokens = _RICH_TOKEN.findall(text)
    try:
        found, rest = _operand(tokens)
    except (IndexError, ValueError, RecursionError):
        rest, found = tokens, _Rich("and", ())
    if not rest:
        return found
    words = [word for word in tokens if word not in _OPERATORS | _COMPARISONS | {"(", ")"} and not word[0].isdigit()]
    return _Rich("and", tuple(map(Capability, words)))


def _operand(tokens: list[str]) -> tuple[_Rich | Capability, list[str]]:
    if tokens[0] != "(":
        return _plain(tokens)
    found, tokens = _operand(tokens[1:])
    operands, operator = [found], ""
    while tokens[0] != ")":
        if tokens[0] not in _OPERATORS:
            raise ValueError(tokens[0])
        operator = operator or tokens[0]
        found, tokens = _operand(tokens[1:])
        operands.append(found)
    return (_Rich(operator, tuple(operands)) if operator else operands[0]), tokens[1:]


def _plain(tokens: list[str]) -> tuple[Capability, list[str]]:
    if tokens[0] in _OPERATORS | {")"}:
        raise ValueError(tokens[0])
    if len(tokens) > 2 and tokens[1] in _COMPARISONS:
        return Capability(tokens[0], tokens[1], tokens[2]), tokens[3:]
    return Capability(tokens[0]), tokens[1:]


def _named(tree: _Rich | Capability) -> Iterator[Capability]:
    if isinstance(tree, Capability):
        yield tree
        return
    for operand in tree.operands:
        yield from _named(operand)


def _lacking(tree: _Rich | Capability, offers: Offers) -> list[Capability]:
    if isinstance(tree, Capability):
        return [] if offers(tree) else [tree]
    lacking = [_lacking(operand, offers) for operand in tree.operands]
    if tree.operator == "or":
        return [] if any(not each for each in lacking) else _joined(lacking)
    if tree.operator in ("if", "unless"):
        holds = not lacking[1] if tree.operator == "if" else bool(lacking[1])
        otherwise = lacking[2] if len(lacking) > 2 else []
        return lacking[0] if holds else otherwise
    return lacking[0] if tree.operator == "without" else _joined(lacking)


def _joined(lists: Iterable[list[Capability]]) -> list[Capability]:
    return [capability for each in lists for capability in each]
