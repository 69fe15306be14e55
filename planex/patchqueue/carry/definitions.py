# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a source file defines, and in which scope: enough to see that something is defined twice. Pure.

No compiler: lines and braces are read, so odd code may hide a definition or show one that is none. Who asks compares
the same file before and after a merge, where such mistakes are on both sides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True)
class Defined:
    """Something that may be there once in its scope. ``kind``: as a person says it; ``line`` counts from 1."""

    scope: str
    kind: str
    name: str
    line: int

    @property
    def key(self) -> tuple[str, str, str]:
        return self.scope, self.kind, self.name

    def __str__(self) -> str:
        return f"{self.kind} {self.name}" + (f" in {self.scope}" if self.scope else "")


Found = Iterator[Defined]


def definitions(path: str, data: bytes) -> list[Defined]:
    """All that a file defines; nothing for a kind of file that is not known."""
    reader = _reader(PurePosixPath(path).name)
    return list(reader(data.decode("utf-8", "replace"))) if reader else []


def _reader(name: str) -> Callable[[str], Found] | None:
    if re.match(r"(?:GNU|BSD)?[Mm]akefile|Kbuild|Config\.mk|.*\.mk(?:\.in)?$", name):
        return _makefile
    if name.startswith("Kconfig"):
        return _kconfig
    return _READERS.get(PurePosixPath(name).suffix)


_CODE = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)
_TOKEN = re.compile(r"[{};]|^[ \t]*#(?:[^\n\\]|\\\n|\\.)*|(?:(?!^[ \t]*#)[^{};])+?(?=[{};]|^[ \t]*#|\Z)", re.MULTILINE)
_DIRECTIVE = re.compile(r"[ \t]*#[ \t]*(\w+)[ \t]*(\w*)")
_LABEL = re.compile(r"\s*(?:case\b\s*([^:?]+?)|(\w+))\s*:(?!:)")
_TAG = re.compile(r"\b(struct|union|enum)\b(?:\s+__\w+(?:\(.*?\))?)*\s*(\w*)[^()=]*$")
_FUNCTION = re.compile(r"(\w+)\s*\(")
_VARIABLE = re.compile(r"(\w+)\s*(?:\[[^]]*\]\s*)*=[^=]")
_MEMBER = re.compile(r"(?:\(\s*\*\s*(\w+)\s*\)\s*\(.*|(\w+)\s*(?:\[.*\]\s*|:\s*\w+\s*)?(?:__\w+.*)?)$", re.DOTALL)
_PROTOTYPE = re.compile(r"(?!\s*typedef\b)\s*\w[\w\s*]*[\s*](?![A-Z0-9_]+\s*\()(\w+)\s*\((?!\s*\*)")
_TYPE = re.compile(r"\s*typedef\b[^()]*?\b(\w+)\s*(?:\[[^]]*\]\s*)*$")
_EXPORT = re.compile(r"\s*EXPORT_SYMBOL\w*\s*\(\s*(\w+)")
_LOCAL = re.compile(
    r"\s*(?!return\b|goto\b|else\b|case\b|delete\b|throw\b|do\b)(?:\w+\s+)*\w+[\s*]+(\w+)\s*(?:\[[^]]*\]\s*)*(?:=(?!=)|,|$)"
)
_DESIGNATOR = re.compile(r"\s*(\.\w+)\s*=")
_NO_FUNCTION = frozenset({"if", "for", "while", "switch", "return", "sizeof", "defined", "__attribute__", "asm"})


@dataclass(slots=True)
class _Scopes:
    """Where in the braces of a C file one is: kinds and names, the outermost first."""

    stack: list[tuple[str, str]] = field(default_factory=list)
    saved: list[list[tuple[str, str]]] = field(default_factory=list)
    """At each ``#if`` that is open: its branches all begin in the same place."""

    @property
    def kind(self) -> str:
        return self.stack[-1][0] if self.stack else ""

    def name(self, *kinds: str) -> str:
        return next((name for kind, name in reversed(self.stack) if kind in kinds), "")

    @property
    def outside(self) -> bool:
        """Of any function and type."""
        return all(kind == "extern" for kind, _ in self.stack)

    def branch(self, word: str) -> None:
        if word.startswith("if"):
            self.saved.append(list(self.stack))
        elif word.startswith("el") and self.saved:
            self.stack = list(self.saved[-1])
        elif word == "endif" and self.saved:
            self.saved.pop()


