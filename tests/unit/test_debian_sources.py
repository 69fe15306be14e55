# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the Debian archive has where a ``debian:`` source is not there."""

from __future__ import annotations

import http.server
import lzma
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from planex.errors import PlanexError
from planex.report import Reporter, Task
from planex.sources import debian
from planex.sources.debian import fetch_from_debian, parse_sources, similar
from planex.sources.limits import LIMITS

SOURCES = """\
Package: hello
Version: 2.10-3
Files:
 16678389ba7fddcdfa05e0707d61f043 1183 hello_2.10-3.dsc
 6cd0ffea3884a4e79330338dcc2987d6 725946 hello_2.10.orig.tar.gz
 27ab798c1d8d9048ffc8127e9b8dbfca 12688 hello_2.10-3.debian.tar.xz
Checksums-Sha256:
 0d5f60154382fee10b114a1c34e785d8b1f492073ae2d3a6f7b147687b366aa0 725946 hello_2.10.orig.tar.gz
Directory: pool/main/h/hello

Package: libonig
Directory: pool/main/libo/libonig
Homepage: https://github.com/kkos/oniguruma
Files:
 ecf888c93903fe21ae62e3c13f653ad3 638737 libonig_6.9.8.orig.tar.gz

Package: native
Directory: pool/main/n/native
Files:
 ecf888c93903fe21ae62e3c13f653ad3 638737 native_1.tar.xz
"""


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("pool/main/h/hello/hello_2.12.orig.tar.gz", ["pool/main/h/hello/hello_2.10.orig.tar.gz"]),
        ("pool/main/h/hello/hello_2.10.orig.tar.xz", ["pool/main/h/hello/hello_2.10.orig.tar.gz"]),
        ("pool/main/h/hello_2.10.orig.tar.xz", ["pool/main/h/hello/hello_2.10.orig.tar.gz"]),
        ("pool/main/o/oniguruma/oniguruma_6.9.8.orig.tar.gz", ["pool/main/libo/libonig/libonig_6.9.8.orig.tar.gz"]),
        ("pool/main/o/onig/onig_6.9.8.orig.tar.gz", ["pool/main/libo/libonig/libonig_6.9.8.orig.tar.gz"]),
        ("pool/main/n/native/native_2.orig.tar.xz", ["pool/main/n/native/native_1.tar.xz"]),
        ("pool/main/h/helo/helo_2.10.orig.tar.gz", []),
        ("pool/main/h/hello/hello_2.10.orig.tar.gz", []),
        ("../../etc/passwd", []),
        ("", []),
    ],
)
def test_what_may_be_meant(path: str, found: list[str]) -> None:
    assert similar(path, parse_sources(SOURCES.splitlines())) == found


def test_of_many_the_newest_are_named() -> None:
    lines = "".join(f" {'a' * 32} 1 x_{number}.orig.tar.gz\n" for number in range(9))
    found = similar("pool/x/x_10.tar", parse_sources(f"Package: x\nDirectory: pool/x\nFiles:\n{lines}".splitlines()))
    assert found == [f"pool/x/x_{number}.orig.tar.gz" for number in range(3, 9)]


class Mirror(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; what lies below ``locked`` it refuses."""

    def do_GET(self) -> None:
        if "/locked/" in self.path:
            return self.send_error(403)
        return super().do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a mirror that apt is set up with."""
    folder = tmp_path / "mirror"
    (folder / "dists/b/main/source").mkdir(parents=True)
    serving = lambda *args: Mirror(*args, directory=str(folder))  # noqa: E731
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), serving) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{httpd.server_address[1]}"
        program = tmp_path / "bin/apt-get"
        program.parent.mkdir()
        index = f"{url}/dists/b/main/binary-amd64/Packages"
        program.write_text(f'#!/bin/sh\ncase "$*" in *REPO_URI*) echo {url}/;; *) echo {index};; esac\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
        debian._mirrors.cache_clear()
        yield folder
        httpd.shutdown()
        thread.join()
    debian._mirrors.cache_clear()


def refused(path: str, folder: Path) -> PlanexError:
    with pytest.raises(PlanexError) as error:
        fetch_from_debian(path, folder / "x.part", Task(Reporter(), "x"), LIMITS)
    assert [found.name for found in folder.iterdir() if "sources" in found.name] == []
    return error.value


def test_a_source_that_is_not_there_names_what_is(mirror: Path, tmp_path: Path) -> None:
    (mirror / "dists/b/main/source/Sources.xz").write_bytes(lzma.compress(SOURCES.encode()))
    error = refused("pool/main/h/hello/hello_2.12.orig.tar.gz", tmp_path)
    *_, title, last = error.message.splitlines()
    assert (title, last) == ("  what there is:", "    debian:pool/main/h/hello/hello_2.10.orig.tar.gz")
    assert error.hint == "take one of these: by the version, or in the spec's Source line"


def test_what_the_index_names_and_the_mirror_lacks_is_no_old_version(mirror: Path, tmp_path: Path) -> None:
    (mirror / "dists/b/main/source/Sources.xz").write_bytes(lzma.compress(SOURCES.encode()))
    error = refused("pool/main/h/hello/hello_2.10.orig.tar.gz", tmp_path)
    assert "this mirror has it not" in (error.hint or "")
    assert "hello_2.10" not in error.message.partition("what there is")[2]


@pytest.mark.parametrize("index", [b"", b"no xz", lzma.compress(SOURCES.encode())[:-40]])
def test_an_index_that_cannot_be_read_says_nothing(mirror: Path, tmp_path: Path, index: bytes) -> None:
    (mirror / "dists/b/main/source/Sources.xz").write_bytes(index)
    error = refused("pool/main/h/hello/hello_2.12.orig.tar.gz", tmp_path)
    assert len(error.message.splitlines()) == 2
    assert error.hint == "the archive drops old versions: look for a newer one"


def test_a_server_that_refuses_is_not_asked_for_more(mirror: Path, tmp_path: Path) -> None:
    (mirror / "dists/b/main/source/Sources.xz").write_bytes(lzma.compress(SOURCES.encode()))
    assert "what there is" not in refused("locked/hello/hello_2.12.orig.tar.gz", tmp_path).message
