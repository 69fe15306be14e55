# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a build left is taken only if it is what the spec promises: real RPMs, and all that may stand in their place."""

from __future__ import annotations

import io
import os
import random
import shutil
import socket
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planex.distro.config import LintSettings
from planex.engine import outputs
from planex.engine.lint import RULES
from planex.engine.outputs import (
    Accepted,
    MissingOutput,
    OutputLimits,
    RefusedOutput,
    Rules,
    accept,
    payload_problems,
    promised,
)
from planex.errors import PlanexError
from planex.rpm.index import Index
from planex.rpm.rpmfile import BadRpm, Rpm, RpmEntry, read_rpm
from planex.run import run
from tests.unit.factories import capability, indexed, package, subpackage
from tests.unit.rpm_factory import make_rpm, promising

pytestmark = pytest.mark.tools("rpmbuild")

NAME = "foo-1-1.noarch.rpm"
INSTALL = """\
mkdir -p %{buildroot}/usr/bin %{buildroot}/usr/share/foo
echo "some text that is packed" >%{buildroot}/usr/bin/foo
ln -s ../share/foo %{buildroot}/usr/bin/link
"""
FILES = "/usr/bin/foo\n/usr/bin/link\n%dir /usr/share/foo"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_rpm(tmp_path_factory.mktemp("made"), install=INSTALL, files=FILES)


@pytest.fixture(scope="module")
def data(made: Path) -> bytes:
    return made.read_bytes()


@pytest.fixture
def left(tmp_path: Path, made: Path) -> Path:
    """A folder as a build leaves it."""
    folder = tmp_path / "work" / "RPMS"
    folder.mkdir(parents=True)
    shutil.copy(made, folder / NAME)
    (tmp_path / "taken").mkdir()
    return folder


def take(left: Path, rules: Rules | None = None, *more: str) -> Accepted:
    return accept(left, left.parent, promising("foo", *more), left.parents[1] / "taken", rules or Rules())


def taken(left: Path) -> list[str]:
    return sorted(path.name for path in (left.parents[1] / "taken").iterdir())


def test_what_was_promised_is_copied_read_only(left: Path) -> None:
    assert take(left) == Accepted((NAME,), (), ())
    copy = left.parents[1] / "taken" / NAME
    assert copy.read_bytes() == (left / NAME).read_bytes()
    assert copy.stat().st_ino != (left / NAME).stat().st_ino
    assert (copy.stat().st_mode, copy.stat().st_nlink) == (stat.S_IFREG | 0o444, 1)


def test_rpms_may_be_in_a_folder_for_their_architecture_and_an_srpm_is_left_alone(left: Path) -> None:
    (left / "noarch").mkdir()
    (left / NAME).rename(left / "noarch" / NAME)
    (left / "foo-1-1.src.rpm").write_text("not taken")
    (left / "build.log").write_text("not taken")
    take(left)
    assert taken(left) == [NAME]


