# SPDX-License-Identifier: LGPL-2.1-or-later
"""From a .deb's header and paths to a spec; the definition; the medium's texts."""

from __future__ import annotations

import datetime
import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planex.base import medium, rpmspec
from planex.base.check import conflicts
from planex.base.compose import render_groups
from planex.base.control import DebPackage
from planex.base.definition import Contents, Definition, Group, Made, Medium
from planex.base.repackage import Repackaging
from planex.base.unpack import MERGED, PackagePath, merge_link, merge_path
from planex.errors import ConfigError, PlanexError
from planex.schema import load, parse

ROOT = Path(__file__).resolve().parents[2]
MEDIUM = Medium(
    label="BASE-1",
    title="base",
    release="1",
    date=datetime.date(2023, 6, 10),
    kernel="linux-image",
    loaders=("isolinux",),
)
DEFINITION = Definition(
    suite="bookworm",
    groups={
        "core": Group(name="Host & more", description="d", packages=("bash",), meta="host-core", medium=True),
        "tools": Group(name="Tools", description="d", packages=("filesystem", "gcc")),
    },
    medium=MEDIUM,
    made={"filesystem": Made(summary="folders", requires=("setup",))},
    packages={"bash": Contents(provides=("shell",), requires=("setup",), spec="%post\ntrue")},
    aliases={"bash": ("bsh", "rtld(GNU_HASH)")},
)
BASH = DebPackage(
    "bash",
    "1:5.2-2",
    "amd64",
    "pool/bash.deb",
    "ab",
    1,
    summary="100% shell",
    source="bash",
    provides={"sh": None, "bash-lib": "1-2"},
)


@pytest.mark.parametrize(
    ("path", "merged"),
    [("/bin/sh", "/usr/bin/sh"), ("/lib64/x", "/usr/lib64/x"), ("/library/x", "/library/x"), ("/usr/bin", "/usr/bin")],
)
def test_merge_path(path: str, merged: str) -> None:
    assert merge_path(path) == merged


@pytest.mark.parametrize(
    ("path", "target", "expected"),
    [
        ("/sbin/x", "../bin/y", "../bin/y"),
        ("/bin/x", "../usr/bin/y", "y"),
        ("/lib/a/x", "../../etc/y", "../../../etc/y"),
        ("/bin/sh", "dash", "dash"),
        ("/bin/x", "/etc/y", "/etc/y"),
        ("/usr/bin/x", "../lib/y", "../lib/y"),
    ],
)
def test_links_point_at_the_same_file_after_the_merge(path: str, target: str, expected: str) -> None:
    assert merge_link(path, target) == expected


@given(st.lists(st.sampled_from([*MERGED, "usr", "etc", "x"]), min_size=1, max_size=5))
def test_merging_twice_is_merging_once(parts: list[str]) -> None:
    once = merge_path("/" + "/".join(parts))
    assert merge_path(once) == once


def test_header_of_a_deb() -> None:
    header = rpmspec.deb_header(BASH, ["libc6"], DEFINITION)
    assert header.requires == ("filesystem", "libc6", "setup")
    assert header.provides == (
        "bash-lib = 1.2",
        "bsh = 5.2-2",
        "bsh(x86-64) = 5.2-2",
        "rtld(GNU_HASH)",
        "sh",
        "shell = 5.2-2",
        "shell(x86-64) = 5.2-2",
    )


