# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads a host's serial console and decides whether it proves that Xen, dom0 and xl work. Pure.

The proof is what the booted host itself says, in this order:

- Xen's version line, ``(XEN) Xen version 4.20.3 (...) ...``;
- the report that planex-boot-report.service of the host writes to the console once it is up: lines that begin
  with ``planex-boot-report:`` (``begin``, ``kernel <release>``, ``xen <version>``, ``xl info`` followed by the
  output of that command, ``xl list`` likewise, ``failed-units <count>`` followed by a line each, ``end``).

Silence, or the mere absence of an error, proves nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

MARK = "planex-boot-report:"
_XEN = re.compile(r"\(XEN\).*\bXen version (\S+).*")
_LINUX = re.compile(r"\bLinux version (\S+)")
_DOMAIN_0 = re.compile(r"^Domain-0\s+0\s+\d+\s+\d+\s")
_ESCAPES = re.compile(r"\x1b(\[[0-9;?=]*[A-Za-z]|\][^\x07\x1b]*(\x07|\x1b\\)|[()][A-Z0-9]|[=>78cDEHM])")
_NOISE = re.compile(r"^(\(XEN\)|\[ *\d+\.\d{6}\])")
"""Messages of Xen and of the kernel, which can come between any two lines of a report."""
_FATAL = {
    "Xen panicked": re.compile(r"\(XEN\).*Panic on CPU \d+"),
    "dom0 crashed": re.compile(r"\(XEN\).*Hardware Dom0 (crashed|shutdown|halted)"),
    "the kernel panicked": re.compile(r"Kernel panic - not syncing"),
    "the initrd gave up": re.compile(r"initrd: ERROR: .*"),
    "the host fell into emergency mode": re.compile(r"You are in emergency mode"),
    "the boot loader did not find a file": re.compile(
        r"^error: file `.*' not found|Could not find kernel image|Failed to load COM32 file"
    ),
    "GRUB found no menu": re.compile(r"^grub( rescue)?>|^No medium labelled .* was found"),
    "the firmware found nothing to start": re.compile(
        r"No bootable device|BdsDxe: No bootable option or device was found|PXE-E\d\d:"
    ),
}
_LOADER_ERROR = re.compile(r"^error: (?!no suitable video mode).*")
"""How GRUB begins every complaint; looked for only until Xen or a kernel has started. The mode is no obstacle."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a booted host said about itself."""

    xen_line: str
    """Xen's version line as it stood on the console."""
    xen: str
    kernel: str
    xl_info: str
    xl_list: str
    failed_units: tuple[str, ...]
    """Names of the host's systemd units that failed; they do not undo the proof."""
    root: str = ""
    """Device and type of the file system on /, where the host says so."""

    @property
    def live(self) -> bool:
        """Whether the host runs from a medium, with a layer in memory on it."""
        return self.root.endswith("overlay")


def without_escapes(text: str) -> str:
    """A piece of a console's text as it can be shown on another: no cursor movement, no colours."""
    return _ESCAPES.sub("", text).replace("\r", "")


def readable(text: str) -> str:
    """A console's text without what moves the cursor and sets colours, and without empty lines."""
    lines = (_ESCAPES.sub("", line).strip() for line in text.replace("\r", "\n").split("\n"))
    return "\n".join(line for line in lines if line)