def link_to_host(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def listen(path: Path) -> None:
    path.unlink()
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def flip(at: int) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[at] ^= 1
        path.write_bytes(data)

    return change


def renamed(path: Path) -> None:
    path.rename(path.with_name("bar-1-1.noarch.rpm"))
    shutil.copy(path.with_name("bar-1-1.noarch.rpm"), path)


def twice(path: Path) -> None:
    (path.parent / "noarch").mkdir()
    shutil.copy(path, path.parent / "noarch" / path.name)


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "link to a file of the host": (link_to_host, f"{NAME} is a symbolic link, not a file"),
    "hard link": (lambda path: os.link(path, path.with_name("other")), f"{NAME} is a hard link"),
    "FIFO": (pipe, f"{NAME} is a FIFO, not a file"),
    "socket": (listen, f"{NAME} is a socket, not a file"),
    "folder": (folder, f"{NAME} is a folder, not a file"),
    "11 bytes": (lambda path: path.write_bytes(b"hello world"), f"{NAME}: it ends within its lead"),
    "empty": (lambda path: path.write_bytes(b""), f"{NAME}: it ends within its lead"),
    "text": (lambda path: path.write_bytes(b"x" * 5000), f"{NAME}: it is no RPM"),
    "1 TiB of nothing": (sparse, f"{NAME} is too large: 1099511627776 bytes"),
    "truncated payload": (lambda path: os.truncate(path, path.stat().st_size - 3), f"{NAME}: its payload does not"),
    "longer payload": (lambda path: path.write_bytes(path.read_bytes() + b"x"), f"{NAME}: its payload does not"),
    "flipped byte of the payload": (flip(-5), f"{NAME}: its payload does not"),
    "flipped byte of the lead": (flip(0), f"{NAME}: it is no RPM"),
    "source": (flip(7), f"{NAME}: it is no binary RPM"),
    "extra": (renamed, "bar-1-1.noarch.rpm is no RPM that the spec promises"),
    "twice": (twice, f"{NAME} was made twice"),
    "escapes": (lambda path: path.with_name("a\x1b[2J\n.rpm").write_text(""), "a\\x1b[2J\\n.rpm is no RPM that"),
    "no UTF-8": (lambda path: Path(os.fsdecode(bytes(path.parent) + b"/\xff.rpm")).write_text(""), "is no RPM that"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_whatever_else_stands_there_is_one_error_that_names_it(left: Path, what: str) -> None:
    change, words = HOSTILE[what]
    change(left / NAME)
    with pytest.raises(RefusedOutput) as caught:
        take(left)
    assert words in caught.value.message
    assert len(caught.value.message.splitlines()) == 1


def test_a_wrong_name_is_found_in_the_header(left: Path, made: Path) -> None:
    shutil.copy(made, left / "bar-1-1.noarch.rpm")
    with pytest.raises(RefusedOutput, match=r"bar-1-1.noarch.rpm: it says of itself that it is foo-1-1.noarch.rpm"):
        take(left, None, "bar")


def test_what_is_missing_is_named(left: Path) -> None:
    with pytest.raises(MissingOutput, match=r"did not make bar-1-1.noarch.rpm$"):
        take(left, None, "bar")


@pytest.mark.parametrize("depth", [0, 1])
def test_a_folder_that_became_a_link_is_not_entered(left: Path, depth: int) -> None:
    """The build owns the folders above its RPMs as well, and may put a link to the host in their place."""
    place = left.parent / "builddir" / "RPMS"
    place.parent.mkdir()
    left.rename(place)
    moved = (place, place.parent)[depth]
    moved.rename(moved.with_name("moved"))
    moved.symlink_to("moved")
    with pytest.raises(RefusedOutput, match="the build left no folder RPMS with RPMs"):
        accept(place, left.parent, promising("foo"), left.parents[1] / "taken", Rules())


def test_a_subfolder_that_is_a_link_is_not_entered(left: Path, tmp_path: Path) -> None:
    (left / NAME).rename(tmp_path / NAME)
    (left / "noarch").symlink_to(tmp_path)
    with pytest.raises(MissingOutput):
        take(left)


@pytest.mark.parametrize("limits", [OutputLimits(file=100), OutputLimits(total=100)])
def test_there_are_limits_of_size(left: Path, limits: OutputLimits) -> None:
    with pytest.raises(RefusedOutput, match=f"{NAME} is too large: .* 100 are allowed"):
        take(left, Rules(limits=limits))


def test_there_is_a_limit_of_entries(left: Path) -> None:
    for number in range(11):
        (left / f"{number}.rpm").write_text("")
    with pytest.raises(RefusedOutput, match="more than 10 files"):
        take(left, Rules(limits=OutputLimits(entries=10)))


def test_a_file_that_grows_while_it_is_read_is_refused(left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "read", lambda handle, count: b"x" * count)
    with pytest.raises(RefusedOutput, match="grows while it is read"):
        take(left, Rules(limits=OutputLimits(file=1 << 21)))


def test_a_full_disk_names_the_copy(left: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(outputs, "write_all", full)
    with pytest.raises(OSError, match="No space left") as caught:
        take(left)
    assert caught.value.filename == str(left.parents[1] / "taken" / NAME)


def test_debug_packages_are_promised_by_rule() -> None:
    found = promised(package("xen", "", subpackage("xen", "4-1"), subpackage("xen-libs", "4-1")))
    assert {"xen-debuginfo-4-1.x86_64.rpm", "xen-libs-debuginfo-4-1.x86_64.rpm"} <= set(found)
    assert "xen-debugsource-1-1.x86_64.rpm" in found
    assert promised(promising("foo")) == (NAME,), "a noarch package has no debug packages"


# ---- the payload's paths


def rpm(*entries: RpmEntry, name: str = "foo") -> Rpm:
    return Rpm(name, "1", "1", "noarch", (capability(name),), (), (), entries)


FILE, FOLDER, LINK = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755, stat.S_IFLNK | 0o777


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (RpmEntry("/usr/bin/foo", FILE), None),
        (RpmEntry("/", FOLDER), None),
        (RpmEntry("/usr/share/", FOLDER), None),
        (RpmEntry("/usr/../etc/passwd", FILE), "is no absolute, plain path"),
        (RpmEntry("/usr/./x", FILE), "is no absolute, plain path"),
        (RpmEntry("//etc/passwd", FILE), "is no absolute, plain path"),
        (RpmEntry("etc/passwd", FILE), "is no absolute, plain path"),
        (RpmEntry("", FILE), "is no absolute, plain path"),
        (RpmEntry("/etc/a\x1b[2Jb", FILE), "has control characters"),
        (RpmEntry("/dev/sda", stat.S_IFBLK | 0o600), "is a device"),
        (RpmEntry("/dev/null", stat.S_IFCHR | 0o666), "is a device"),
        (RpmEntry("/run/pipe", stat.S_IFIFO | 0o600), "is a FIFO"),
        (RpmEntry("/run/odd", 0o644), "is of an unknown kind"),
        (RpmEntry("/usr/lib/x", LINK, "../../etc/x"), None),
        (RpmEntry("/usr/lib/x", LINK, "/etc/x"), None),
        (RpmEntry("/etc/mtab", LINK, "../proc/self/mounts"), None),
        (RpmEntry("/usr/lib/x", LINK, "../../../etc/passwd"), "is a symbolic link out of the root"),
        (RpmEntry("/usr/lib/x", LINK, "a/../../../../etc"), "is a symbolic link out of the root"),
        (RpmEntry("/usr/lib/x", LINK, "/../etc"), "is a symbolic link out of the root"),
        (RpmEntry("/usr/lib/x", LINK, "/proc/1/root/etc/shadow"), "is a symbolic link out of the root"),
        (RpmEntry("/usr/x", LINK, "../proc/self/cwd"), "is a symbolic link out of the root"),
        (RpmEntry("/usr/x", LINK, ""), "is a symbolic link out of the root"),
    ],
)
def test_paths_of_a_payload_stay_inside_and_are_plain(entry: RpmEntry, problem: str | None) -> None:
    found = list(payload_problems(rpm(entry)))
    assert [text for text in found if problem and problem in text] == found
    assert bool(found) is (problem is not None)


def test_no_file_lies_behind_a_link_of_the_same_package() -> None:
    found = payload_problems(rpm(RpmEntry("/opt/a", LINK, "/etc"), RpmEntry("/opt/a/passwd", FILE)))
    assert list(found) == ["/opt/a/passwd lies behind a symbolic link of the same package"]


def test_a_debug_package_has_nothing_but_debug_files() -> None:
    good = RpmEntry("/usr/lib/debug/usr/bin/foo.debug", FILE), RpmEntry("/usr/lib/debug", FOLDER)
    assert not list(payload_problems(rpm(*good, name="foo-debuginfo")))
    bad = RpmEntry("/usr/bin/sudo", FILE)
    assert "no place in a debug package" in next(payload_problems(rpm(bad, name="foo-debuginfo")))


def test_setuid_files_are_listed(left: Path, tmp_path: Path) -> None:
    install = INSTALL + "chmod 4755 %{buildroot}/usr/bin/foo"
    shutil.copy(make_rpm(tmp_path / "again", install=install, files=FILES), left / NAME)
    assert take(left).remarks == (f"{NAME}: /usr/bin/foo is set-user-id or set-group-id",)


def linted(*entries: tuple[RpmEntry, str], arch: str = "x86_64", provides: str = "") -> dict[str, str]:
    """Rule to the first thing that it finds."""
    made = rpm(*(entry for entry, _ in entries), name="foo")
    declared = tuple(map(capability, provides.split()))
    made = replace(made, arch=arch, provides=declared, kinds=tuple(kind for _, kind in entries))
    return {rule: text for rule, look in RULES.items() for text in look(made)}


ELF = "ELF 64-bit LSB shared object, x86-64, version 1 (SYSV), dynamically linked"


@pytest.mark.parametrize(
    ("path", "mode", "kind", "rule"),
    [
        ("/usr/local/bin/foo", FILE, "", "usr_local"),
        ("/usr/localized", FILE, "", ""),
        ("/usr/bin/foo", 0o102755, "", "setuid"),
        ("/etc/foo", 0o100666, "", "world_writable"),
        ("/var/foo", 0o040777, "", "world_writable"),
        ("/var/tmp/foo", 0o041777, "", ""),
        ("/etc/link", 0o120777, "", ""),
        ("/usr/bin/foo", FILE, ELF.replace("x86-64", "ARM aarch64"), "wrong_arch"),
        ("/boot/xen", FILE, ELF.replace("x86-64", "Intel 80386"), ""),
        ("/usr/lib64/libfoo.so.1.2", FILE, ELF, "undeclared_soname"),
        ("/usr/lib64/foo/plugin.so.1", FILE, ELF, ""),
    ],
)
def test_what_an_rpm_should_not_have_is_found(path: str, mode: int, kind: str, rule: str) -> None:
    assert [*linted((RpmEntry(path, mode), kind))] == ([rule] if rule else [])


def test_lint_knows_what_is_declared() -> None:
    library = (RpmEntry("/usr/lib64/libfoo.so.1.2", FILE), ELF)
    assert linted(library, provides="foo libfoo.so.1()(64bit)") == {}
    found = linted((RpmEntry("/usr/bin/foo", FILE), ELF), arch="noarch")
    assert "another architecture than noarch: ELF 64-bit" in found["wrong_arch"]


def test_a_rule_weighs_what_the_distro_says(left: Path, tmp_path: Path) -> None:
    install = INSTALL + "chmod 666 %{buildroot}/usr/bin/foo"
    shutil.copy(make_rpm(tmp_path / "again", install=install, files=FILES), left / NAME)
    text = f"{NAME}: /usr/bin/foo can be written to by everybody"
    for weight, attribute in (("warning", "warnings"), ("remark", "remarks")):
        taken = take(left, Rules(lint=LintSettings(world_writable=weight)))  # type: ignore[arg-type]
        assert getattr(taken, attribute) == (text,)
        shutil.rmtree(left.parents[1] / "taken")
        (left.parents[1] / "taken").mkdir()
    with pytest.raises(RefusedOutput, match="can be written to by everybody"):
        take(left, Rules(lint=LintSettings(world_writable="required")))


# ---- what belongs to the base


def base() -> Index:
    zlib = indexed("zlib", provides="libz.so.1()(64bit)")
    return Index([indexed("bash"), indexed("coreutils", files="/bin/foo"), zlib])


def test_automatic_provides_and_files_are_held_against_the_base(left: Path) -> None:
    with pytest.raises(RefusedOutput, match=rf"{NAME} has /usr/bin/foo, a file of the base's coreutils") as caught:
        take(left, Rules(base()))
    assert caught.value.hint is not None
    assert "replaces: [coreutils]" in caught.value.hint
    (left.parents[1] / "taken" / NAME).unlink()
    assert take(left, Rules(base(), ("coreutils",))).rpms == (NAME,)


def test_what_only_the_built_rpm_says_is_found(left: Path, tmp_path: Path) -> None:
    tags = "Provides: bash = 99\nObsoletes: coreutils < 99\nProvides: libz.so.1()(64bit)\nProvides: pkgconfig(bash)"
    shutil.copy(make_rpm(tmp_path / "again", tags=tags), left / NAME)
    with pytest.raises(RefusedOutput) as caught:
        take(left, Rules(base()))
    assert "provides bash, the name of a package of the base" in caught.value.message
    assert "obsoletes coreutils, the name of a package of the base" in caught.value.message
    assert "pkgconfig" not in caught.value.message
    (left.parents[1] / "taken" / NAME).unlink()
    found = take(left, Rules(base(), ("bash", "coreutils")))
    (warning,) = found.warnings
    assert warning.startswith(f"{NAME} has libz.so.1, which the base's zlib has as well")


# ---- the reader against hostile bytes


def test_the_reader_says_what_rpm_says(made: Path) -> None:
    with made.open("rb") as file:
        found = read_rpm(file)
    query = run(["rpm", "-qp", "--qf", "[%{FILENAMES} %{FILEMODES:octal} %{FILELINKTOS}\\n]", made]).stdout
    assert [f"{entry.path} {entry.mode:o} {entry.link}" for entry in found.entries] == [
        f"{path} {int(mode, 8):o} {' '.join(link)}" for path, mode, *link in map(str.split, query.splitlines())
    ]
    assert [str(each) for each in found.provides] == ["foo = 1-1"]


def test_every_flipped_byte_is_found_or_changes_nothing(data: bytes) -> None:
    """Lead and signature header carry fields that nobody reads; all from the header on is under a digest."""
    whole = read_rpm(io.BytesIO(data))
    for at in range(0, len(data), 7):
        changed = bytearray(data)
        changed[at] ^= 0xFF
        try:
            assert read_rpm(io.BytesIO(bytes(changed))) == whole
        except BadRpm:
            continue
        assert at < data.rindex(b"\x8e\xad\xe8\x01"), "a byte of header or payload"


def test_every_truncation_is_found(data: bytes) -> None:
    for size in range(0, len(data), 13):
        with pytest.raises(BadRpm):
            read_rpm(io.BytesIO(data[:size]))


@given(seed=st.integers(), cut=st.integers(0, 4000), junk=st.binary(max_size=64))
def test_hostile_bytes_give_a_value_or_an_error_that_is_ours(data: bytes, seed: int, cut: int, junk: bytes) -> None:
    changed, chance = bytearray(data), random.Random(seed)
    for _ in range(chance.randrange(1, 30)):
        changed[chance.randrange(96, min(len(changed), 6000))] = chance.randrange(256)
    changed[cut : cut + len(junk)] = junk
    try:
        read_rpm(io.BytesIO(bytes(changed)))
    except BadRpm as error:
        assert isinstance(error, PlanexError)
        assert error.message
