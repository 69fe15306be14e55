# SPDX-License-Identifier: LGPL-2.1-or-later
"""Files that iso.yaml adds: each mistake in words, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from planex.errors import ConfigError
from planex.host.definition import ExtraFile
from planex.host.extras import Extra, find_extras, place_extras

BASE = {"/EULA", "/images/install.img", "/isolinux/isolinux.bin"}
MADE = {"/planex", "/boot/xen.gz", "/EFI/BOOT/grub.cfg", "/SHA256SUMS"}


@pytest.fixture
def written(tmp_path: Path) -> Path:
    (tmp_path / "iso" / "hooks" / "deep").mkdir(parents=True)
    for name in ("licence", "hooks/a", "hooks/deep/b", "../secret"):
        (tmp_path / "iso" / name).write_text(name)
    (tmp_path / "iso" / "empty").mkdir()
    (tmp_path / "iso" / "link").symlink_to("../secret")
    return tmp_path / "iso" / "iso.yaml"


def found(written: Path, *wanted: tuple[str, str]) -> list[Extra]:
    return find_extras(written, [ExtraFile(source=source, path=path) for source, path in wanted])


def complaints(written: Path, *wanted: tuple[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        found(written, *wanted)
    assert {problem.path for problem in caught.value.problems} == {written}
    return [problem.message for problem in caught.value.problems]


def test_files_and_folders_are_found(written: Path) -> None:
    extras = found(written, ("licence", "/LICENCE"), ("hooks", "/hooks"))
    assert [(extra.path, extra.source.read_text()) for extra in extras] == [
        ("/LICENCE", "licence"),
        ("/hooks/a", "hooks/a"),
        ("/hooks/deep/b", "hooks/deep/b"),
    ]


def test_everything_that_is_wrong_comes_at_once(written: Path) -> None:
    wanted = [
        ("none", "/a"),
        ("../secret", "/b"),
        ("link", "/c"),
        ("empty", "/d"),
        ("licence", "/e"),
        ("hooks/a", "/e"),
    ]
    assert complaints(written, *wanted) == [
        "files: none is not in iso/",
        "files: ../secret leads out of iso/",
        "files: link leads out of iso/",
        "files: empty is a folder without a file",
        "files: two files for /e: licence and a",
    ]


def test_what_a_folder_holds_is_looked_at(written: Path) -> None:
    hooks = written.parent / "hooks"
    (hooks / "a").unlink()
    (hooks / "a").symlink_to("/etc/passwd")
    (hooks / "two words").write_text("")
    assert complaints(written, ("hooks", "/hooks"), ("licence", "/hooks/deep")) == [
        "files: hooks/a is no regular file",
        "files: '/hooks/two words' is no name that every boot loader can read: letters, digits and _ . + - only",
        "files: /hooks/deep is a file, and a folder of others",
    ]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/EULA", "/EULA is on the base ISO already; 'replace: true' beside it takes its place"),
        ("/images", "/images is a folder of the base ISO"),
        ("/EULA/x", "/EULA/x: /EULA is a file of the base ISO"),
        ("/planex/x.rpm", "/planex/x.rpm: planex makes /planex itself; choose another path"),
        ("/SHA256SUMS", "/SHA256SUMS: planex makes /SHA256SUMS itself; choose another path"),
    ],
)
def test_what_is_in_the_way_is_named(written: Path, path: str, message: str) -> None:
    extras = found(written, ("licence", path))
    with pytest.raises(ConfigError, match="files: ") as caught:
        place_extras(written, extras, BASE, MADE)
    assert [problem.message for problem in caught.value.problems] == [f"files: {message}"]


def test_a_file_of_the_base_is_replaced_where_that_is_said(written: Path) -> None:
    extras = find_extras(written, [ExtraFile(source="licence", path="/EULA", replace=True)])
    assert place_extras(written, extras, BASE, MADE) == {"/EULA": written.parent / "licence"}
    with pytest.raises(ConfigError, match="planex makes"):
        place_extras(written, extras, BASE, {"/EULA"})
