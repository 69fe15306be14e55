# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a source tells of its package, and what a log mends; no build."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from planex.errors import PlanexError
from planex.scaffold.filelist import files_sections, wants_devel
from planex.scaffold.licences import licence_of, named
from planex.scaffold.make import first_spec, mended, package_files
from planex.scaffold.mend import Mends, mends_of
from planex.scaffold.needs import Stock, build_depends, needs_of
from planex.scaffold.origin import Upstreamed, is_final, newest, version_of_archived, version_of_tag
from planex.scaffold.survey import Survey, survey
from planex.scaffold.systems import system_of
from planex.sources.offered import version_in

HAVE = {"meson", "ninja-build", "cmake", "autoconf", "automake", "libtool", "gettext", "bison", "flex", "libfoo-dev"}
HAVE |= {"pkgconfig(zlib)", "python3-devel", "python3dist(setuptools)", "gcc"}
OWNERS = {
    "/usr/include/zlib.h": ["zlib1g-dev"],
    "/usr/include/x86_64-linux-gnu/ssl.h": ["libssl-dev"],
    "/usr/include/stdio.h": ["libc6-dev"],
    "/usr/bin/xxd": ["xxd"],
    "/usr/lib/x86_64-linux-gnu/libz.so": ["zlib1g-dev"],
}
STOCK = Stock(HAVE.__contains__, OWNERS, frozenset({"libc6-dev", "gcc"}))


def source(*files: str, includes: tuple[str, ...] = (), **texts: str) -> Survey:
    named_texts = {name.replace("_", "."): text for name, text in texts.items()}
    return Survey("foo-1.0", frozenset([*files, *named_texts]), named_texts, frozenset(includes))


@pytest.mark.parametrize(
    ("files", "name"),
    [
        (["meson.build", "configure"], "meson"),
        (["configure"], "autotools"),
        (["configure.ac", "CMakeLists.txt"], "autotools"),
        (["CMakeLists.txt", "setup.py"], "cmake"),
        (["dune-project"], "dune"),
        (["pyproject.toml", "Makefile"], "pyproject"),
        (["setup.py"], "pyproject"),
        (["GNUmakefile"], "make"),
        (["src/Makefile"], None),
        ([], None),
    ],
)
def test_build_systems(files: list[str], name: str | None) -> None:
    system = system_of(source(*files))
    assert (system.name if system else None) == name


def test_a_kernel_module_is_told_by_its_makefile() -> None:
    system = system_of(source(Makefile="obj-m += foo.o\n"))
    assert system is not None and system.name == "kernel module" and "modules_install" in system.install


def test_autotools_without_a_configure_are_generated() -> None:
    system = system_of(source(configure_ac="AM_GNU_GETTEXT\nAX_CHECK_FLAG\n"))
    assert system is not None and system.build.startswith("autoreconf -fiv\n%configure")
    assert {"gettext", "autoconf-archive", "automake"} <= set(system.needs)
    with_configure = system_of(source("configure", "configure.ac"))
    assert with_configure is not None and with_configure.needs == ()


def test_a_makefile_without_destdir_is_led_into_the_buildroot() -> None:
    staged = system_of(source(Makefile="install:\n\tcp x $(DESTDIR)$(PREFIX)/bin\n"))
    own = system_of(source(Makefile="install:\n\tcp x $(PREFIX)/bin\n"))
    assert staged is not None and "%make_install PREFIX=%{_prefix} " in staged.install
    assert own is not None and "make install PREFIX=%{buildroot}%{_prefix} " in own.install


def test_a_makefile_that_installs_nothing_has_its_programs_installed() -> None:
    system = system_of(source(Makefile="all: foo\n"))
    assert system is not None and system.install.startswith("find . -maxdepth 1 -type f -perm /100")


def test_an_install_that_goes_astray_is_led_into_the_buildroot() -> None:
    origin = Upstreamed("foo", "1.0", "https://example.org/foo-1.0.tar.gz", Path("x"))
    found = source(Makefile="install:\n\tinstall -d $(PREFIX)/bin $(DESTDIR)/etc/x\n")
    spec, _ = first_spec(origin, found, STOCK, "Ann <a@b>", "Sat Nov 28 2026")
    assert "%make_install" in spec.text()
    mends = mends_of("install: cannot create regular file '/usr/bin/foo': Permission denied\n", STOCK)
    better = mended(spec, mends)
    assert better is not None and "make install PREFIX=%{buildroot}%{_prefix}" in better.text()
    assert mended(better, mends) is None