def _c(text: str) -> Found:
    plain = _CODE.sub(lambda match: "\n" * match[0].count("\n") or '""', text)
    scopes, before, line = _Scopes(), "", 1
    for token in _TOKEN.findall(plain):
        if token.lstrip(" \t").startswith("#"):
            yield from _directive(token, scopes, line)
        elif token == "{":
            yield from _designators(before, scopes, line)
            kind, name = _opened(before, scopes)
            if kind in ("function", "struct", "union", "enum", "variable") and name and scopes.outside:
                yield Defined("", kind, name, line)
            scopes.stack.append((kind, name))
            before = ""
        elif token == "}":
            yield from _enumerators(before, scopes, line)
            yield from _designators(before, scopes, line)
            if scopes.stack:
                scopes.stack.pop()
            before = ""
        elif token == ";":
            yield from _ended(before, scopes, line)
            before = ""
        else:
            before = yield from _labels(before + token, scopes, line + token.count("\n"))
        line += token.count("\n")


def _directive(token: str, scopes: _Scopes, line: int) -> Found:
    if match := _DIRECTIVE.match(token):
        scopes.branch(match[1])
        if match[1] == "define":
            yield Defined("", "macro", match[2], line)


def _opened(before: str, scopes: _Scopes) -> tuple[str, str]:
    """Kind and name of the block that begins behind this text."""
    if tag := _TAG.search(before):
        return tag[1], tag[2]
    if match := re.search(r"\b(switch\s*\(.*\))\s*$", before, re.DOTALL):
        return "switch", " ".join(match[1].split())
    if not scopes.outside:
        return "block", ""
    if re.search(r'\b(?:extern\s*""|namespace\b[^(]*)\s*$', before):
        return "extern", ""
    if match := _VARIABLE.search(f"{before} "):
        return "variable", match[1]
    names = [name for name in _FUNCTION.findall(before) if name not in _NO_FUNCTION]
    return ("function", names[0]) if names else ("block", "")


def _labels(text: str, scopes: _Scopes, line: int) -> Generator[Defined, None, str]:
    """Labels at the beginning of a statement; returns what is left of it."""
    function = scopes.name("function")
    if not function:
        return text
    while match := _LABEL.match(text):
        at = line - text.count("\n", match.end())
        if match[1] or match[2] == "default":
            name = " ".join((match[1] or "").split()) or "default"
            yield Defined(f"{scopes.name('switch')} of {function}", "case", name, at)
        else:
            yield Defined(function, "label", match[2], at)
        text = text[match.end() :]
    return text


def _ended(before: str, scopes: _Scopes, line: int) -> Found:
    """What a statement that ends here defines: a member of a type, a variable, or what a file declares."""
    if scopes.kind in ("struct", "union"):
        match = _MEMBER.search(before.strip())
        if match and (scope := scopes.name("struct", "union")):
            yield Defined(scope, "member", match[1] or match[2], line)
    elif scopes.kind == "function" and (match := _LOCAL.match(before)):
        yield Defined(scopes.name("function"), "variable", match[1], line)
    elif scopes.outside:
        patterns = {
            "variable": _VARIABLE.search,
            "type": _TYPE.match,
            "prototype": _PROTOTYPE.match,
            "export": _EXPORT.match,
        }
        found = ((kind, match[1]) for kind, look in patterns.items() if (match := look(before)))
        yield from (Defined("", kind, name, line) for kind, name in found)


def _designators(before: str, scopes: _Scopes, line: int) -> Found:
    if scopes.kind == "variable":
        for word in before.split(","):
            if match := _DESIGNATOR.match(word):
                yield Defined(scopes.name("variable"), "member", match[1], line)


def _enumerators(before: str, scopes: _Scopes, line: int) -> Found:
    if scopes.kind == "enum":
        for word in before.split(","):
            if match := re.match(r"\s*(\w+)", word):
                yield Defined("", "enumerator", match[1], line)


_PYTHON = re.compile(
    r"([ \t]*)(?:(?:async[ \t]+)?(def|class)[ \t]+(\w+)|(?:([A-Z][A-Z0-9_]+)|(self\.\w+))[ \t]*(?::[^=\n]*)?=[^=]"
    r"|([\"'][\w.-]+[\"'])[ \t]*:|(?:from[ \t]+(\S+)[ \t]+)import[ \t]+([^#\n]+)|(\S))"
)


