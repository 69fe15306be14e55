# SPDX-License-Identifier: LGPL-2.1-or-later
"""SHA256SUMS on a medium covers every byte of it: of files, and of what is between them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from planex.host import check_contents
from planex.host.examined import ExaminedIso
from planex.medium.bootrecords import BootRecords
from planex.medium.image import BLOCK, Image
from planex.medium.sums import SUMS, Sums, blank
from tests.unit.iso_factory import FIRST, Files, make_image

FILES: dict[str, str] = {"/a": "one", "/b": "two", "/sub/c": ""}


def signed(folder: Path, files: Files = FILES) -> Image:
    """An image whose SHA256SUMS is right."""
    image = make_image(folder / "x.iso", {SUMS: blank(files), **files})
    digests = {name: image.digest(name, "sha256") for name in files}
    sums = Sums(digests, image.digest_without([SUMS, *files], image.size), image.size)
    return make_image(folder / "x.iso", {SUMS: sums.text(), **files})


def found(image: Image) -> list[str]:
    iso = ExaminedIso.of(BootRecords("A"), image)
    return [str(finding) for finding in check_contents.check_sums(iso, check_contents.read_sums(iso))]


def test_a_medium_as_it_was_written_has_no_findings(tmp_path: Path) -> None:
    assert found(signed(tmp_path)) == []


@pytest.mark.parametrize("offset", [0, 16 * BLOCK, FIRST * BLOCK - 1])
def test_a_byte_that_is_no_files_is_covered(tmp_path: Path, offset: int) -> None:
    image = signed(tmp_path)
    with image.path.open("r+b") as file:
        file.seek(offset)
        file.write(b"!")
    assert found(image) == ["checksums: boot records, folders or gaps of the image are not as they were written"]


def test_what_is_listed_and_what_is_there_are_the_same(tmp_path: Path) -> None:
    whole = signed(tmp_path)
    files = {name: size for name, size in whole.files.items() if name != "/a"} | {"/z": 1, "/y": 1}
    spans = {name: whole.spans["/a" if name in ("/y", "/z") else name] for name in files}
    assert found(Image(whole.path, whole.size, files, spans)) == [
        "checksums: /a is listed in /SHA256SUMS, but not there",
        "checksums: /y is not listed in /SHA256SUMS",
        "checksums: /z is not listed in /SHA256SUMS",
        "checksums: boot records, folders or gaps of the image are not as they were written",
    ]


def test_bytes_that_are_gone_from_the_end_are_counted(tmp_path: Path) -> None:
    image = signed(tmp_path, {**FILES, "/sub/c": "x"})
    spans = {name: span for name, span in image.spans.items() if name != "/sub/c"}
    short = Image(image.path, image.size - BLOCK, {name: image.files[name] for name in spans}, spans)
    assert found(short) == [
        "checksums: /sub/c is listed in /SHA256SUMS, but not there",
        f"image: it is cut off: {BLOCK} bytes are gone from its end",
    ]


def test_sums_of_another_tool_say_nothing_of_the_rest(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"one").hexdigest()
    assert found(make_image(tmp_path / "x.iso", {SUMS: f"{digest}  ./a\n", "/a": "one", "/stray": ""})) == []


def test_names_in_any_bytes_can_be_listed(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"one").hexdigest()
    image = make_image(tmp_path / "x.iso", {SUMS: f"{digest}  ".encode() + b"\xff\n", "/\udcff": "one"})
    assert found(image) == []


def test_sums_that_a_treeinfo_promises_are_missed(tmp_path: Path) -> None:
    text = "[planex]\nsums = SHA256SUMS\n"
    assert found(make_image(tmp_path / "x.iso", {"/.treeinfo": text})) == [
        "checksums: /SHA256SUMS is not there, though .treeinfo names it"
    ]
    assert found(make_image(tmp_path / "y.iso", {"/.treeinfo": "[general]\nname = x\n"})) == []


def test_sums_that_are_none_are_one_sentence(tmp_path: Path) -> None:
    assert found(make_image(tmp_path / "x.iso", {SUMS: "hello\n"})) == [
        "checksums: /SHA256SUMS is damaged: line 1 is no checksum"
    ]