def test_a_makefile_that_gives_files_to_root_is_talked_out_of_it() -> None:
    system = system_of(source(Makefile="install:\n\tinstall -o root -g root x $(DESTDIR)/usr/bin\n"))
    assert system is not None and system.build.startswith("find . -name '*akefile*' -exec sed")
    plain = system_of(source(Makefile="install:\n\tinstall -m 755 x $(DESTDIR)/usr/bin\n"))
    assert plain is not None and plain.build.startswith("%make_build")


def test_needs_are_held_against_what_there_is() -> None:
    configure = "PKG_CHECK_MODULES([Z], [zlib >= 1.2, gone])\nAC_PATH_PROG(XXD, xxd)\n"
    found = needs_of(source("p.y", configure_ac=configure, includes=("ssl.h", "stdio.h", "no.h")), ["automake"], STOCK)
    assert found.found == ("automake", "pkgconfig(zlib)", "libssl-dev", "xxd", "bison")
    assert found.lacking == ("pkgconfig(gone)",)


def test_headers_of_the_source_itself_are_no_needs() -> None:
    assert needs_of(source("lib/zlib.h", includes=("zlib.h",)), (), STOCK).found == ()


def test_needs_of_meson_and_cmake() -> None:
    assert needs_of(source(meson_build="dependency('zlib', version: '>1')"), ("meson",), STOCK).found[1:] == (
        "pkgconfig(zlib)",
    )
    text = "find_package(ZLIB REQUIRED)\npkg_check_modules(X REQUIRED zlib)\nfind_package(Threads)\n"
    assert needs_of(source(CMakeLists_txt=text), ("cmake",), STOCK) == needs_of(
        source(CMakeLists_txt="find_package(ZLIB)"), ("cmake",), STOCK
    )


def test_a_debian_control_tells_needs() -> None:
    control = (
        "Source: x\nBuild-Depends: debhelper-compat (= 13), libfoo-dev (>= 1) | libbar-dev,\n"
        "# a remark, one\n bison, python3 <!nocheck>, libwin-dev [hurd-i386],\n flex [!hurd-any], other [amd64]\n"
        "Build-Depends-Indep: texlive\n"
    )
    assert list(build_depends(control)) == ["libfoo-dev", "bison", "flex", "other"]
    found = needs_of(source("Makefile"), (), STOCK, control)
    assert found.found == ("libfoo-dev", "bison", "flex") and found.lacking == ("other",)


def test_headers_that_only_another_package_here_has_go_by_its_name() -> None:
    found = needs_of(source("Makefile"), (), Stock({"libmd-devel"}.__contains__, {}), "Build-Depends: libmd-dev\n")
    assert found.found == ("libmd-devel",) and not found.lacking


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("GNU GENERAL PUBLIC LICENSE\n   Version 2, June 1991", "GPL-2.0-or-later"),
        ("GNU LESSER GENERAL PUBLIC LICENSE\nVersion 2.1, February 1999", "LGPL-2.1-or-later"),
        ("Permission is hereby granted, free of charge, to any person obtaining a copy\nof this software", "MIT"),
        ("Redistribution and use in source and binary forms ... Neither the name of", "BSD-3-Clause"),
        ("Redistribution and use in source and binary forms", "BSD-2-Clause"),
        ("SPDX-License-Identifier: ISC\n", "ISC"),
        ("All rights reserved", None),
    ],
)
def test_licences(text: str, name: str | None) -> None:
    assert named(text) == name


def test_two_licences_are_joined_and_metadata_counts_last() -> None:
    both = Survey("x", frozenset({"COPYING", "LICENSE.MIT"}), {
        "COPYING": "gnu general public license version 3", "LICENSE.MIT": "SPDX-License-Identifier: MIT"
    })  # fmt: skip
    assert licence_of(both) == "GPL-3.0-or-later AND MIT"
    assert licence_of(source(pyproject_toml='license = {text = "Apache-2.0"}')) == "Apache-2.0"
    assert licence_of(source("Makefile")) is None


