# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lets dnf choose and download packages, or tell what there is: a script for the system's Python, which has dnf.

It runs in a cage that has the network, and answers the JSON request on standard input with JSON (``planex.rpm.dnf``).
To upgrade a root, which runs scriptlets, it runs in one that has none (``planex.rpm.upgrade``).
The library: https://dnf.readthedocs.io/en/latest/api.html
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any, ClassVar, NoReturn

HOME = "/tmp/home"
UNREAD = 3
"""Exit status where a repository, or a package in it, cannot be fetched."""
_NEVER_REQUIRED = tuple(f"/usr/share/{name}/" for name in ("doc", "man", "locale", "licenses"))


def main(request: dict[str, Any]) -> dict[str, Any]:
    """Choose what is asked for and not installed yet, and download it if so; raises what dnf raises."""
    base = _base(request)
    if "known" in request:
        return _metadata(base, request)
    if "upgrade" in request:
        return _upgrade(base, request)
    for capability in request["without"]:
        base.sack.add_excludes(base.sack.query().available().filter(provides=capability))
    for spec in request["packages"]:
        _mark(base, spec)
    base.resolve()
    packages = sorted(base.transaction.install_set)
    if request["download"]:
        base.download_packages(packages)
        for package in packages:
            _check_signature(base, package)
    return {"flags": list(base.conf.tsflags), "packages": [_facts(package) for package in packages]}


def _base(request: dict[str, Any]) -> Any:
    import dnf

    # Given no configuration, it would look for a release in the database of "/", which may be a place in /usr.
    base = dnf.Base(dnf.conf.Conf())
    conf = base.conf
    path = Path(HOME, "dnf.conf")
    path.write_text(request["conf"])
    conf.config_file_path = str(path)
    conf.read(str(path))
    conf.cachedir, conf.installroot = request["cache"], request["root"]
    conf.persistdir = conf.logdir = HOME
    conf.plugins, conf.assumeyes, conf.keepcache = False, True, True
    conf.substitutions["releasever"] = request["releasever"]
    conf.cacheonly = request["offline"]
    base.read_all_repos()
    for name, folder in request["repos"].items():
        base.repos.add_new_repo(name, conf, baseurl=[f"file://{folder}"], gpgcheck=False, priority=1)
    for repo in base.repos.iter_enabled():
        if any(url.startswith("file:") for url in repo.baseurl):
            repo._repo.setSyncStrategy(repo.DEFAULT_SYNC)  # what is on this machine is read whatever ``cacheonly`` says
            repo._repo.expire()  # whatever its age is: ``metadata_expire`` counts whole seconds
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


def _metadata(base: Any, request: dict[str, Any]) -> dict[str, Any]:
    """What the repositories offer, unless that is known; and the packages that a buildroot starts with."""
    base.read_comps(arch_filter=True)
    words = request["packages"]
    if unknown := [word for word in words if not _known(base, word)]:
        _fail(f"chroot_setup_cmd of the mock configuration names what is not there: {', '.join(unknown)}")
    digest = hashlib.sha256(Path(__file__).read_bytes() + f"{request['conf']} {request['releasever']}".encode())
    for repo in sorted(base.repos.iter_enabled(), key=lambda repo: repo.id):
        digest.update(repo.id.encode() + b"\0" + Path(repo._repo.getCachedir(), "repodata", "repomd.xml").read_bytes())
    names = [name for word in words for name in (_members(base, word[1:]) if word.startswith("@") else [word])]
    packages = None
    if digest.hexdigest() != request["known"]:
        # As dnf itself chooses: a repository with a smaller priority hides what others have under the same name.
        chosen = base.sack.query().available().filter(latest_per_arch_by_priority=True)
        packages = [_row(package) for package in sorted(chosen)]
    return {"digest": digest.hexdigest(), "setup": sorted(set(names)), "packages": packages}


def _upgrade(base: Any, request: dict[str, Any]) -> dict[str, Any]:
    """What ``dnf upgrade`` would do with the root, or what came of it if that is to be ``run``."""
    base.conf.best, base.conf.obsoletes, base.conf.clean_requirements_on_remove = True, True, False
    base.upgrade_all()
    base.resolve()
    chosen, gone = sorted(base.transaction.install_set), sorted(base.transaction.remove_set)
    base.download_packages(chosen)
    answer = {"upgraded": list(map(str, chosen)), "removed": list(map(str, gone)), "complaints": [], "left": []}
    if request["run"]:
        display = _display()
        base.do_transaction(display)
        base.close()
        answer["complaints"], answer["left"] = display.complaints, _left(_base(request))
    return answer


def _left(base: Any) -> list[str]:
    """What a second upgrade would still change, and what is there though something new is in its place."""
    installed = base.sack.query().installed()
    rivals = base.sack.query().available().latest().filter(obsoletes=installed)
    rivals = [rival for rival in rivals if not installed.filter(name=rival.name)]
    base.conf.best = True
    base.upgrade_all()
    base.resolve()
    texts = [f"dnf would still install {package}" for package in sorted(base.transaction.install_set)]
    return [*texts, *(f"what {rival} makes obsolete is still there" for rival in sorted(rivals))]


def _display() -> Any:
    """Hears what goes wrong in a transaction, failed scriptlets among it."""
    import dnf

    class Display(dnf.yum.rpmtrans.TransactionDisplay):  # type: ignore[misc]
        complaints: ClassVar[list[str]] = []

        def error(self, message: str) -> None:
            self.complaints.append(message)

    return Display()


def _known(base: Any, word: str) -> bool:
    if word.startswith("@"):
        return bool(base.comps.environment_by_pattern(word[1:]) or base.comps.group_by_pattern(word[1:]))
    import dnf

    return bool(dnf.subject.Subject(word).get_best_query(base.sack))


def _fail(message: str) -> NoReturn:
    import dnf

    raise dnf.exceptions.Error(message)


def _members(base: Any, name: str) -> list[str]:
    """Names of the packages that installing a group or environment brings, by the configuration's kinds."""
    kinds = [f"{kind}_packages" for kind in base.conf.group_package_types]
    environment = base.comps.environment_by_pattern(name)
    group = base.comps.group_by_pattern(name)
    groups = list(environment.mandatory_groups) if environment else [group] if group else []
    return [package.name for group in groups for kind in kinds for package in getattr(group, kind)]


def _row(package: Any) -> list[Any]:
    """As planex.rpm.index has it, without files that there are many of and that no package requires."""
    files = [path for path in package.files if not path.startswith(_NEVER_REQUIRED)]
    provides, requires = ([_capability(str(each)) for each in row] for row in (package.provides, package.requires))
    digest = package.returnIdSum()[1]
    return [package.name, package.evr, digest, provides, requires, files, package.location or "", package.downloadsize]


def _capability(text: str) -> list[str]:
    return [text, "", ""] if text.startswith("(") or text.count(" ") != 2 else text.split(" ")


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


def _status(error: Exception) -> int:
    import dnf

    return UNREAD if isinstance(error, (dnf.exceptions.RepoError, dnf.exceptions.DownloadError)) else 1


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
        sys.exit(_status(error))
