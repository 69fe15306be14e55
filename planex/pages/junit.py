# SPDX-License-Identifier: LGPL-2.1-or-later
"""What became of packages, or of boots, as JUnit XML, which CI systems show: a test case each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from xml.etree import ElementTree

from planex.events import Event, PackageEnded, PackageLeftOut, PackagePlanned, RunFailed, Status
from planex.machine.matrix import CellResult
from planex.printable import printable, without_passwords

_NO_XML = re.compile("[\ufffe\uffff]")
"""What XML cannot hold, besides what printable escapes."""


def junit_xml(events: Iterable[Event], suite: str) -> str:
    """The events of one build, in their order. ``suite`` names what was built for.

    A package that was to be built and never ended counts as skipped. The error that ended the run is a case of its
    own where no package has failed.
    """
    told = tuple(events)
    cases = {}
    for event in told:
        if isinstance(event, PackageLeftOut | PackagePlanned | PackageEnded):
            cases[event.package] = _package(event, suite)
    rows = list(cases.values())
    if not any(row.find("failure") is not None for row in rows):
        rows += [_run(event, suite) for event in told if isinstance(event, RunFailed)]
    return _document(_suite(rows, suite, told[0].time if told else 0.0))


def boots_junit(results: Iterable[CellResult], suite: str, began: float) -> str:
    """Boots of an ISO, by their names; ``began``: when the first did, in seconds of the epoch."""
    return _document(_suite([_boot(result, suite) for result in results], suite, began))


def _boot(result: CellResult, suite: str) -> ElementTree.Element:
    case = _case(result.cell.name, suite, result.seconds)
    if result.fault:
        return _with(case, "failure", result.fault, f"{result.tail}\nserial console: {result.log}")
    ElementTree.SubElement(case, "system-out").text = _text(result.said)
    return case


def _document(suite: ElementTree.Element) -> str:
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(rows: list[ElementTree.Element], suite: str, began: float) -> ElementTree.Element:
    kinds = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    counts = {name: str(sum(row.find(kind) is not None for row in rows)) for name, kind in kinds.items()}
    total = sum(float(row.get("time", "0")) for row in rows)
    moment = datetime.fromtimestamp(began, UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    head = {"name": _text(suite), "tests": str(len(rows)), **counts, "time": f"{total:.3f}", "timestamp": moment}
    element = ElementTree.Element("testsuite", head)
    element.extend(rows)
    return element


def _package(event: PackageLeftOut | PackagePlanned | PackageEnded, suite: str) -> ElementTree.Element:
    match event:
        case PackageLeftOut(package=package, reason=reason):
            return _with(_case(package, suite), "skipped", reason)
        case PackagePlanned(package=package, action="keep"):
            return _case(package, suite)
        case PackagePlanned(package=package):
            return _with(_case(package, suite), "skipped", "the run ended before it")
        case PackageEnded(status=Status.SKIPPED | Status.POSTPONED, package=package, reason=reason):
            return _with(_case(package, suite), "skipped", reason or "the run ended before it")
        case PackageEnded(status=Status.FAILED, package=package, reason=reason):
            log = (f"log: {event.log}",) if event.log else ()
            return _with(_case(package, suite, event.seconds), "failure", reason, "\n".join([event.tail, *log]))
    return _case(event.package, suite, event.seconds)


def _run(event: RunFailed, suite: str) -> ElementTree.Element:
    text = "\n".join(filter(None, [*event.problems, event.tail, event.log, event.hint]))
    return _with(_case("planex build", suite), "error", event.message, text)


def _case(name: str, suite: str, seconds: float = 0.0) -> ElementTree.Element:
    return ElementTree.Element("testcase", classname=_text(suite), name=_text(name), time=f"{seconds:.3f}")


def _with(case: ElementTree.Element, kind: str, message: str, text: str = "") -> ElementTree.Element:
    ElementTree.SubElement(case, kind, message=_text(message)).text = _text(text) or None
    return case


def _text(text: str) -> str:
    return _NO_XML.sub("?", printable(without_passwords(text)))
