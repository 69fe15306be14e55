# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whatever stands in a file that planex reads: a value or a PlanexError, in bounded time, and nothing else."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planex.base.archive import Resolution
from planex.base.control import parse_fields, parse_stanzas, to_evr
from planex.base.definition import Definition
from planex.checksums import checksum_text, read_checksums
from planex.content import records
from planex.distro.config import Config
from planex.distro.recipe import Settings
from planex.errors import PlanexError
from planex.git.files import File, FileSet
from planex.host.definition import IsoDefinition
from planex.host.manifest import Manifest
from planex.medium import metadata
from planex.medium.bootrecords import parse_records
from planex.medium.metadata import Product
from planex.medium.references import escape, label_uses, references, unescape
from planex.medium.xorriso import parse_listing
from planex.patchqueue.apply.exact import apply_exactly
from planex.patchqueue.commits.commits import Records
from planex.patchqueue.format.diff import DiffError, parse_diff
from planex.patchqueue.format.message import format_header, format_message, message_of, parse_message, signature_of
from planex.patchqueue.format.queue import Patch
from planex.patchqueue.format.series import make_entry, parse_series
from planex.rebase.state import State
from planex.schema import Model, parse

SECONDS = 5.0
"""Of the clock, on a machine with other work; the inputs here take milliseconds."""
PATH = Path("folder/file")


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """A PlanexError is as good as a value; all else, and too long a time, fails."""
    started = time.monotonic()
    with contextlib.suppress(PlanexError):
        yield
    assert time.monotonic() - started < SECONDS


def lines_of(*pieces: str) -> st.SearchStrategy[str]:
    """Texts made of the pieces that mean something in a format, and of anything else."""
    piece = st.sampled_from([*pieces, "\n", " ", "\t", "\r", "\0", "\x1b", "\udcff", "é", "\u2028"])
    return st.lists(piece | st.text(max_size=5) | st.integers().map(str), max_size=40).map("".join)