def test_spec() -> None:
    entries = [PackagePath("/usr/bin/bash", "file", 0o4755, group="tty"), PackagePath("/usr/bin", "folder", 0o755)]
    text = rpmspec.render(rpmspec.deb_header(BASH, [], DEFINITION), entries, ["/bin/bash"])
    lines = text.splitlines()
    assert lines[:5] == ["Name: bash", "Epoch: 1", "Version: 5.2", "Release: 2", "Summary: 100%% shell"]
    assert "Provides: /bin/bash" in lines and "AutoReq: no" in lines
    assert lines[-5:] == [
        "true",
        "",
        "%files",
        '%attr(4755, root, tty) "/usr/bin/bash"',
        '%attr(0755, root, root) %dir "/usr/bin"',
    ]


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        (PackagePath("/etc/x", "file", 0o640, config=True), '%attr(0640, root, root) %config(noreplace) "/etc/x"'),
        (PackagePath("/a/b c", "link", 0o777), '%attr(-, root, root) "/a/b c"'),
        (PackagePath("/a/100%", "file", 0o644), '%attr(0644, root, root) "/a/100%%"'),
        (PackagePath("/usr/bin/[", "file", 0o755), '%attr(0755, root, root) "/usr/bin/["'),
        (PackagePath("/a/x[1].py", "file", 0o644), '%attr(0644, root, root) "/a/x?1?.py"'),
        (PackagePath("/a/x[1] y", "file", 0o644), '%attr(0644, root, root) "/a/x?1??y"'),
        (PackagePath("/a/%(id)", "link", 0o777), '%attr(-, root, root) "/a/%%(id)"'),
        (PackagePath('/a" %doc "x', "file", 0o644), '%attr(0644, root, root) "/a??%%doc??x"'),
        (PackagePath("/a\n%build\nid", "file", 0o644), '%attr(0644, root, root) "/a?%%build?id"'),
        (PackagePath("/a/x\\x2dy", "file", 0o644), '%attr(0644, root, root) "/a/x\\x2dy"'),
    ],
)
def test_file_lines(entry: PackagePath, line: str) -> None:
    assert rpmspec.file_line(entry) == line


@pytest.mark.parametrize("owner", ["root) %(id", "%(id)", "a\nb", "a b", ""])
def test_an_owner_that_is_no_name_is_refused(owner: str) -> None:
    for entry in (PackagePath("/x", "file", 0o644, user=owner), PackagePath("/x", "file", 0o644, group=owner)):
        with pytest.raises(PlanexError, match="'/x' belongs to"):
            rpmspec.file_line(entry)


def test_nothing_of_a_deb_is_a_macro_or_a_section_of_the_spec() -> None:
    evil = "%(id)"
    bad = replace(BASH, name=f"a{evil}", version=f"1{evil}", summary=f"%build {evil}", homepage=evil, source=evil)
    bad = replace(bad, provides={f"b{evil}": None, "c": f"1{evil}"})
    lines = rpmspec.render(rpmspec.deb_header(bad, [f"d{evil}"], DEFINITION), [], [f"/bin/{evil}"]).splitlines()
    assert not [line for line in lines if "(id)" in line.replace("%%(id)", "")]
    assert lines[lines.index("%description") + 1] == "build %%(id)"
    assert [line for line in lines if line.startswith("%")] == ["%description", "%files"]
    broken: list[dict[str, Any]] = [{name: "x\n%build\nid"} for name in ("summary", "homepage", "source")]
    for fields in broken:
        with pytest.raises(PlanexError, match="cannot stand in a spec"):
            rpmspec.render(rpmspec.deb_header(replace(BASH, **fields), [], DEFINITION), [])


def test_meta_package_requires_its_group() -> None:
    header = rpmspec.meta_header("host-core", "x", "12", ["b", "a"])
    assert header.requires == ("a", "b") and header.architecture == "noarch"


def test_the_key_of_a_job_changes_with_the_deb_the_header_and_the_contents() -> None:
    header = rpmspec.deb_header(BASH, [], DEFINITION)
    jobs = [
        Repackaging(header, Contents(), 0, sha256="ab"),
        Repackaging(header, Contents(), 0, sha256="cd"),
        Repackaging(header, Contents(drop=("/x",)), 0, sha256="ab"),
        Repackaging(rpmspec.deb_header(BASH, ["x"], DEFINITION), Contents(), 0, sha256="ab"),
    ]
    assert len({job.key for job in jobs}) == 4
    assert jobs[0].key == Repackaging(header, Contents(), 0, sha256="ab").key


