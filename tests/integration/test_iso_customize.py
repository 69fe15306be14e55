# SPDX-License-Identifier: LGPL-2.1-or-later
"""Answers and arguments put on a finished ISO, and taken back."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from planex.cli import cli
from planex.errors import PlanexError
from planex.host.customise import ADDED, KICKSTART, ORIGINALS, customise, reset
from planex.medium.menuargs import with_arguments
from planex.medium.sums import SIGNATURE
from planex.medium.xorriso import look, xorriso
from tests.integration import tiny_iso

pytestmark = pytest.mark.tools(*tiny_iso.TOOLS)
GRUB, ISOLINUX = "/EFI/BOOT/grub.cfg", "/isolinux/isolinux.cfg"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("host")
    return tiny_iso.make_host(tiny_iso.make_base(folder), folder / "host")


def text(iso: Path, name: str) -> str:
    return look(iso)[1].read(name).decode()


def names(iso: Path) -> set[str]:
    return set(look(iso)[1].files)


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    (tmp_path / "answers").write_text("rootpw --lock\n")
    return tmp_path / "answers"


def test_the_same_is_there_in_both_menus_and_nothing_else_changes(host: Path, tmp_path: Path, answers: Path) -> None:
    done = customise(host, tmp_path / "out.iso", answers, "one=1 two")
    assert done.changed == (GRUB, ISOLINUX, KICKSTART)
    assert text(done.iso, KICKSTART) == "rootpw --lock\n"
    assert (
        "  module2 /boot/vmlinuz root=live:CDLABEL=TINY-HOST-WITH-A-LONG-LABEL-1.0 rd.live.image one=1 two\n"
        in text(done.iso, GRUB)
    )
    assert " rd.live.image one=1 two --- /boot/initrd.img\n" in text(done.iso, ISOLINUX)
    assert text(done.iso, GRUB).replace(" one=1 two", "") == text(host, GRUB)
    assert text(done.iso, ISOLINUX).replace(" one=1 two", "") == text(host, ISOLINUX)
    assert names(done.iso) - names(host) == {
        KICKSTART,
        ADDED,
        *(f"{ORIGINALS}{name}.orig" for name in (GRUB, ISOLINUX)),
    }
    assert look(done.iso)[0].label == look(host)[0].label


def test_the_same_twice_gives_the_same_bytes(host: Path, tmp_path: Path, answers: Path) -> None:
    one = customise(host, tmp_path / "1.iso", answers, "x")
    assert customise(host, tmp_path / "2.iso", answers, "x").sha256 == one.sha256


def test_what_is_customised_again_starts_from_the_original(host: Path, tmp_path: Path, answers: Path) -> None:
    first = customise(host, tmp_path / "1.iso", answers, "first")
    second = customise(first.iso, tmp_path / "2.iso", None, "second")
    assert "first" not in text(second.iso, GRUB) + text(second.iso, ISOLINUX)
    assert " second\n" in text(second.iso, GRUB)
    assert text(second.iso, KICKSTART) == "rootpw --lock\n"
    back = reset(second.iso, tmp_path / "3.iso")
    assert names(back.iso) == names(host)
    assert all(text(back.iso, name) == text(host, name) for name in (GRUB, ISOLINUX))
    with pytest.raises(PlanexError, match="was not customised"):
        reset(back.iso, tmp_path / "4.iso")
    assert not (tmp_path / "4.iso").exists()


def test_nothing_is_written_over(host: Path, tmp_path: Path, answers: Path) -> None:
    (tmp_path / "out.iso").write_text("precious")
    with pytest.raises(PlanexError, match=r"out\.iso exists"):
        customise(host, tmp_path / "out.iso", answers, "")
    assert (tmp_path / "out.iso").read_text() == "precious"


def test_a_menu_hidden_in_the_efi_image_is_told(host: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from planex.host import customise as module
    from planex.medium.bootimage import EfiImage

    hidden = EfiImage("efiboot.img", {"/EFI/BOOT/grub.cfg": b"linux /vmlinuz a\n"})
    monkeypatch.setattr(module, "efi_images", lambda image, records: [hidden])
    with pytest.raises(PlanexError, match="has a whole menu of its own"):
        customise(host, tmp_path / "out.iso", None, "x")


def test_a_signature_does_not_outlive_what_it_proved(host: Path, tmp_path: Path, answers: Path) -> None:
    signed = customise(host, tmp_path / "signed.iso", answers, "")
    assert not signed.was_signed
    (tmp_path / "asc").write_text("signature")
    from planex.medium.xorriso import xorriso

    commands = ["-indev", f"stdio:{host}", "-outdev", f"stdio:{tmp_path}/with.iso", "-boot_image", "any", "replay"]
    xorriso([*commands, "-map", str(tmp_path / "asc"), SIGNATURE], tiny_iso.EPOCH)
    done = customise(tmp_path / "with.iso", tmp_path / "out.iso", answers, "")
    assert done.was_signed
    assert SIGNATURE not in names(done.iso)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "say what to put on it"),
        (["--reset", "--args", "x"], "say what to put on it"),
        (["--args", 'a "b"'], "cannot stand in a boot menu"),
        (["--args", "a --- b"], "cannot stand in a boot menu"),
    ],
)
def test_what_makes_no_sense_is_refused(host: Path, tmp_path: Path, options: list[str], words: str) -> None:
    done = CliRunner().invoke(cli, ["iso", "customize", str(host), str(tmp_path / "x.iso"), *options])
    assert done.exit_code == 2
    assert words in done.output


def test_a_damaged_list_of_what_was_added(host: Path, tmp_path: Path, answers: Path) -> None:
    (tmp_path / "added").write_bytes(b"\xff\xfe")
    damaged = tmp_path / "damaged.iso"
    xorriso(["-indev", str(host), "-outdev", str(damaged), "-map", str(tmp_path / "added"), ADDED, "-commit"])
    with pytest.raises(PlanexError, match="is damaged"):
        customise(damaged, tmp_path / "out.iso", answers, "")


def test_the_command_says_what_it_did(host: Path, tmp_path: Path, answers: Path) -> None:
    out = tmp_path / "x.iso"
    done = CliRunner().invoke(cli, ["iso", "customize", str(host), str(out), "--kickstart", str(answers)])
    assert done.exit_code == 0, done.output
    assert f"changed  {KICKSTART}" in done.output


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("/a/grub.cfg", "  linux /k a\n  initrd /i\n", "  linux /k a X\n  initrd /i\n"),
        ("/a/grub.cfg", "  linuxefi /k\r\n", "  linuxefi /k X\r\n"),
        ("/a/grub.cfg", "multiboot2 /x\nmodule2 /k\nmodule2 /i\n", "multiboot2 /x\nmodule2 /k X\nmodule2 /i\n"),
        ("/a/grub.cfg", "echo linux /k", "echo linux /k"),
        ("/isolinux.cfg", "  APPEND initrd=/i a\n", "  APPEND initrd=/i a X\n"),
        ("/isolinux.cfg", "append /x a --- /k b --- /i\n", "append /x a --- /k b X --- /i\n"),
    ],
)
def test_arguments_go_to_kernels_alone(path: str, before: str, after: str) -> None:
    assert with_arguments(path, before, "X") == after