def test_a_tarball_is_surveyed(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as archive:
        for name, text in {
            "x-1/Makefile": "all:",
            "x-1/src/a.c": '#include <zlib.h>\n# include "own.h"\n',
            "x-1/a/b/c/d/e/Makefile": "deep",
        }.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    found = survey(tmp_path / "x.tar.gz")
    assert found.top == "x-1" and found.includes == {"zlib.h"}
    assert found.texts == {"Makefile": "all:"} and "src/a.c" in found.files


def test_files_of_a_library() -> None:
    paths = [
        "/usr/bin/foo",
        "/usr/include/foo/a.h",
        "/usr/include/foo/b.h",
        "/usr/lib64/libfoo.so",
        "/usr/lib64/libfoo.so.1",
        "/usr/lib64/libfoo.so.1.2.3",
        "/usr/lib64/pkgconfig/foo.pc",
        "/usr/share/man/man1/foo.1.gz",
        "/usr/share/man/man3/foo.3",
        "/usr/share/man/de/man1/foo.1",
        "/usr/share/locale/de/LC_MESSAGES/foo.mo",
        "/usr/share/locale/fr/LC_MESSAGES/foo.mo",
        "/usr/share/foo/x/y",
        "/usr/share/foo/z z",
        "/usr/share/doc/foo/README",
        "/usr/share/info/foo.info",
        "/etc/foo.conf",
        "/usr/share/icons/hicolor/16x16/apps/foo.png",
        "/opt/odd/100%",
    ]
    main, devel = files_sections(paths, devel=wants_devel(paths))
    assert devel == [
        "%{_includedir}/foo/",
        "%{_libdir}/libfoo.so",
        "%{_libdir}/pkgconfig/foo.pc",
        "%{_mandir}/man3/foo.3*",
    ]
    assert main == [
        "%config(noreplace) %{_sysconfdir}/foo.conf",
        "/opt/odd/",
        "%{_bindir}/foo",
        "%{_libdir}/libfoo.so.1*",
        "%doc %{_datadir}/doc/foo/",
        "%{_datadir}/foo/",
        "%{_datadir}/icons/hicolor/*/apps/foo.png",
        "%{_infodir}/foo.info*",
        "%{_datadir}/locale/*/LC_MESSAGES/foo.mo",
        "%{_mandir}/de/man1/foo.1*",
        "%{_mandir}/man1/foo.1*",
    ]
    assert not wants_devel(["/usr/bin/foo", "/usr/lib64/foo/plugin.so"])


@pytest.mark.parametrize(
    ("log", "needs", "lacking"),
    [
        ("a.c:1:10: fatal error: zlib.h: No such file or directory\n", ("zlib1g-dev",), ()),
        ("a.c:1:10: fatal error: no/such.h: No such file or directory\n", (), ("no/such.h",)),
        ("No package 'zlib' found\n", ("pkgconfig(zlib)",), ()),
        ('meson.build:9:0: ERROR: Dependency "gone" not found, tried pkgconfig\n', (), ("pkgconfig(gone)",)),
        ("/bin/sh: line 1: xxd: command not found\n", ("xxd",), ()),
        ("make: xxd: No such file or directory\n", ("xxd",), ()),
        ("/usr/bin/ld: cannot find -lz: No such file or directory\n", ("zlib1g-dev",), ()),
        ("ModuleNotFoundError: No module named 'setuptools'\n", ("python3dist(setuptools)",), ()),
        ("configure.ac:5: error: possibly undefined macro: AM_ICONV\n", ("gettext",), ()),
        ("CMake Error: Could NOT find ZLIB (missing: ZLIB_LIBRARY)\n", ("pkgconfig(zlib)",), ()),
        ("all is well\n", (), ()),
    ],
)
def test_a_log_tells_what_is_lacking(log: str, needs: tuple[str, ...], lacking: tuple[str, ...]) -> None:
    found = mends_of(log, STOCK)
    assert (found.needs, found.lacking) == (needs, lacking)


UNPACKAGED = """error: Installed (but unpackaged) file(s) found:
   /usr/bin/foo
   /usr/lib64/libfoo.la
   /usr/share/info/dir
RPM build errors:
"""


def test_a_spec_is_written_and_mended() -> None:
    origin = Upstreamed("foo", "1.0", "https://example.org/foo-1.0.tar.gz", Path("x"), checksum="0" * 128)
    found = source("Makefile", "LICENSE", "README.md", "NEWS", includes=("zlib.h",))
    spec, _ = first_spec(origin, found, STOCK, "Ann <a@b>", "Sat Nov 28 2026")
    files = package_files(spec, origin)
    text = files["specs/foo/foo.spec.j2"].decode()
    assert "Source0:        https://example.org/foo-%{version}.tar.gz\n" in text
    assert "BuildRequires:  zlib1g-dev\n" in text and "{{ patch_lines }}\n" in text
    assert "%files\n%license LICENSE\n%doc NEWS\n%doc README.md\n\n%changelog\n" in text
    assert files["specs/foo/sources"].decode() == f"SHA512 (foo-1.0.tar.gz) = {'0' * 128}\n"
    assert b"version: '1.0'" in files["specs/foo/package.yaml"]
    mends = mends_of(UNPACKAGED + "fatal error: ssl.h: No such file or directory\n", STOCK)
    better = mended(spec, mends)
    assert better is not None
    text = better.text()
    assert "BuildRequires:  libssl-dev\n" in text and "%doc README.md\n%{_bindir}/foo\n" in text
    assert "find %{buildroot} -name '*.la' -delete\nfind %{buildroot} -path '*/info/dir' -delete\n" in text
    assert ".la\n" not in text.partition("%files")[2]
    assert mended(better, mends) is None


@pytest.mark.parametrize("version", ["1.2", "3.5a", "1.1.1b", "2024a"])
def test_a_letter_makes_no_candidate(version: str) -> None:
    assert is_final(version)


@pytest.mark.parametrize("version", ["1.0rc1", "1.0-beta", "3.4.0alpha2", "1.0a1", "2.0b3", "1.0.dev4"])
def test_candidates_are_not_final(version: str) -> None:
    assert not is_final(version)


@pytest.mark.parametrize("part", ["", " (development files)", " - shared library"])
def test_a_summary_is_of_the_whole(part: str) -> None:
    control = f"Package: libfoo-dev\nDescription: parser of foo{part}\n more\n"
    origin = Upstreamed(
        "foo", "1.0", "https://example.org/foo-1.0.tar.gz", Path("x"), debian={"debian/control": control.encode()}
    )
    spec, _ = first_spec(origin, source("Makefile"), STOCK, "Ann <a@b>", "Sat Nov 28 2026")
    assert spec.summary == "Parser of foo"


def test_what_is_not_there_goes_out_of_files() -> None:
    origin = Upstreamed("foo", "1.0", "https://example.org/foo-1.0.tar.gz", Path("x"))
    spec, _ = first_spec(origin, source("Makefile"), STOCK, "Ann <a@b>", "Sat Nov 28 2026")
    spec = replace(spec, files=("/usr/bin/foo", "/usr/bin/bar"))
    log = "error: File not found: /builddir/build/BUILDROOT/foo-1.0-1.x86_64/usr/bin/bar\n"
    better = mended(spec, mends_of(log, STOCK))
    assert better is not None and better.files == ("/usr/bin/foo",)


def test_a_python_package_with_code_of_an_architecture_is_not_noarch() -> None:
    origin = Upstreamed("foo", "1.0", "pypi:foo/foo-1.0.tar.gz", Path("x"))
    spec, _ = first_spec(origin, source("pyproject.toml"), STOCK, "Ann <a@b>", "Sat Nov 28 2026")
    assert "BuildArch:      noarch" in spec.text() and "%files -f %{pyproject_files}" in spec.text()
    better = mended(spec, Mends(native=True))
    assert better is not None and "noarch" not in better.text()


def test_no_build_system_that_is_known() -> None:
    origin = Upstreamed("foo", "1.0", "https://example.org/foo-1.0.tar.gz", Path("x"))
    with pytest.raises(PlanexError, match="no build system that is known"):
        first_spec(origin, source("README"), STOCK, "Ann <a@b>", "Sat Nov 28 2026")


def test_versions_in_names() -> None:
    assert version_in("foo-bar-1.2.tar.gz") == "1.2"
    assert version_in("foo_1.2+ds.orig.tar.xz") == "1.2+ds"
    assert version_in("v1.2.tar.gz") is None
    assert version_of_tag("v1.2.3", "foo") == "1.2.3"
    assert version_of_tag("foo-1_2", "foo") == "1.2"
    assert version_of_tag("RELEASE-4.20.1", "xen") == "4.20.1"
    assert version_of_tag("nightly", "foo") is None
    assert version_of_archived("foo_1.2.orig.tar.gz") == "1.2"
    assert version_of_archived("foo_1.2.orig-docs.tar.gz") is None
    assert newest(["1.9", "1.10", "1.2"]) == "1.10"
