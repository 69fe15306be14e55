# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sources by ``pypi:NAME/FILE``, from the indexes that pip is set up with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from planex.errors import PlanexError
from planex.report import Reporter, Task
from planex.sources import pypi
from planex.sources.fetch import fetch_url
from planex.workspace import Workspace

FILE = "Thing_Kit-1.0+a.tar.gz"


@pytest.fixture
def task() -> Task:
    return Task(Reporter(), "test")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "ws")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file that pip's whole configuration stands in."""
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    pypi.indexes.cache_clear()
    yield tmp_path / "pip.conf"
    pypi.indexes.cache_clear()


def index(folder: Path, href: str, content: bytes = b"content") -> str:
    """An index with the one package thing-kit."""
    page = folder / "simple" / "thing-kit" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text(f'<html><body><A HREF="other">x</A><br/><a href="{href}">{FILE}</a></body></html>')
    (folder / "files").mkdir()
    (folder / "files" / FILE).write_bytes(content)
    return f"file://{folder}/simple"


def test_a_file_comes_from_the_index_that_pip_has(
    config: Path, tmp_path: Path, workspace: Workspace, task: Task
) -> None:
    url = index(tmp_path / "index", f"../../files/{FILE.replace('+', '%2B')}#sha256=00")
    config.write_text(f"[global]\nindex-url = file://{tmp_path}/empty\nextra-index-url =\n  {url}\n")
    fetch_url(workspace, f"pypi:Thing.Kit/{FILE}", tmp_path / "new" / "got", task)
    assert (tmp_path / "new" / "got").read_bytes() == b"content"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["got"]


def test_the_environment_goes_before_the_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text("[global]\nindex-url = file:///in-the-file\n")
    monkeypatch.setenv("PIP_INDEX_URL", "file:///in-the-environment")
    assert pypi.indexes() == ("file:///in-the-environment",)


def test_without_a_setting_it_is_pips_own_index(config: Path) -> None:
    config.write_text("")
    assert [url.partition(":")[0] for url in pypi.indexes()] == ["https"]


def test_a_pip_that_names_no_index_is_told() -> None:
    with pytest.raises(PlanexError, match="names no package index"):
        pypi.default_index("usage: pip install")


def test_what_no_index_has_names_each_of_them(config: Path, tmp_path: Path, workspace: Workspace, task: Task) -> None:
    url = index(tmp_path / "index", "../../files/other.tar.gz")
    config.write_text(f"[global]\nindex-url = {url}\nextra-index-url = file://{tmp_path}/empty\n")
    with pytest.raises(PlanexError) as caught:
        fetch_url(workspace, f"pypi:thing-kit/{FILE}", tmp_path / "got", task)
    lines = caught.value.message.splitlines()
    assert lines[0] == f"no package index of pip gave {FILE}:"
    assert "thing-kit/index.html does not list it" in lines[1]
    assert "empty/thing-kit/index.html" in lines[2]


@pytest.mark.parametrize("path", ["thing", "thing/", "../thing/x.tar.gz", "thing/../x", "thing/a/b", "thing/x y", ""])
def test_only_names_and_files_are_taken(path: str) -> None:
    with pytest.raises(PlanexError, match="not a Python package's file"):
        pypi.parts(path)


PAGE = """
<a href="http://[broken/x-1.tar.gz">broken</a>
<a href="pypi:x/x-1.tar.gz">itself</a>
<a href="git+file:///x/x-1.tar.gz">git</a>
<a href="file:///etc/passwd?/x-1.tar.gz">this machine's</a>
<a href="https://index.example.org/passwd?/x-1.tar.gz">a question</a>
<a href="../../files/x-1.tar.gz#sha256=1">right</a>
"""


def test_a_list_leads_to_places_of_an_index_and_to_nothing_else() -> None:
    assert pypi.link(PAGE, "https://index.example.org/simple/x/", "x-1.tar.gz") == (
        "https://index.example.org/files/x-1.tar.gz"
    )
    assert pypi.link(PAGE, "file:///srv/index/x/index.html", "x-1.tar.gz") == "file:///srv/files/x-1.tar.gz"
    assert pypi.link(PAGE, "https://index.example.org/simple/x/", "passwd") == (
        "https://index.example.org/passwd?/x-1.tar.gz"
    )