@dataclass
class Listener:
    """Takes the serial console in pieces as they come. Ask ``proof`` for success and ``fatal`` for failure."""

    fatal: str = ""
    """What ended all hope, with the line that says so; empty while there is hope."""
    _rest: str = ""
    _xen_line: str = ""
    _linux: str = ""
    _section: str = ""
    _initrd: bool = False
    _facts: dict[str, str] = field(default_factory=dict)
    _outputs: dict[str, list[str]] = field(default_factory=dict)

    def feed(self, text: str) -> None:
        """The next characters of the console, lines cut anywhere."""
        *lines, self._rest = (self._rest + text).replace("\r", "\n").split("\n")
        for line in lines:
            self._line(_ESCAPES.sub("", line).rstrip())
        if self._rest.startswith("grub"):  # a prompt, which no line end will follow
            self._look_for_failure(self._rest)

    def _line(self, line: str) -> None:
        if MARK in line:
            self._report(line.split(MARK, 1)[1].strip())
        elif self._section:
            if not _NOISE.match(line) and line:
                self._outputs[self._section].append(line)
        else:
            self._look(line)
        self._look_for_failure(line)

    def _look(self, line: str) -> None:
        if not self._xen_line and _XEN.search(line):
            self._xen_line = line
        if found := _LINUX.search(line):
            self._linux = self._linux or found.group(1)
        self._initrd = self._initrd or line.startswith("initrd: starting")

    def _report(self, words: str) -> None:
        """One line with a mark. A report that begins anew replaces what an earlier one said."""
        self._section = ""
        if words == "begin":
            self._facts, self._outputs = {"begin": ""}, {}
        elif words in ("xl info", "xl list"):
            self._section = words
            self._outputs[words] = []
        else:
            name, _, value = words.partition(" ")
            self._facts[name] = value.strip()
            if name == "failed-units":
                self._section = name
                self._outputs[name] = []

    def _look_for_failure(self, line: str) -> None:
        if self.fatal:
            return
        for reason, pattern in _FATAL.items():
            if pattern.search(line):
                self.fatal = f"{reason}: {line.strip()}"
                return
        if not (self._xen_line or self._linux) and _LOADER_ERROR.match(line):
            self.fatal = f"the boot loader failed: {line}"

    def output(self, command: str) -> str:
        """What the host's ``xl info`` or ``xl list`` printed."""
        return "\n".join(self._outputs.get(command, []))

    def missing(self) -> list[str]:
        """What the proof still lacks, first things first."""
        lacks = [] if self._xen_line else ["Xen's version line"]
        if not self._facts:
            return [*lacks, f"the host's report ({MARK} ...)"]
        empty = {name for name in ("kernel", "xen") if not self._facts.get(name)}
        empty |= {"begin"} - self._facts.keys()
        lacks += [f"the report's line '{name}'" for name in ("begin", "kernel", "xen") if name in empty]
        if not re.search(r"^xen_version\s*:", self.output("xl info"), re.MULTILINE):
            lacks.append("the output of 'xl info'")
        if not any(_DOMAIN_0.match(line) for line in self._outputs.get("xl list", [])):
            lacks.append("Domain-0 in the output of 'xl list'")
        return lacks if "end" in self._facts else [*lacks, "the report's line 'end'"]

    def proof(self) -> Proof | None:
        """The whole proof, or None while anything is missing or contradicts itself."""
        if self.missing() or self.contradiction():
            return None
        return Proof(
            xen_line=self._xen_line,
            xen=self._facts["xen"],
            kernel=self._facts["kernel"],
            xl_info=self.output("xl info"),
            xl_list=self.output("xl list"),
            failed_units=tuple(line.split()[0] for line in self._outputs.get("failed-units", [])),
            root=" ".join(self._facts.get("root", "").split()),
        )

    def finished(self) -> bool:
        """Whether the host has said all that it will say."""
        return "end" in self._facts

    def contradiction(self) -> str:
        """Where two parts of the proof speak of different systems, or nothing."""
        banner = _XEN.search(self._xen_line)
        said = self._facts.get("xen", "")
        if said == "none":
            return "the host runs without Xen"
        if banner and said and banner.group(1) != said:
            return f"the console shows Xen {banner.group(1)}, but the host reports Xen {said}"
        if self._linux and self._facts.get("kernel", self._linux) != self._linux:
            return f"the console shows Linux {self._linux}, but the host reports {self._facts['kernel']}"
        return ""

    def progress(self) -> str:
        """How far the host came, as a sentence without its full stop."""
        if "begin" in self._facts:
            return f"the host is up and {'ended' if self.finished() else 'began'} its report"
        if self._initrd:
            return "the initrd started the host, which did not reach its report"
        if self._linux:
            return f"{'dom0' if self._xen_line else 'the'} kernel {self._linux} started, its initrd did not finish"
        return "Xen started, its dom0 kernel did not" if self._xen_line else "neither Xen nor a kernel started"
