# SPDX-License-Identifier: LGPL-2.1-or-later
"""The build systems that are known by their files, and what stands in a spec for each. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from planex.scaffold.survey import Survey

_FOLDERS = "PREFIX={0}%{{_prefix}} prefix={0}%{{_prefix}} BINDIR={0}%{{_bindir}} bindir={0}%{{_bindir}}"
_FOLDERS += " LIBDIR={0}%{{_libdir}} libdir={0}%{{_libdir}} MANDIR={0}%{{_mandir}} mandir={0}%{{_mandir}}"
_STAGED = re.compile(r"\$[({]DESTDIR[)}](\$|/usr|/etc)|=[ \t]*\$[({]DESTDIR[)}]/?\$")
_INSTALLS = re.compile(r"^install\b.*:|^-?include\b", re.MULTILINE)
_MADE = "mkdir -p %{buildroot}%{_bindir} %{buildroot}%{_mandir}/man1\n"
_BY_HAND = """find . -maxdepth 1 -type f -perm /100 ! -name '*.*' -exec install -Dpm 755 -t %{buildroot}%{_bindir} {} +
find . -maxdepth 2 -type f -name '*.1' -exec install -Dpm 644 -t %{buildroot}%{_mandir}/man1 {} +
find . -maxdepth 2 -type f -name '*.8' -exec install -Dpm 644 -t %{buildroot}%{_mandir}/man8 {} +"""
"""For a Makefile that installs nothing: the programs that it makes, and their manuals."""
_OWNED = re.compile(r"\s-[og]\s*(root|0|wheel|bin)\b")
_DISOWN = r"find . -name '*akefile*' -exec sed -i -E 's/ -[og] *(root|0|wheel|bin)\b//g' {} +" + "\n"
"""A build owns no files but its own; rpm gives them to root."""
_MODULE = re.compile(r"^\s*obj-m\b", re.MULTILINE)
_DUNE_PACKAGE = re.compile(r"\(name\s+([\w-]+)\)")


@dataclass(frozen=True, slots=True)
class System:
    """How a source is built. ``needs``: BuildRequires of the system itself."""

    name: str
    needs: tuple[str, ...]
    build: str
    install: str
    head: str = ""
    """Lines of the preamble, and sections before %build."""


def system_of(survey: Survey) -> System | None:
    """The build system of a source, if it is known. Where there are several, the one that packagers prefer."""
    files, kernel = survey.files, [text for _, text in survey.named("Makefile", "Kbuild") if _MODULE.search(text)]
    if "meson.build" in files:
        return System("meson", ("meson", "ninja-build"), "%meson\n%meson_build", "%meson_install")
    if survey.has("configure", "configure.ac", "configure.in"):
        return _autotools(survey)
    if "CMakeLists.txt" in files:
        return System("cmake", ("cmake",), "%cmake\n%cmake_build", "%cmake_install")
    if "dune-project" in files:
        return _dune(survey)
    if survey.has("pyproject.toml", "setup.py"):
        return _PYPROJECT
    if kernel and survey.has("Makefile"):
        return _KERNEL_MODULE
    if survey.has("Makefile", "makefile", "GNUmakefile"):
        return _make(survey)
    return None


def _make(survey: Survey) -> System:
    """Where no Makefile puts DESTDIR before its folders, the folders themselves lead into the buildroot."""
    texts = [text for _, text in survey.named("Makefile", "makefile", "GNUmakefile")]
    disown = _DISOWN if any(_OWNED.search(text) for text in texts) else ""
    system = System("make", (), f"{disown}%make_build {_FOLDERS.format('')}", "")
    if not any(_INSTALLS.search(text) for text in texts):
        return replace(system, install=_BY_HAND)
    staged = any(_STAGED.search(text) for text in texts)
    return replace(system, install=f"{_MADE}%make_install {_FOLDERS.format('')}") if staged else unstaged(system)


def unstaged(system: System) -> System:
    """Installs into the buildroot by the names of folders, where DESTDIR does not lead there."""
    return replace(system, install=f"{_MADE}make install {_FOLDERS.format('%{buildroot}')}")


_PYPROJECT = System(
    "pyproject",
    ("python3-devel",),
    "%pyproject_wheel",
    "%pyproject_install\n%pyproject_save_files '*' +auto",
    "%generate_buildrequires\n%pyproject_buildrequires\n\n",
)
_KERNEL_MODULE = System(
    "kernel module",
    ("kernel-devel", "kmod"),
    'kernel=$(ls -d /usr/src/kernels/* | tail -n 1)\nmake %{?_smp_mflags} -C "$kernel" M="$PWD" modules',
    "kernel=$(ls -d /usr/src/kernels/* | tail -n 1)\n"
    'make -C "$kernel" M="$PWD" INSTALL_MOD_PATH=%{buildroot}%{_prefix} INSTALL_MOD_DIR=extra DEPMOD=true '
    "modules_install",
)


def _autotools(survey: Survey) -> System:
    build = "%configure\n%make_build"
    if "configure" in survey.files:
        return System("autotools", (), build, "%make_install")
    needs = ["autoconf", "automake", "libtool"]
    text = "".join(text for _, text in survey.named("configure.ac", "configure.in"))
    needs += ["gettext"] if "GETTEXT" in text or "INTLTOOL" in text else []
    needs += ["autoconf-archive"] if re.search(r"\bAX_[A-Z]", text) else []
    return System("autotools", tuple(needs), f"autoreconf -fiv\n{build}", "%make_install")


def _dune(survey: Survey) -> System:
    names = [path.removesuffix(".opam") for path in sorted(survey.files) if path.endswith(".opam") and "/" not in path]
    names = names or _DUNE_PACKAGE.findall(survey.texts.get("dune-project", ""))[:1]
    install = "dune install --destdir=%{buildroot} --prefix=%{_prefix} --libdir=$(ocamlfind printconf destdir)"
    packages = f"dune build -p {','.join(names)} %{{?_smp_mflags}}" if names else "dune build %{?_smp_mflags} @install"
    return System("dune", ("dune", "ocaml", "ocaml-findlib"), packages, f"{install} {' '.join(names)}".rstrip())
