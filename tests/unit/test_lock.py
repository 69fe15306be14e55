# SPDX-License-Identifier: LGPL-2.1-or-later
"""The lock, and mirrors made by it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from planex.base import archive
from planex.base.build import build_locked, needed
from planex.base.control import DebPackage
from planex.base.definition import Definition
from planex.checksums import Checksum
from planex.cli import cli
from planex.content import records
from planex.distro.lock import (
    BASE_ISO,
    DEB,
    FORMAT,
    NAME,
    SOURCE,
    BuildLock,
    LockedFile,
    make_mirror,
    read_lock,
    require_locked,
    source_files,
    take_files,
    without_doubles,
)
from planex.errors import ConfigError, PlanexError
from planex.report import Reporter
from planex.rpm.spec import Source
from planex.schema import load
from planex.sources import fetch as fetching
from planex.sources.fetch import fetch_url
from planex.sources.limits import LIMITS
from planex.workspace import Workspace
from tests.conftest import ROOT


def locked(kind: str, name: str, text: str, *places: Path | str) -> LockedFile:
    algorithm = "SHA512" if kind == SOURCE else "SHA256"
    digest = hashlib.new(algorithm, text.encode()).hexdigest()
    return LockedFile(kind, "pkg", name, Checksum(algorithm, digest), tuple(f"file://{place}" for place in places))


@pytest.fixture
def world(tmp_path: Path) -> Path:
    for name in ("a.tar", "b_1%3a2_all.deb", "c.iso"):
        (tmp_path / "far").mkdir(exist_ok=True)
        (tmp_path / "far" / name).write_text(name)
    return tmp_path


@pytest.fixture
def lock(world: Path) -> BuildLock:
    far = world / "far"
    files = [
        locked(SOURCE, "a.tar", "a.tar", far / "gone.tar", far / "a.tar"),
        locked(DEB, "b_1%3a2_all.deb", "b_1%3a2_all.deb", "/no/such/place"),
        locked(BASE_ISO, "c.iso", "c.iso", far / "c.iso"),
    ]
    return BuildLock("bookworm", "0" * 40, tuple(files), {"question": "x"})


def project(world: Path, name: str) -> Any:
    """What the functions use of one."""
    config = SimpleNamespace(downloads=LIMITS)
    target = SimpleNamespace(base="bookworm", base_iso=None)
    return SimpleNamespace(
        workspace=Workspace(world / name), config=config, target=target, target_name="bookworm", built={}
    )


def mirrored(world: Path, lock: BuildLock, folder: str = "mirror") -> Path:
    with Reporter().task("mirror") as task:
        make_mirror(project(world, "one"), lock, world / "far", world / folder, task)
    return world / folder


def names(folder: Path) -> list[str]:
    return sorted(path.name.partition("-")[2] for path in (folder / "files").iterdir())


def test_a_mirror_has_exactly_what_the_lock_says(world: Path, lock: BuildLock) -> None:
    mirror = mirrored(world, lock)
    assert names(mirror) == ["a.tar", "b_1%3a2_all.deb", "c.iso"]
    assert read_lock(mirror / NAME) == lock
    (mirror / "files" / lock.files[0].kept).chmod(0o644)
    (mirror / "files" / lock.files[0].kept).write_text("damaged")
    less = replace(lock, files=lock.files[:2])
    assert names(mirrored(world, less)) == ["a.tar", "b_1%3a2_all.deb"]
    assert (mirror / "files" / lock.files[0].kept).read_text() == "a.tar"


def test_a_mirror_that_lacks_something_has_no_lock(world: Path, lock: BuildLock) -> None:
    mirror = mirrored(world, lock)
    more = replace(lock, files=(*lock.files, locked(SOURCE, "d.tar", "d", "/no/such/place")))
    with pytest.raises(PlanexError, match="d"):
        mirrored(world, more)
    assert not (mirror / NAME).exists()


def test_a_persons_folder_is_left_alone(world: Path, lock: BuildLock) -> None:
    (world / "mirror/files").mkdir(parents=True)
    (world / "mirror/files/mine").touch()
    with pytest.raises(ConfigError, match="is not empty, and no mirror of planex"):
        mirrored(world, lock)
    assert (world / "mirror/files/mine").exists()


def test_what_a_mirror_has_is_put_where_a_build_looks(world: Path, lock: BuildLock) -> None:
    mirror, workspace = mirrored(world, lock), Workspace(world / "two")
    debs = workspace.base("bookworm") / "debs"
    for _ in range(2):
        take_files(workspace, lock, mirror, debs)
        assert (debs / "b_1%3a2_all.deb").read_text() == "b_1%3a2_all.deb"
        assert (workspace.downloads / f"{lock.files[2].checksum.value}.iso").read_text() == "c.iso"
    source = mirror / "files" / lock.files[0].kept
    source.chmod(0o644)
    source.write_text("other")
    take_files(workspace, lock, mirror, debs)  # it has them all
    with pytest.raises(PlanexError, match=r"a\.tar is damaged"):
        take_files(Workspace(world / "three"), lock, mirror, debs)
    source.unlink()
    with pytest.raises(PlanexError, match=r"a\.tar is not there"):
        take_files(Workspace(world / "three"), lock, mirror, debs)


def test_a_lock_that_leads_elsewhere_is_refused(world: Path, lock: BuildLock) -> None:
    good = lock.files[0]
    lies = [
        *(replace(good, name=name) for name in ("../x", "/etc/passwd", "", "..", "a\0b")),
        replace(good, checksum=Checksum("SHA256", "../../x")),
        replace(good, checksum=Checksum("MD5", "0" * 32)),
    ]
    for lie in lies:
        records.save(world / "lie", replace(lock, files=(good, lie)), FORMAT)
        with pytest.raises(PlanexError, match="names what is no file"):
            read_lock(world / "lie")
    (world / "lie").write_text("{}")
    with pytest.raises(PlanexError, match="is not of format"):
        read_lock(world / "lie")


def test_a_remote_base_cannot_be_mirrored(world: Path, lock: BuildLock) -> None:
    with pytest.raises(ConfigError, match="on mirrors of its own"):
        mirrored(world, replace(lock, base={}))


def test_what_the_lock_lacks_is_told(world: Path, lock: BuildLock) -> None:
    iso = SimpleNamespace(url="file:///c.iso", file_name="c.iso", sha256=lock.files[2].checksum.value)
    found = project(world, "one")
    found.target.base_iso = iso
    require_locked(found, lock)
    with pytest.raises(PlanexError, match=r"has not what this workspace needs: c\.iso \(bookworm\)"):
        require_locked(found, replace(lock, files=lock.files[:2]))
    with pytest.raises(PlanexError, match="of target 'el9'"):
        require_locked(found, replace(lock, target="el9"))


def test_passwords_are_not_in_the_lock_and_the_mirror_is_made_with_them(world: Path) -> None:
    found, secret = project(world, "one"), f"file://me:secret@{world}/far"
    hidden = f"file://me:***@{world}/far"
    text = (world / "far/a.tar").read_bytes()
    (world / "sources").write_text(f"SHA512 (a.tar) = {hashlib.sha512(text).hexdigest()}\n")
    settings = SimpleNamespace(mirrors={"a.tar": (f"{secret}/a.tar",)})
    found.recipes = {"pkg": SimpleNamespace(name="pkg", checksums=world / "sources", settings=settings)}
    found.packages = {"pkg": SimpleNamespace(sources=[Source(0, f"{secret}/gone/a.tar", "Source")])}
    found.built = {"pkg"}
    digest = hashlib.sha256((world / "far/c.iso").read_bytes()).hexdigest()
    found.target.base_iso = SimpleNamespace(url=f"{secret}/c.iso", file_name="c.iso", sha256=digest)
    made = BuildLock("bookworm", "0" * 40, tuple(source_files(found)), {"question": "x"})
    places = [item.places for item in made.files]
    assert places == [(f"{hidden}/gone/a.tar", f"{hidden}/a.tar"), (f"{hidden}/c.iso",)]
    asked: list[str] = []

    def watched(workspace: Workspace, url: str, *rest: Any) -> None:
        asked.append(url)
        fetch_url(workspace, url, *rest)

    with pytest.MonkeyPatch.context() as patch, Reporter().task("mirror") as task:
        patch.setattr(fetching, "fetch_url", watched)
        make_mirror(found, made, world / "debs", world / "mirror", task)
    assert asked == [f"{secret}/gone/a.tar", f"{secret}/a.tar", f"{secret}/c.iso"]
    assert names(world / "mirror") == ["a.tar", "c.iso"]
    assert "secret" not in (world / "mirror" / NAME).read_text()


def test_files_are_named_once(lock: BuildLock) -> None:
    other = replace(lock.files[0], of="another")
    assert len(without_doubles([*lock.files, other])) == len(lock.files)


def test_a_base_is_made_of_the_lock_only(world: Path) -> None:
    definition = load(ROOT / "repos/bookworm.yaml", Definition)
    with pytest.raises(PlanexError, match="was not yet asked"):
        needed(world, definition)
    wanted = [*archive.question(definition)]
    packages = [DebPackage(name, "1", "all", f"pool/{name}_1_all.deb", "0" * 64, 1) for name in wanted]
    archive.save(world / "closure.json", definition, packages)
    resolution, debs = needed(world, definition)
    rows = [vars_of(each) for each in resolution.packages]
    plain = {"question": resolution.question, "packages": rows}

    def lock_of(plain: dict[str, Any], *debs: DebPackage) -> archive.LockedAnswer:
        return archive.LockedAnswer(world / NAME, plain, frozenset((deb.file, deb.sha256) for deb in debs))

    (world / "current").symlink_to("builds/x")
    for damaged, told in (({**plain, "question": "x"}, "asks for another base"), ({}, "is damaged")):
        with pytest.raises(PlanexError, match=told):
            build_locked(world, definition, lock_of(damaged), Reporter())
    less = {**plain, "packages": [each for each in rows if each["name"] != "zstd"]}
    with pytest.raises(PlanexError, match="has no package zstd"):
        build_locked(world, definition, lock_of(less), Reporter())
    others = [replace(deb, sha256="1" * 64) for deb in debs]
    for named in (debs[1:], [*debs[1:], others[0]]):
        with pytest.raises(PlanexError, match=rf"planex\.lock names no file with the digest of {debs[0].file}$"):
            build_locked(world, definition, lock_of(plain, *named), Reporter())
    assert needed(world, definition) == (resolution, debs), "what is refused changes nothing"
    assert (world / "current").is_symlink()


def test_a_base_of_another_answer_is_not_taken_for_that_of_the_lock(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    definition = load(ROOT / "repos/bookworm.yaml", Definition)
    packages = [DebPackage(name, "1", "all", "x", "0" * 64, 1) for name in archive.question(definition)]
    archive.save(world / "closure.json", definition, [replace(each, version="0") for each in packages])
    (world / "current").symlink_to("builds/x")
    question = archive.require(world / "closure.json", definition).question
    plain = {"question": question, "packages": list(map(vars_of, packages))}
    locked = archive.LockedAnswer(world / NAME, plain, frozenset((each.file, each.sha256) for each in packages))
    monkeypatch.setattr("planex.base.build.build_base", lambda *_: None)
    for _ in range(2):
        build_locked(world, definition, locked, Reporter())
        assert list(archive.require(world / "closure.json", definition).packages) == packages
        assert not (world / "current").is_symlink()


GOOD = DebPackage(
    "libc++1-13",
    "1:2.0~rc1+b-1.1",
    "amd64",
    "pool/main/l/x_1%3a2.0.deb",
    "0" * 64,
    1,
    "100% that – of the world",
    "https://example.org/%7Ex",
    "llvm",
    (("a", "b"), ("c.d",)),
    {"x": None, "y": "2-1"},
)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("name", name) for name in ("../x", "a/b", "", ".a", "A", "a%(id)", "a\n", "x" * 200)),
        *(("version", version) for version in ("1%(id)", "1\n%build", "", "1 2", "1/2", "a:1", "1\n")),
        *(("architecture", name) for name in ("../x", "%{x}", "")),
        *(("filename", place) for place in ("/etc/x", "a/../../x", "..", "a b", "a\nb", "")),
        *(("sha256", digest) for digest in ("0" * 63, "G" * 64, "0" * 64 + "\n", "")),
        *((field, "a\n%build\nid") for field in ("summary", "homepage")),
        *(("source", name) for name in ("$(id)", "a b", "a\nb", "%(id)")),
        *(("depends", ((name,),)) for name in ("a%(id)", "a, b", "", "/bin/sh")),
        *(("provides", {name: None}) for name in ("bar%(id)", "a b", "")),
        *(("provides", {"bar": version}) for version in ("1%(id)", "1\nRequires: x", "1 2")),
    ],
)
def test_what_a_lock_has_of_a_package_is_held_to_the_grammar_of_debian(world: Path, field: str, value: Any) -> None:
    definition = load(ROOT / "repos/bookworm.yaml", Definition)
    archive.save(world / "closure.json", definition, [])
    question = archive.require(world / "closure.json", definition).question

    def answer(*packages: DebPackage) -> archive.Resolution:
        plain = {"question": question, "packages": list(map(vars_of, packages))}
        return archive.answer_of(archive.LockedAnswer(world / NAME, plain, frozenset()), definition)

    first = replace(GOOD, name="first")
    assert answer(first, GOOD).packages == (first, GOOD)
    with pytest.raises(PlanexError) as caught:
        answer(first, replace(GOOD, **{field: value}))
    told = f"{world / NAME}: what it has of the base is damaged: 'packages.1' is no package of Debian: {field} "
    assert caught.value.message.startswith(told) and len(caught.value.message) < len(told) + 100
    with pytest.raises(PlanexError, match=r"'packages\.0' is no package of Debian: name 'first', twice"):
        answer(first, replace(first, sha256="1" * 64))


def vars_of(package: DebPackage) -> dict[str, Any]:
    return {name: getattr(package, name) for name in DebPackage.__slots__}


@pytest.mark.parametrize("words", [["--all"], ["--into", "x"], ["--all", "--into", "x", "hello"], ["--lock", "x"]])
def test_options_that_belong_together(tmp_path: Path, words: list[str]) -> None:
    CliRunner().invoke(cli, ["init", str(tmp_path / "ws")])
    done = CliRunner().invoke(cli, ["-C", str(tmp_path / "ws"), "fetch", *words])
    assert (done.exit_code, "--all --into DIR" in done.output) == (2, True)