def test_conflicts_are_what_rpm_would_refuse() -> None:
    listing = (
        "a|/usr/bin/x|100755|root|root|d1|\n"
        "b|/usr/bin/x|100755|root|root|d1|\n"
        "a|/proc|40755|root|root||\n"
        "b|/proc|40555|root|root||\n"
        "b|/y|120777|root|root||z\n"
    )
    assert conflicts(listing) == ["/proc: a, b"]


def test_groups() -> None:
    text = render_groups(DEFINITION)
    assert "<name>Host &amp; more</name>" in text and text.count("<group>") == 2
    assert '<packagereq type="mandatory">gcc</packagereq>' in text
    assert render_groups(DEFINITION, ["core"]).count("<group>") == 1


def test_roots_are_debian_packages_only() -> None:
    assert DEFINITION.roots == ("bash", "gcc")
    assert DEFINITION.epoch == 1686355200


def test_menu_starts_on_the_serial_console_by_default() -> None:
    menu = medium.menu(MEDIUM)
    assert menu.default.name == "serial"
    assert menu.default.kernel_args.endswith("console=ttyS0,115200n8")


def test_initrd_is_the_same_bytes_each_time_and_says_what_it_is() -> None:
    first, second = (medium.make_initrd(b"busybox", MEDIUM) for _ in range(2))
    assert first == second
    plain = gzip.decompress(first)
    assert b"BASE-1" in plain and b"busybox --install" in plain


def test_the_definition_of_this_workspace_is_right() -> None:
    definition = load(ROOT / "repos" / "bookworm.yaml", Definition)
    assert {meta for meta, _ in definition.metas()} == {"buildsys-build", "host-core"}
    named = {name for group in definition.groups.values() for name in group.packages}
    assert not {"xen", "yajl", "libyajl-dev", "linux-image-cloud-amd64"} & named


def test_a_definition_with_mistakes_names_all_of_them() -> None:
    text = (
        "suite: bookworm\ngroups: {core: {name: n, description: d, pakages: [bash]}}\n"
        "medium: {label: lower, title: t, release: '1', date: 2023-06-10, kernel: k, loaders: [l]}\n"
        "packages: {x: {links: {relative: y}}}\n"
    )
    with pytest.raises(ConfigError) as caught:
        parse(text, Definition, Path("b.yaml"))
    found = "\n".join(str(problem) for problem in caught.value.problems)
    assert "did you mean 'packages'" in found and "label" in found and "relative" in found


def test_a_name_cannot_be_made_and_repackaged() -> None:
    text = (
        "suite: s\ngroups: {core: {name: n, description: d, packages: [bash]}}\n"
        "medium: {label: A, title: t, release: '1', date: 2023-06-10, kernel: k, loaders: [l]}\n"
        "packages: {x: {}}\nmade: {x: {summary: s}}\n"
    )
    with pytest.raises(ConfigError, match="both under 'made' and under 'packages'"):
        parse(text, Definition, Path("b.yaml"))


@pytest.mark.parametrize("path", ["/../x", "/usr/../../x", "/usr/./x", "/usr/.."])
def test_no_path_leads_out_of_a_package(path: str) -> None:
    with pytest.raises(ConfigError, match=r"b\.yaml:1: .* without '\.' and '\.\.'"):
        parse(f"files: {{{path}: x}}", Contents, Path("b.yaml"))


@pytest.mark.parametrize("name", ["--option", "-x", "a b", "../x", ""])
def test_no_package_can_be_taken_for_an_option(name: str) -> None:
    text = f"{{name: n, description: d, packages: ['{name}']}}"
    with pytest.raises(ConfigError) as caught:
        parse(text, Group, Path("b.yaml"))
    assert [problem.message.split(":")[0] for problem in caught.value.problems] == ["'packages.0'"]
