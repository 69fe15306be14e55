# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex boot`` and ``planex iso check`` of what is no ISO: one line at once, and no virtual machine."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from planex.printable import printable
from tests.integration import tiny_iso
from tests.integration.damage import added


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    (tmp_path / "random").write_bytes(random.Random(1).randbytes(100_000))
    (tmp_path / "folder").mkdir()
    return tmp_path


@pytest.mark.parametrize("command", [["boot"], ["iso", "check"]], ids=" ".join)
@pytest.mark.parametrize(
    ("name", "status", "message"),
    [
        ("pipe", 1, "pipe is a pipe, not a file"),
        ("empty", 1, "empty is not an ISO image: it is empty"),
        ("random", 1, "random is not an ISO image: it has no ISO 9660 volume descriptor"),
        ("/dev/zero", 1, "/dev/zero is a device, not a file"),
        ("folder", 2, "File 'folder' is a directory."),
        ("none", 2, "File 'none' does not exist."),
    ],
)
def test_what_is_no_iso_is_told_at_once(folder: Path, command: list[str], name: str, status: int, message: str) -> None:
    words = [sys.executable, "-m", "planex", *command, name]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def check(iso: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "planex", "iso", "check", str(iso)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("host")
    return tiny_iso.make_host(tiny_iso.make_base(folder), folder / "host")


@pytest.mark.tools(*tiny_iso.TOOLS)
@pytest.mark.parametrize("seed", range(6))
def test_an_iso_full_of_wrong_bytes_is_refused_in_few_lines(host: Path, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    data = bytearray(host.read_bytes())
    for _ in range(200):
        data[chance.randrange(16 * 2048, 60 * 2048)] ^= 1 + chance.randrange(255)
    (tmp_path / "x.iso").write_bytes(data)
    done = check(tmp_path / "x.iso")
    assert done.returncode == 1
    assert "error: " in done.stderr


@pytest.mark.tools(*tiny_iso.TOOLS)
@pytest.mark.parametrize(
    "name", ["/a\nFile data lba:  0 , 1 , 1 , 5 , '/b'\n", "/q'uo\"te", "/back\\slash", "/\x1b[31m"]
)
def test_any_name_of_a_file_is_one_line_of_a_finding(host: Path, tmp_path: Path, name: str) -> None:
    added(name, b"x")(host, tmp_path / "x.iso")
    done = check(tmp_path / "x.iso")
    shown = printable(name.replace("\n", "\\n"))
    assert f"  checksums: {shown} is not listed in /SHA256SUMS\n" in done.stderr


REPOMD = "/planex/repodata/repomd.xml"
BAD_METADATA = {
    "empty": (b"", "Document is empty"),
    "binary": (bytes(range(256)), "Document is empty"),
    "outside": (
        b'<repomd><data type="primary"><location href="../../etc/passwd"/></data></repomd>',
        "../../etc/passwd is no path in the repository",
    ),
}


@pytest.mark.tools(*tiny_iso.TOOLS)
@pytest.mark.parametrize(("data", "reason"), BAD_METADATA.values(), ids=BAD_METADATA)
def test_bad_metadata_are_one_sentence(host: Path, tmp_path: Path, data: bytes, reason: str) -> None:
    added(REPOMD, data)(host, tmp_path / "x.iso")
    (line,) = [line for line in check(tmp_path / "x.iso").stderr.splitlines() if "repository: " in line]
    assert line.startswith(f"  repository: {REPOMD}: its metadata cannot be read: ")
    assert reason in line or "Extra content" in line