@given(lines_of("SHA512 (", "SHA256 (", ") = ", "a" * 128, "b" * 64, "#", "name"))
def test_checksum_files(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "sources"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with bounded():
        found = read_checksums(path)
        path.write_bytes(checksum_text(found).encode("utf-8", "surrogateescape"))
        assert read_checksums(path) == found


@given(lines_of("a.patch", "#+el9", "#-x", "# remark", "-p1", "-p", "ab", "-R", "../", "/", "#"))
def test_series(text: str) -> None:
    with bounded():
        series = parse_series(text, PATH)
        assert parse_series(series.text(), PATH).text() == series.text()
        for entry in series.entries:
            entry.applies({"el9"})


PATCH_PIECES = (
    b"From ", b"a" * 40, b" Mon Sep 17 00:00:00 2001\n", b"From: ", b"Date: ", b"Subject: ", b"[PATCH 1/2] ",
    b"Origin: ", b"Description: ", b"=?utf-8?q?", b"=?x?b?", b"?=", b"---\n", b"--- a/f\n", b"+++ b/f\n",
    b"+++ /dev/null\n",
    b"--- /dev/null\n", b"@@ -1 +1 @@\n", b"@@ -1,2 +1,3 @@ x\n", b"@@ -0,0 +1 @@\n", b"@@ -9,1 +9,0 @@\n", b"-one\n",
    b"+two\n", b" three\n", b"\\ No newline at end of file\n", b"diff --git a/f b/f\n", b'diff --git "a/\\777" "b/x"\n',
    b"index 123..456 100644\n", b"new file mode 100644\n", b"deleted file mode 120000\n", b"old mode 1\n",
    b"new mode \n", b"rename from f\n", b"rename to g\n", b"copy from ../x\n", b"copy to \n",
    b"similarity index 100%\n",
    b"GIT binary patch\n", b"literal 3\n", b"Binary files a and b differ\n", b"*** a/f\n", b"*** 1,2 ****\n",
    b"Index: f\n", b"\n", b"\r\n", b"\0", b"\xff", b" folded\n", b"(cherry picked from commit ", b"+0000",
    b"31 Feb 99999", b"2024-01-01T00:00:00+99:99", b'"', b"<", b">", b"@", b"Patch-name: x\n", b"Patch-strip: 99\n",
)  # fmt: skip
PATCHES = st.lists(st.sampled_from(PATCH_PIECES) | st.binary(max_size=6), max_size=40).map(b"".join)


@given(PATCHES, st.integers(0, 3))
@settings(max_examples=300)
def test_patches(data: bytes, strip: int) -> None:
    with bounded():
        patch = Patch(make_entry("x.patch", strip), PATH, data)
        assert patch.empty in (True, False)
        assert patch.damage is None or str(patch.damage)
        author = signature_of(patch.header)
        message = message_of(patch)
        assert "\n" not in str(author)
        assert parse_message(format_message(message)).strip == strip
        format_header(message, author)
        assert patch.diff.added + patch.diff.removed >= 0


@given(PATCHES, st.integers(0, 3), st.binary(max_size=50))
@settings(max_examples=300)
def test_hunks_are_applied_or_left_to_patch(data: bytes, strip: int, content: bytes) -> None:
    with bounded():
        try:
            diff = parse_diff(data, strip)
        except DiffError as error:
            assert error.line >= 1
            return
        files = FileSet(lambda path: File(content) if path in ("f", "a/f") else None)
        applied = apply_exactly(diff, data, files)
        assert applied is None or set(applied.changes) <= {*diff.paths}


PRODUCT = Product("p", "1", "x86_64", 0, "repo")


@given(
    lines_of(
        "[general]", "[checksums]", "[DEFAULT]", "[tree]", "variants", " = ", "=", ":", "sha256:", "[", "]", "%(x)s"
    )
)
def test_treeinfo_and_discinfo(text: str) -> None:
    with bounded():
        metadata.checksums(text)
    with bounded():
        new = metadata.update_treeinfo(text, PRODUCT, {"images/a": "0" * 64, "gone": ""})
        assert metadata.checksums(new)["images/a"] == "sha256:" + "0" * 64
    with bounded():
        assert metadata.update_discinfo(text, PRODUCT).startswith("0.000000\np 1\n")


MENU = lines_of(
    "label x\n", "kernel ", "append ", "initrd=", " --- ", "menu include ", "search --label ", "-l ", "linux ",
    "root=live:CDLABEL=", "module2 ", "($root)", "${root}", "/vmlinuz", "'", '"', "\\x20", "\\", "#", "LABEL=",
    "include ", "../..",
)  # fmt: skip


@given(MENU, st.sampled_from(["/isolinux/isolinux.cfg", "/EFI/BOOT/grub.cfg", "grub.cfg"]))
def test_menus(text: str, name: str) -> None:
    with bounded():
        assert all(reference.line >= 1 for reference in references(name, text))
        assert all(use.label or not use.label for use in label_uses(name, text))


@given(st.text(st.characters(codec="ascii"), max_size=40), lines_of("LABEL=", "A B", "\\x20"))
def test_labels(label: str, text: str) -> None:
    with bounded():
        assert unescape(escape(label)) == label
        metadata.mentions_label(text, label)
        metadata.replace_label(text, label, "NEW\\1")


XORRISO = lines_of(
    "File data lba:", " , ", "'", "/a", "El Torito boot img : ", "BIOS y none ", "El Torito img path : ", ":", "1",
    "GPT type GUID : ", "MBR partition : ", "Volume Id : ",
)  # fmt: skip


@given(XORRISO)
def test_answers_of_xorriso(text: str) -> None:
    with bounded():
        assert all(size >= 0 for size in parse_listing(text, Path("x.iso"), 1 << 20).files.values())
    with bounded():
        parse_records(text)


CONTROL = lines_of(
    "Package: a\n", "Version: 1:2-3\n", "Architecture: all\n", "Filename: x\n", "SHA256: 0\n", "Size: 5\n", "Depends: ",
    "Provides: ", "a (= 1)", ", ", " | ", ":any", "(>= ", ")", "\n\n", "Size: x\n", "Description: y\n", " more\n",
)  # fmt: skip


@given(CONTROL)
@settings(max_examples=300)
def test_deb_control(text: str) -> None:
    with bounded():
        for package in parse_stanzas(text):
            assert package.evr.plain
            assert package.file
        parse_fields(text)
    with bounded():
        to_evr(text)


YAML = lines_of(
    "name", "version", "targets", "guards", "variables", "mirrors", "boot", ": ", "- ", "[", "]", "{", "}", "&a ", "*a",
    "<<: ", "!!binary ", "!!python/x ", "? ", "|\n", ">\n", "'", '"', "\\x", "1:1:1", "0x", ".inf", "2001-01-01", "~",
    "yes", "--- ", "...\n", "%YAML 9.9\n", "\n  ",
)  # fmt: skip


@given(YAML, st.sampled_from([Config, Settings, IsoDefinition, Definition]))
@settings(max_examples=400)
def test_yaml(text: str, model: type[Model]) -> None:
    with bounded():
        assert isinstance(parse(text, model, PATH), model)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KINDS: list[type] = [Config, Settings, IsoDefinition, Definition]


@given(st.data(), st.sampled_from(KINDS))
@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_models_with_values_of_any_type(data: st.DataObject, model: type[Model]) -> None:
    import yaml

    fields = data.draw(st.dictionaries(st.sampled_from(list(model.model_fields)), VALUES, max_size=4))
    with bounded():
        parse(yaml.safe_dump(fields), model, PATH)


@given(st.sampled_from([State, Manifest, Resolution, Records]), st.data())
@settings(max_examples=200)
def test_records_of_json(kind: type, data: st.DataObject) -> None:
    names = list(kind.__dataclass_fields__)  # type: ignore[attr-defined]
    fields = data.draw(st.dictionaries(st.sampled_from(names), VALUES))
    with bounded():
        records.parse(json.dumps({"format": 1, **fields}).encode(), kind, 1)


JSON = lines_of('{"format": 1', "[", "]", "{", "}", ",", '"', "null", "1e999")


@given(st.binary(max_size=60) | JSON.map(lambda text: text.encode("utf-8", "replace")))
def test_records_of_any_bytes(data: bytes) -> None:
    with bounded():
        records.parse(data, State, 1)
