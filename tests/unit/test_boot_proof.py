# SPDX-License-Identifier: LGPL-2.1-or-later
"""The proof: only what the booted host itself says counts, and only when it is all there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planex.machine.proof import Listener, Proof, readable

CONSOLE = """\
BdsDxe: starting Boot0001 "UEFI QEMU DVD-ROM QM00001 "\r
\x1b[2J\x1b[01;01Hplanex host 1.0\r
 __  __            _  _    ____   ___   _____ \r
(XEN) Xen version 4.20.3 (planex@planex) (gcc (Debian 12.2.0-14) 12.2.0) debug=n Mon Nov 23 10:00:00 UTC 2026\r
(XEN) Latest ChangeSet: unavailable\r
[    0.000000] Linux version 6.12.107 (mockbuild@planex) (gcc) #1 SMP\r
initrd: starting the live host\r
\x1b[0;32m  OK  \x1b[0m] Reached target multi-user.target.\r
planex-host login: \r
planex-boot-report: begin\r
planex-boot-report: kernel 6.12.107\r
planex-boot-report: xen 4.20.3\r
planex-boot-report: xl info\r
host                   : planex-host\r
(XEN) a message in between\r
[   12.345678] another one\r
xen_version            : 4.20.3\r
planex-boot-report: xl list\r
Name                                        ID   Mem VCPUs\tState\tTime(s)\r
Domain-0                                     0  1024     1     r-----      12.2\r
planex-boot-report: failed-units 1\r
foo.service loaded failed failed Foo\r
planex-boot-report: end\r
"""


def hear(text: str) -> Listener:
    listener = Listener()
    listener.feed(text)
    return listener


def test_whole_console_is_a_proof() -> None:
    proof = hear(CONSOLE).proof()
    assert isinstance(proof, Proof)
    assert proof.xen_line.startswith("(XEN) Xen version 4.20.3 (planex@planex)")
    assert (proof.xen, proof.kernel) == ("4.20.3", "6.12.107")
    assert proof.xl_info == "host                   : planex-host\nxen_version            : 4.20.3"
    assert proof.xl_list.splitlines()[1].startswith("Domain-0")
    assert proof.failed_units == ("foo.service",)


@given(st.lists(st.integers(0, len(CONSOLE)), max_size=8))
def test_where_the_text_is_cut_does_not_matter(cuts: list[int]) -> None:
    listener, start = Listener(), 0
    for end in [*sorted(cuts), len(CONSOLE)]:
        listener.feed(CONSOLE[start:end])
        start = end
    assert listener.proof() == hear(CONSOLE).proof()


@pytest.mark.parametrize(
    ("old", "lack"),
    [
        ("(XEN) Xen version", "Xen's version line"),
        ("planex-boot-report: kernel 6.12.107", "the report's line 'kernel'"),
        ("planex-boot-report: xen 4.20.3", "the report's line 'xen'"),
        ("planex-boot-report: begin", "the report's line 'begin'"),
        ("xen_version   ", "the output of 'xl info'"),
        ("Domain-0    ", "Domain-0 in the output of 'xl list'"),
        ("planex-boot-report: end", "the report's line 'end'"),
    ],
)
def test_every_part_is_needed(old: str, lack: str) -> None:
    assert old in CONSOLE
    listener = hear(CONSOLE.replace(old, "x"))
    assert listener.proof() is None
    assert lack in listener.missing()


def test_host_that_never_reports_lacks_one_thing() -> None:
    text = CONSOLE[: CONSOLE.index("planex-boot-report: begin")]
    assert hear(text).missing() == ["the host's report (planex-boot-report: ...)"]


def test_xl_list_elsewhere_is_no_proof() -> None:
    """Domain-0 on the console by other means than the report, as in a login session, does not count."""
    text = CONSOLE.replace("planex-boot-report: xl list", "# xl list")
    assert "Domain-0 in the output of 'xl list'" in hear(text).missing()


def test_host_without_xen_is_no_proof() -> None:
    text = CONSOLE.replace("planex-boot-report: xen 4.20.3", "planex-boot-report: xen none")
    assert hear(text).proof() is None
    assert hear(text).contradiction() == "the host runs without Xen"


def test_contradictions_are_no_proof() -> None:
    other_xen = hear(CONSOLE.replace("report: xen 4.20.3", "report: xen 4.17.5"))
    assert other_xen.proof() is None
    assert other_xen.contradiction() == "the console shows Xen 4.20.3, but the host reports Xen 4.17.5"
    other_kernel = hear(CONSOLE.replace("Linux version 6.12.107", "Linux version 6.1.0"))
    assert other_kernel.contradiction() == "the console shows Linux 6.1.0, but the host reports 6.12.107"


def test_report_that_begins_anew_replaces_the_first() -> None:
    report = CONSOLE[CONSOLE.index("planex-boot-report: begin") :]
    broken = report.replace("Domain-0", "Domain-X").replace("planex-boot-report: end", "")
    head = CONSOLE[: CONSOLE.index("planex-boot-report: begin")]
    assert hear(head + broken + report).proof() == hear(CONSOLE).proof()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("(XEN) Panic on CPU 0:", "Xen panicked"),
        ("(XEN) Hardware Dom0 crashed: rebooting machine in 5 seconds.", "dom0 crashed"),
        ("[    1.000000] Kernel panic - not syncing: VFS", "the kernel panicked"),
        ("initrd: ERROR: no medium labelled X came up within 60 s", "the initrd gave up"),
        ("You are in emergency mode. After logging in", "the host fell into emergency mode"),
        ("Could not find kernel image: mboot.c32", "the boot loader did not find a file"),
        ("error: file `/boot/xen.gz' not found.", "the boot loader did not find a file"),
        ("error: no multiboot header found.", "the boot loader failed"),
        ("No medium labelled X with /EFI/BOOT/grub.cfg was found.", "GRUB found no menu"),
        ("BdsDxe: No bootable option or device was found.", "the firmware found nothing to start"),
    ],
)
def test_hopeless_lines(line: str, reason: str) -> None:
    assert hear(f"SeaBIOS\n{line}\n").fatal == f"{reason}: {line}"


def test_prompt_of_grub_is_seen_without_a_line_end() -> None:
    assert hear("\ngrub> ").fatal.startswith("GRUB found no menu")


def test_harmless_lines_are_not_fatal() -> None:
    assert hear("error: no suitable video mode found.\n").fatal == ""
    assert hear("(XEN) Xen version 4.20.3 (x)\nerror: of some program\n").fatal == ""


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        ("(XEN) Xen", "neither Xen nor a kernel started"),
        ("[    0.000000]", "Xen started, its dom0 kernel did not"),
        ("initrd: starting", "dom0 kernel 6.12.107 started, its initrd did not finish"),
        ("planex-boot-report: begin", "the initrd started the host, which did not reach its report"),
        ("planex-boot-report: end", "the host is up and began its report"),
        ("THE END", "the host is up and ended its report"),
    ],
)
def test_progress_in_words(until: str, expected: str) -> None:
    assert hear((CONSOLE + "THE END").partition(until)[0]).progress() == expected


def test_readable_text_has_no_escapes_and_no_empty_lines() -> None:
    assert readable("\x1b[2J\x1b[01;01HMenu\r\n\r\n\x1b[?25lnext\x1b[0m\r\n") == "Menu\nnext"
