# SPDX-License-Identifier: LGPL-2.1-or-later
"""Macros that nothing defines are named with their line; what only looks like one is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from planex.rpm.leftovers import Leftover
from planex.rpm.spec import SpecFile, parse_specs, target_macros

HEAD = "Name: foo\nVersion: 1\nRelease: 1%{?dist}\nSummary: x\nLicense: MIT\n%description\nx\n"


def found(tmp_path: Path, text: str) -> list[Leftover]:
    """Of a spec with ``text`` behind seven lines."""
    path = tmp_path / "rendered" / "foo.spec"
    path.parent.mkdir()
    path.write_text(HEAD + text)
    macros = target_macros(tmp_path / "no-base", tmp_path / "cache", {})
    return list(
        parse_specs({"foo": SpecFile(path, tmp_path / "sources")}, macros, tmp_path / "cache/specs")["foo"].leftovers
    )


@pytest.mark.parametrize(
    ("text", "line", "macro"),
    [
        ("%build\n%frobnicate_build -x\n", 9, "%frobnicate_build"),
        ("%build\n\n  make %{frobnicate_flags} all\n", 10, "%{frobnicate_flags}"),
        ("%build\necho %{frobnicate:with words}\n", 9, "%{frobnicate:with words}"),
        ("%global flags %{frobnicate}\n%build\nmake %{flags}\n", 8, "%{frobnicate}"),
        ("%files\n%{frobnicate_dir}/x\n", 9, "%{frobnicate_dir}"),
        ("%build\n%if 1\n%frobnicate\n%endif\n", 10, "%frobnicate"),
        ("%build\necho %%{other} %{frobnicate}\n", 9, "%{frobnicate}"),
    ],
)
def test_what_stays_as_it_is(tmp_path: Path, text: str, line: int, macro: str) -> None:
    assert found(tmp_path, text) == [Leftover(line, macro)]


@pytest.mark.parametrize(
    "text",
    [
        "%build\ndate +%Y-%m-%d\nprintf '%s %d\\n' a 1\n",
        "%build\nprintf \\\n  '%s' \\\n  %s\n",
        "%build\nx=${y%z}; echo ${x%%.*} ${x%.tar}\n",
        "%build\necho %%{frobnicate}\n%%frobnicate\n",
        "%build\necho %{?frobnicate} %{!?frobnicate:x} %{?frobnicate:%{frobnicate}}\n%{?frobnicate}\n%?frobnicate\n",
        "%build\n# %frobnicate and %{frobnicate}\nmake # %{frobnicate}\n",
        "%build\n%if 0\n%frobnicate %{frobnicate}\n%endif\n",
        "%build\n%{expand:echo} %{name} %{_bindir} %{lua:print(1)}\n%configure\n%make_build\n",
        "%build\nrpm -q --qf '%{FROBNICATE}' rpm; curl -w '%{http_code}' x\n",
        "%define own() echo %{-n*} %{1} %*\n%build\n%own a\n",
        "%prep\n%setup -q -T -c\n%install\n%check\n%post\n:\n"
        "%files\n%defattr(-,root,root)\n%doc x\n%dir %attr(755,-,-) /x\n",
        "%changelog\n* Thu Nov 19 2026 a <a@b> - 1-1\n- use %frobnicate and %{frobnicate}\n%frobnicate\n",
    ],
)
def test_what_only_looks_like_a_macro(tmp_path: Path, text: str) -> None:
    assert found(tmp_path, text) == []


def test_a_macro_is_named_once(tmp_path: Path) -> None:
    assert found(tmp_path, "%build\n%frobnicate a\n%frobnicate b\n%{frobnicate}\n") == [Leftover(9, "%frobnicate")]
