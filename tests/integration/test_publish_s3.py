# SPDX-License-Identifier: LGPL-2.1-or-later
"""Publishing by the command line to a server that speaks S3; moto (``pip install 'moto[s3]' flask flask-cors``) is one.

It is not among what tests need, for it brings thirty packages: the same is tested on a store in memory.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import obstore
import pytest
import requests
from obstore.store import from_url

from planex.run import Completed, run
from planex.snapshot.folder import SnapshotFolder
from tests.conftest import ROOT
from tests.unit.archive_factory import add_night, ident_of, prove_published, settle

moto = pytest.importorskip("moto.server")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The environment by which a server with one empty bucket is reached."""
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    env = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1"}
    env |= {"AWS_ENDPOINT_URL": url, "AWS_ALLOW_HTTP": "true"}
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert requests.put(f"{url}/bucket", timeout=10).status_code == 200
    yield env
    server.stop()


def test_by_the_command_line(workspace: Path, tmp_path: Path, server: dict[str, str]) -> None:
    archive = SnapshotFolder(workspace / "snapshots" / "bookworm")
    add_night(archive, 1)
    add_night(archive, 2, good=False)
    (archive.folder(ident_of(1)) / "repo" / "large").write_bytes(b"x" * 12_000_000)
    settle(archive)

    def publish(where: str) -> Completed:
        words = [sys.executable, "-m", "planex", "-C", str(workspace), "snapshot", "publish", "--to", where]
        return run(words, check=False, env={"PYTHONPATH": str(ROOT), **server})

    def download(name: str) -> Path:
        store = from_url("s3://bucket/some/nights")
        for meta in (meta for chunk in obstore.list(store) for meta in chunk):
            (tmp_path / name / meta["path"]).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / meta["path"]).write_bytes(bytes(obstore.get(store, meta["path"]).bytes()))
        return tmp_path / name

    assert publish("s3://bucket/some/nights").returncode == 0
    assert prove_published(found := download("first")) == [ident_of(1), ident_of(2)]
    assert (found / ident_of(1) / "repo" / "large").stat().st_size == 12_000_000
    page = requests.head(f"{server['AWS_ENDPOINT_URL']}/bucket/some/nights/site/index.html", timeout=10)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    again = publish("s3://bucket/some/nights").stderr
    assert " 0 sent, 0 deleted" in again
    archive.remove(ident_of(1))
    add_night(archive, 3)
    settle(archive)
    assert publish("s3://bucket/some/nights").returncode == 0
    assert prove_published(found := download("second")) == [ident_of(2), ident_of(3)]
    assert not (found / ident_of(1)).exists()
    lost = publish("s3://no-such-bucket/x")
    assert (lost.returncode, "NoSuchBucket" in lost.stderr, "Traceback" in lost.stderr) == (1, True, False)
