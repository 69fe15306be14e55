# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bills of materials: valid by CycloneDX' own schema, complete, the same for the same manifest."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from planex.errors import MissingTool
from planex.host.live import Installed
from planex.host.manifest import Manifest, ShippedRpm
from tests.unit.manifest_factory import PATCH, RPM, SOURCE, make_manifest


def made(manifest: Manifest) -> dict[str, Any]:
    from planex.host.sbom import sbom

    found: dict[str, Any] = json.loads(sbom(manifest))
    return found


def test_it_is_valid_by_the_schema() -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    from planex.host.sbom import sbom

    odd = [
        make_manifest(),
        make_manifest(rpms=(), sources=(), patches=(), packages=(), sha256=""),
        make_manifest(sources=(replace(SOURCE, url="debian:pool/main/x/x_1+2.tar.xz"), replace(SOURCE, name="a b"))),
        make_manifest(sources=(replace(SOURCE, url=""),)),
        make_manifest(sources=(replace(SOURCE, url="https://x.org/[100% #1#2].tar?a=%20b"),)),
        make_manifest(patches=(replace(PATCH, name="dir/é %.patch"), replace(PATCH, upstream="unknown", commits=()))),
        make_manifest(rpms=(replace(RPM, licence="GPLv2+ and odd"), replace(RPM, nevra="x-2:1-1.noarch", source=""))),
    ]
    for manifest in odd:
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(sbom(manifest)) is None


@pytest.mark.parametrize(
    "manifest",
    [
        make_manifest(),
        make_manifest(rpms=(), sources=(), patches=(), packages=(), sha256="", vendor=""),
        make_manifest(sources=(replace(SOURCE, url="debian:pool/main/x/x_1+2.tar.xz"), replace(SOURCE, name="a b"))),
        make_manifest(sources=(replace(SOURCE, url="https://x.org/[100% #1#2].tar?a=%20b"),)),
        make_manifest(patches=(replace(PATCH, name="dir/é %.patch"), replace(PATCH, upstream="unknown", commits=()))),
        make_manifest(rpms=(replace(RPM, licence="GPLv2+ and odd"), replace(RPM, nevra="x-2:1-1.noarch", source=""))),
    ],
)
def test_the_one_by_spdx_is_valid_by_its_own_library(manifest: Manifest, tmp_path: Path) -> None:
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    from planex.host.spdx import document_of, spdx

    (tmp_path / "x.spdx.json").write_text(spdx(manifest))
    read = parse_file(str(tmp_path / "x.spdx.json"))
    assert validate_full_spdx_document(read) == []
    assert read == document_of(manifest)
    assert spdx(manifest) == spdx(manifest)


def test_spdx_relates_what_is_on_the_iso_to_what_it_was_made_from() -> None:
    from planex.host.spdx import spdx

    data = json.loads(spdx(make_manifest()))
    names = {each["SPDXID"]: each["name"] for each in data["packages"]} | {"SPDXRef-DOCUMENT": "document"}
    relations = {
        (names[each["spdxElementId"]], each["relationshipType"], names[each["relatedSpdxElement"]])
        for each in data["relationships"]
    }
    assert {
        ("document", "DESCRIBES", "x"),
        ("foo", "GENERATED_FROM", "foo"),
        ("foo", "GENERATED_FROM", "foo-1.tar"),
        ("fix.patch", "PATCH_FOR", "foo"),
        ("x", "CONTAINS", "foo"),
    } <= relations
    patch = next(each for each in data["packages"] if each["name"] == "fix.patch")
    assert patch["checksums"] == [{"algorithm": "SHA256", "checksumValue": "d" * 64}]
    assert (patch["summary"], patch["sourceInfo"]) == ("Fix it", f"backport of {'e' * 40}")


def test_patches_are_the_pedigree_of_what_they_change() -> None:
    bom = made(make_manifest())
    package = next(each for each in bom["components"] if each["bom-ref"] == "package:foo")
    (ancestor,), (patch,), (commit,) = (package["pedigree"][name] for name in ("ancestors", "patches", "commits"))
    assert ancestor["hashes"] == [{"alg": "SHA-512", "content": "c" * 128}]
    assert ancestor["externalReferences"] == [{"type": "source-distribution", "url": "https://example.org/foo-1.tar"}]
    assert patch == {"type": "backport", "diff": {"url": f"patchqueues/foo/fix.patch#sha256:{'d' * 64}"}}
    assert commit == {"uid": "e" * 40, "message": "Fix it"}
    assert package["pedigree"]["notes"].splitlines()[1:] == ["fix.patch  Fix it"]
    (rpm,) = package["components"]
    assert rpm["purl"] == "pkg:rpm/x/foo@1-1?arch=noarch&upstream=foo-1-1.src.rpm"
    assert rpm["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    assert rpm["licenses"] == [{"license": {"id": "MIT", "acknowledgement": "declared"}}]
    assert {"name": "planex:sha256-unsigned", "value": "b" * 64} in rpm["properties"]


def test_the_base_stands_beside() -> None:
    bom = made(make_manifest(packages=(Installed("bash-1:5.2-1.x86_64", "", "base", "", 3),)))
    (base,) = (each for each in bom["components"] if each["bom-ref"].startswith("rpm:"))
    assert base["purl"] == "pkg:rpm/t/bash@5.2-1?arch=x86_64&epoch=1" and "hashes" not in base


def test_the_iso_itself() -> None:
    about = made(make_manifest())["metadata"]
    assert about["component"]["hashes"] == [{"alg": "SHA-256", "content": "0" * 64}]
    assert about["timestamp"] == "2023-11-14T22:13:20+00:00"
    assert {"name": "planex:commit", "value": "1" * 40} in about["component"]["properties"]


def test_the_same_manifest_gives_the_same_bytes() -> None:
    from planex.host.sbom import sbom

    assert sbom(make_manifest()) == sbom(make_manifest())
    assert made(make_manifest())["serialNumber"] != made(make_manifest(version="2"))["serialNumber"]
    rpms = tuple(
        ShippedRpm(f"n{n}-1-1.noarch", f"/p/n{n}.rpm", "a" * 64, "b" * 64, "n-1-1.src.rpm", "") for n in (1, 2)
    )
    assert len(made(make_manifest(rpms=tuple(rpms)))["components"]) == 2, "RPMs of one package are in one component"


def test_the_extra_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from planex.host.bill import bill_of

    for name in [name for name in sys.modules if name.split(".")[0] == "cyclonedx"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cyclonedx", None)
    monkeypatch.delitem(sys.modules, "planex.host.sbom", raising=False)
    monkeypatch.setitem(sys.modules, "spdx_tools", None)
    monkeypatch.setitem(sys.modules, "spdx_tools.common.spdx_licensing", None)
    monkeypatch.delitem(sys.modules, "planex.host.spdx", raising=False)
    with pytest.raises(MissingTool, match="cyclonedx-python-lib is not installed") as caught:
        bill_of(make_manifest())
    assert "planex[sbom]" in str(caught.value.hint)
    with pytest.raises(MissingTool, match="spdx-tools is not installed"):
        bill_of(make_manifest(), "spdx")
