# SPDX-License-Identifier: LGPL-2.1-or-later
"""Publishing to Debian's docker-registry on loopback, and what a reader has at every moment.

Nothing of planex needs that package, so no machine is asked to have it: ``apt-get install docker-registry``.
"""

from __future__ import annotations

import hashlib
import shutil
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from planex.errors import ConfigError, PlanexError
from planex.report import Reporter, Task
from planex.run import find, spawn
from planex.snapshot.channels import promote
from planex.snapshot.folder import SnapshotFolder
from planex.snapshot.oci import RegistryOutlet, registry_outlet
from planex.snapshot.publish import PublishCounts, publish
from tests.unit.archive_factory import add_night, ident_of, prove_published, settle

pytestmark = [pytest.mark.slow, pytest.mark.skipif(find("docker-registry") is None, reason="needs docker-registry")]
CONFIG = """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}}}, delete: {{enabled: {delete}}}}}
http: {{addr: "127.0.0.1:{port}"}}
log: {{level: error}}
"""
ACCEPT = {"Accept": "application/vnd.oci.image.manifest.v1+json"}


@dataclass(frozen=True)
class Server:
    """A registry that listens."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v2/some/nights"

    def tags(self) -> set[str]:
        return set(requests.get(f"{self.url}/tags/list", timeout=10).json().get("tags") or [])

    def pull(self, tag: str, into: Path) -> None:
        """As a reader does: the manifest, and then each layer by its digest."""
        manifest = requests.get(f"{self.url}/manifests/{tag}", headers=ACCEPT, timeout=10)
        assert manifest.status_code == 200, f"{tag}: {manifest.text}"
        for layer in manifest.json()["layers"]:
            blob = requests.get(f"{self.url}/blobs/{layer['digest']}", timeout=10).content
            assert f"sha256:{hashlib.sha256(blob).hexdigest()}" == layer["digest"]
            path = into / layer["annotations"]["org.opencontainers.image.title"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(blob)

    def read(self, place: Path) -> list[str]:
        """The ids that a reader finds; all that leads there is proved to."""
        shutil.rmtree(place, ignore_errors=True)
        tags = self.tags()
        for tag in tags:
            self.pull(tag, place / {"_site": "site", "_index": ""}.get(tag, tag))
        return prove_published(place)


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "registry.yml"
    delete = str(getattr(request, "param", True)).lower()
    config.write_text(CONFIG.format(folder=tmp_path / "registry", port=port, delete=delete))
    with spawn(["sh", "-c", f"exec docker-registry serve {config} >{tmp_path}/registry.log 2>&1"]) as process:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield Server(port)
        process.kill()


@pytest.fixture
def archive(tmp_path: Path) -> SnapshotFolder:
    found = SnapshotFolder(tmp_path / "snapshots" / "t")
    for number in (1, 2, 3):
        add_night(found, number, good=number != 3)
    settle(found)
    promote(found, found.load(ident_of(1)), "stable", who="me", why="", require=())
    settle(found)
    return found


def send(archive: SnapshotFolder, server: Server, outlet: RegistryOutlet | None = None) -> PublishCounts:
    outlet = outlet or registry_outlet(f"oci://127.0.0.1:{server.port}/some/nights")
    return publish(archive, outlet, "demo", "t", Task(Reporter(), "publish"))


def test_each_snapshot_is_an_artifact_and_channels_are_tags(
    archive: SnapshotFolder, server: Server, tmp_path: Path
) -> None:
    send(archive, server)
    own = {"_site", "_index", "latest", "latest-good", "stable"}
    assert server.tags() == {*map(ident_of, (1, 2, 3)), *own}
    assert server.read(tmp_path / "www") == [ident_of(1), ident_of(2), ident_of(3)]
    for tag, number in (("latest", 3), ("latest-good", 2), ("stable", 1)):
        shutil.rmtree(tmp_path / "one", ignore_errors=True)
        server.pull(tag, tmp_path / "one")
        there = {str(path.relative_to(tmp_path / "one")) for path in (tmp_path / "one").rglob("*") if path.is_file()}
        night = archive.folder(ident_of(number))
        assert there == {str(path.relative_to(night)) for path in night.rglob("*") if path.is_file()}
    assert send(archive, server).sent == 0

    add_night(archive, 4)
    promote(archive, archive.load(ident_of(4)), "stable", who="me", why="", require=())
    archive.remove(ident_of(1))
    settle(archive)
    counts = send(archive, server)
    assert counts.deleted == 1
    assert server.tags() == {*map(ident_of, (2, 3, 4)), *own}
    assert server.read(tmp_path / "www") == [ident_of(2), ident_of(3), ident_of(4)]


def test_a_run_that_ends_anywhere_leaves_readers_a_whole_state(
    archive: SnapshotFolder, server: Server, tmp_path: Path
) -> None:
    """It is cut off at each request that writes; then the next one goes on."""
    where = f"oci://127.0.0.1:{server.port}/some/nights"
    old: list[str] = []
    for number in range(0, 200, 3):
        outlet = registry_outlet(where)
        left = [number]
        request = outlet.registry.session.request

        def cut(method: str, *words: object, left: list[int] = left, request=request, **more: object) -> object:  # type: ignore[no-untyped-def]
            if method in ("PUT", "DELETE", "POST"):
                left[0] -= 1
                if left[0] < 0:
                    raise OSError("cut off")
            return request(method, *words, **more)

        outlet.registry.session.request = cut
        try:
            send(archive, server, outlet)
        except PlanexError as error:
            assert "cut off" in error.message
            found = server.read(tmp_path / "www") if number % 2 == 0 else old
            assert found in (old, [ident_of(1), ident_of(2), ident_of(3)])
        else:
            break
    assert server.read(tmp_path / "www") == [ident_of(1), ident_of(2), ident_of(3)]


@pytest.mark.parametrize("server", [False], indirect=True)
def test_a_registry_that_deletes_nothing_says_so_after_all_else(
    archive: SnapshotFolder, server: Server, tmp_path: Path
) -> None:
    send(archive, server)
    add_night(archive, 4)
    archive.remove(ident_of(2))
    settle(archive)
    with pytest.raises(PlanexError) as caught:
        send(archive, server)
    assert caught.value.hint and "REGISTRY_STORAGE_DELETE_ENABLED" in caught.value.hint
    assert server.read(tmp_path / "www") == [ident_of(1), ident_of(3), ident_of(4)]


def test_what_is_refused(archive: SnapshotFolder, server: Server) -> None:
    for wrong in ("oci://", "oci://host", "oci://host/Upper", "oci://host/a b", "oci://user@host/x"):
        with pytest.raises(ConfigError, match="no address in a registry"):
            registry_outlet(wrong)
    stranger = registry_outlet(f"oci://127.0.0.1:{server.port}/some/nights")
    stranger._publish("_site", "none")
    manifest = {**stranger._manifest("_site"), "artifactType": "application/other"}
    stranger._upload("v1.0", manifest)
    with pytest.raises(ConfigError, match=r"something else than snapshots: v1\.0"):
        send(archive, server)
    with pytest.raises(PlanexError, match=r"oci://127\.0\.0\.1:1/x: "):
        registry_outlet("oci://127.0.0.1:1/x").names()
