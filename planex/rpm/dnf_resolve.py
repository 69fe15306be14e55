# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lets dnf choose and download packages, without installing them: a script for the system's Python, which has dnf.

It runs in a cage that has the network, and answers the JSON request on standard input with JSON (``planex.rpm.dnf``).
The library: https://dnf.readthedocs.io/en/latest/api.html
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

HOME = "/tmp/home"


def main(request: dict[str, Any]) -> dict[str, Any]:
    """Choose and download what is asked for and not installed yet; raises what dnf raises."""
    base = _base(request)
    for spec in request["packages"]:
        _mark(base, spec)
    base.resolve()
    packages = sorted(base.transaction.install_set)
    base.download_packages(packages)
    for package in packages:
        _check_signature(base, package)
    return {"flags": list(base.conf.tsflags), "packages": [_facts(package) for package in packages]}


def _base(request: dict[str, Any]) -> Any:
    import dnf

    base = dnf.Base()
    conf = base.conf
    path = Path(HOME, "dnf.conf")
    path.write_text(request["conf"])
    conf.config_file_path = str(path)
    conf.read(str(path))
    conf.cachedir, conf.installroot = request["cache"], request["root"]
    conf.persistdir = conf.logdir = HOME
    conf.plugins, conf.assumeyes, conf.keepcache = False, True, True
    conf.substitutions["releasever"] = request["releasever"]
    base.read_all_repos()
    for name, folder in request["repos"].items():
        base.repos.add_new_repo(name, conf, baseurl=[f"file://{folder}"], gpgcheck=False, metadata_expire=0, priority=1)
    base.fill_sack(load_system_repo=request["installed"])
    return base


def _mark(base: Any, spec: str) -> None:
    import dnf

    if not spec.startswith("@"):
        try:
            base.install(spec)
        except dnf.exceptions.PackageNotFoundError:
            raise dnf.exceptions.Error(f"no package provides {spec}") from None
        return
    base.read_comps(arch_filter=True)
    base.env_group_install([spec[1:]], tuple(base.conf.group_package_types), strict=base.conf.strict)


def _check_signature(base: Any, package: Any) -> None:
    """As ``gpgcheck`` in the configuration says; a key that ``gpgkey`` names is taken in."""
    import dnf

    status, problem = base.package_signature_check(package)
    if status == 1:
        base.package_import_key(package, askcb=lambda *_: True)
        status, problem = base.package_signature_check(package)
    if status:
        raise dnf.exceptions.Error(f"{package}: {problem}")


def _facts(package: Any) -> dict[str, Any]:
    algorithm, digest = package.returnIdSum()
    return {
        "nevra": str(package),
        "path": package.localPkg(),
        "algorithm": algorithm,
        "digest": digest,
        "buildtime": package.buildtime,
        "size": package.installsize,
        "source": package.sourcerpm or "",
        "repository": package.reponame,
    }


if __name__ == "__main__":
    import locale

    locale.setlocale(locale.LC_ALL, "C.UTF-8")
    question = json.load(sys.stdin)
    Path(HOME).mkdir()
    Path(HOME, ".rpmmacros").write_text(question["macros"])
    os.environ["HOME"] = HOME
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # dnf prints
    try:
        json.dump(main(question), answer)
        answer.flush()
    except Exception as error:  # the end of the script, whose last line is shown
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)