def _python(text: str) -> Found:
    """Scopes are what stands above with less indentation: functions, classes, and tables by their first line."""
    scopes: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not (match := _PYTHON.match(line)) or match[9] in ("#", "}", "]", ")"):
            continue
        indent = len(match[1].expandtabs())
        while scopes and scopes[-1][0] >= indent:
            scopes.pop()
        scope = ".".join(name for _, name in scopes)
        if match[8]:
            names = (name.strip(" ()") for name in match[8].split(","))
            yield from (Defined(match[7], "import", name, number) for name in names if name)
        elif match[2]:
            yield Defined(scope, match[2].replace("def", "function"), match[3], number)
        elif match[4] and not indent:
            yield Defined("", "constant", match[4], number)
        elif match[5] and scope.endswith("__init__"):
            yield Defined(scope, "attribute", match[5], number)
        elif match[6] and scope.endswith("{"):
            yield Defined(scope, "key", match[6], number)
        if match[3] or line.endswith("{"):
            scopes.append((indent, match[3] or " ".join(line.split())))


_LIST = re.compile(r"(?:export[ \t]+)?([\w.$(){}/-]+)[ \t]*(\+=|[:?]?=)(.*)")
_CHOSEN = re.compile(r"-(?:[ym]|\$[({].*[)}])$")
"""What of a list's name says whether it is built: obj-y and obj-$(CONFIG_X) are one list."""
_TARGET = re.compile(r"([\w./%$(){} -]+?)[ \t]*::?(?!=)")


def _makefile(text: str) -> Found:
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        begin, words = number, _without_comment(lines[number])
        while words.endswith("\\") and number + 1 < len(lines):
            number += 1
            words = words[:-1] + " " + _without_comment(lines[number])
        number += 1
        if match := _LIST.match(words.lstrip(" ")):
            for word in match[3].split():
                yield Defined(
                    _CHOSEN.sub("-", match[1]), "entry", word.rstrip("/") or word, _line_of(word, lines, begin, number)
                )
        elif (match := _TARGET.match(words)) and number < len(lines) and lines[number].startswith("\t"):
            yield Defined("", "target", match[1], begin + 1)


def _without_comment(line: str) -> str:
    return "" if line.lstrip().startswith("#") else line


def _line_of(word: str, lines: list[str], begin: int, end: int) -> int:
    return next((n + 1 for n in range(begin, end) if word in lines[n].split()), begin + 1)


_CONFIG = re.compile(r"\s*(?:menu)?config[ \t]+(\w+)")
_KCONFIG_ENTRY = re.compile(r'\s*((?:select|imply|depends[ \t]+on|default|source)[ \t]+["\w].*?)[ \t]*$')


def _kconfig(text: str) -> Found:
    scope = ""
    for number, line in enumerate(text.splitlines(), 1):
        if match := _CONFIG.match(line):
            scope = match[1]
            yield Defined("", "config", scope, number)
        elif match := _KCONFIG_ENTRY.match(line):
            entry = "default" if match[1].startswith("default") else " ".join(match[1].replace('"', "").split())
            yield Defined("" if entry.startswith("source") else scope, "entry", entry, number)


_ASSEMBLER = re.compile(
    r"[ \t]*(?:([A-Za-z_.$][\w.$]*):|\.macro[ \t]+(\w+)|\.(?:set|equ)[ \t]+(\w+)|"
    r"(?:SYM_\w*START\w*|ENTRY|GLOBAL|ASM_FUNCTION|FUNC|DATA)\(\s*(\w+)\s*\)|#[ \t]*define[ \t]+(\w+)|"
    r"([A-Za-z_]\w*)[ \t]*=[^=])"
)


def _assembler(text: str) -> Found:
    for number, line in enumerate(text.splitlines(), 1):
        if match := _ASSEMBLER.match(line):
            kinds = ("label", "macro", "symbol", "label", "macro", "symbol")
            kind, name = next((kind, name) for kind, name in zip(kinds, match.groups(), strict=True) if name)
            yield Defined("", kind, name, number)


def _shell(text: str) -> Found:
    for number, line in enumerate(text.splitlines(), 1):
        if match := re.match(r"[ \t]*(?:function[ \t]+(\w+)|(\w+)[ \t]*\(\))", line):
            yield Defined("", "function", match[1] or match[2], number)


def _all(suffixes: Iterable[str], reader: Callable[[str], Found]) -> dict[str, Callable[[str], Found]]:
    return dict.fromkeys(suffixes, reader)


_READERS = {
    **_all((".c", ".h", ".cc", ".cpp", ".hh", ".hpp", ".cxx", ".inc", ".dts", ".y"), _c),
    **_all((".py", ".pyi"), _python),
    **_all((".S", ".s", ".asm"), _assembler),
    **_all((".sh", ".bash"), _shell),
}
