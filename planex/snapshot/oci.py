# SPDX-License-Identifier: LGPL-2.1-or-later
"""An outlet in an OCI registry. The only user of oras; to be imported where it is used, for it is an extra.

A snapshot is an artifact with its id as tag and a layer for each of its files; ``latest`` and channels are tags of the
same. The pages are one with the tag ``_site``, and ``snapshots.json`` is in ``_index``: no channel has such a name.
Credentials are those that docker, podman or oras keep for the registry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from oras.container import Container
from oras.provider import Registry

from planex.checksums import digest_of, digest_of_text
from planex.errors import ConfigError, PlanexError
from planex.snapshot.folder import LATEST, LATEST_GOOD
from planex.snapshot.ident import parse_id
from planex.snapshot.publish import INDEX, PublishStage
from planex.snapshot.record import NAME

TYPE = "application/vnd.planex.snapshot.v1"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_TITLE = "org.opencontainers.image.title"
_SITE, _INDEX = "_site", "_index"
_ADDRESS = re.compile(r"oci://([\w.-]+(?::\d+)?)/([a-z0-9]+(?:[._/-]+[a-z0-9]+)*)", re.ASCII)
_LOCAL = re.compile(r"(localhost|127\.0\.0\.1)(:\d+)?")
_TIMEOUT = (20, 300)
"""Seconds to connect, and without a byte."""
_EMPTY = {"mediaType": "application/vnd.oci.empty.v1+json", "size": 2, "digest": f"sha256:{digest_of_text('{}')}"}


@dataclass(frozen=True)
class RegistryOutlet:
    """``name``: of the repository in the registry."""

    registry: Registry
    host: str
    name: str
    _layers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Path to what is there, of files that were sent."""

    @cached_property
    def _tags(self) -> tuple[str, ...]:
        """What was there when planex came; a snapshot that is there is whole, and never changes."""
        url = f"{self.registry.prefix}://{self._container('x').tags_url(N=None)}"
        with self._telling():
            if self.registry.do_request(url).status_code == 404:
                return ()
            return tuple(self.registry.get_tags(self._container("x")))

    def names(self) -> list[str]:
        own = {_SITE: "site", _INDEX: INDEX, LATEST: LATEST, LATEST_GOOD: LATEST_GOOD}
        return sorted({own.get(tag) or (tag if parse_id(tag) else self._lead(tag)) for tag in self._tags})

    def _lead(self, tag: str) -> str:
        """A channel, or something of a stranger's."""
        return "channels" if self._manifest(tag).get("artifactType") == TYPE else tag

    def read(self, path: str) -> bytes:
        layers = self._manifest(_INDEX).get("layers", ())
        found = [layer for layer in layers if layer.get("annotations", {}).get(_TITLE) == path]
        if not found:
            raise PlanexError(
                f"oci://{self.host}/{self.name}:{_INDEX} is no index of snapshots", "name a new repository"
            )
        with self._telling():
            response = self.registry.get_blob(self._container(_INDEX), found[0]["digest"])
            self.registry._check_200_response(response)
            return bytes(response.content)

    def send(self, root: Path, stage: PublishStage) -> int:
        """Send what is lacking; what makes it an artifact comes after all that is in it, and links after that."""
        wanted = [path for path in stage.paths if _top(path) not in self._tags and not (root / path).is_symlink()]
        sent = sum(self._put(root, path) for path in wanted)
        for ident in (_top(path) for path in wanted if path == f"{_top(path)}/{NAME}"):
            self._publish(ident, ident)
        if stage.leading:
            for link in (path for path in stage.paths if (root / path).is_symlink()):
                self._tag((root / link).readlink().name, Path(link).name)
            self._publish(_SITE, "site")
            self._publish(_INDEX, "")
        return sent

    def prune(self, root: Path, wanted: frozenset[str]) -> int:
        there = {_top(path) for path in wanted}
        doomed = [tag for tag in self._tags if parse_id(tag) and tag not in there]
        with self._telling("the registry must allow it: REGISTRY_STORAGE_DELETE_ENABLED=true"):
            return sum(self.registry.delete_tag(self._container(tag), tag) for tag in doomed)

    def _put(self, root: Path, path: str) -> bool:
        """Whether the file had to be sent."""
        file = root / path
        inside = path.partition("/")[2] or path
        layer = {"mediaType": "application/octet-stream", "size": file.stat().st_size}
        layer |= {"digest": f"sha256:{digest_of(file, 'sha256')}", "annotations": {_TITLE: inside}}
        self._layers[path] = layer
        return self._blob(file, layer)

    def _blob(self, file: Path, layer: dict[str, Any]) -> bool:
        container = self._container("x")
        with self._telling():
            if self.registry.blob_exists(layer, container):
                return False
            self.registry._check_200_response(self.registry.put_upload(str(file), container, layer))
            return True

    def _publish(self, tag: str, folder: str) -> None:
        layers = [layer for path, layer in sorted(self._layers.items()) if _top(path) == folder]
        with NamedTemporaryFile() as file:
            file.write(b"{}")
            file.flush()
            self._blob(Path(file.name), _EMPTY)
        head = {"schemaVersion": 2, "mediaType": _MANIFEST, "artifactType": TYPE}
        self._upload(tag, {**head, "config": _EMPTY, "layers": layers, "annotations": {}})

    def _tag(self, ident: str, tag: str) -> None:
        self._upload(tag, self._manifest(ident))

    def _upload(self, tag: str, manifest: dict[str, Any]) -> None:
        with self._telling():
            self.registry._check_200_response(self.registry.upload_manifest(manifest, self._container(tag)))

    def _manifest(self, tag: str) -> dict[str, Any]:
        with self._telling():
            return dict(self.registry.get_manifest(self._container(tag)))

    def _container(self, tag: str) -> Container:
        return Container(f"{self.host}/{self.name}:{tag}")

    @contextmanager
    def _telling(self, hint: str = "docker login, podman login or oras login for it; is it up?") -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, RuntimeError) as error:
            raise PlanexError(f"oci://{self.host}/{self.name}: {' '.join(str(error).split())}", hint) from None


def registry_outlet(where: str) -> RegistryOutlet:
    """The outlet of an address such as ``oci://registry.example.org/nights``; without TLS on this machine."""
    if not (match := _ADDRESS.fullmatch(where)):
        raise ConfigError(f"{where} is no address in a registry", "oci://HOST/NAME, in lower case")
    registry = Registry(hostname=match[1], insecure=bool(_LOCAL.fullmatch(match[1])))
    registry.session.request = partial(registry.session.request, timeout=_TIMEOUT)
    # oras would try for two minutes whatever fails; the next run goes on where this one ended
    registry.do_request = partial(Registry.do_request.__wrapped__, registry)
    outlet = RegistryOutlet(registry, match[1], match[2])
    registry.auth.load_configs(outlet._container("x"))
    return outlet


def _top(path: str) -> str:
    return path.partition("/")[0] if "/" in path else ""
