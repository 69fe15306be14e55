# SPDX-License-Identifier: LGPL-2.1-or-later
"""What stands behind the %pyproject macros of the embedded base: ``python3 pyproject.py VERB ...`` in a buildroot.

The backend that pyproject.toml names is called directly, as PEP 517 says; nothing is fetched. It runs in the folder of
the unpacked source. What is built and installed is kept below ``STATE``, a path that the macros give.
"""

from __future__ import annotations

import argparse
import configparser
import email
import fnmatch
import importlib
import importlib.metadata
import json
import os
import re
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from email.message import Message
from pathlib import Path, PurePosixPath
from typing import Any

SITE = "/usr/lib/python3/dist-packages"
_WRAPPER = "#!/usr/bin/python3\nimport sys\n\nfrom {module} import {first}\n\nsys.exit({function}())\n"
_NOT_INSTALLED = re.compile(r"\.dist-info/(RECORD(\.\w+)?|INSTALLER|direct_url\.json)$")
_BETWEEN = {">=": ">= {}", "<=": "<= {}", ">": "> {}", "<": "< {}", "==": "= {}", "===": "= {}"}


class Refused(Exception):
    """What is asked for cannot be; the message says why."""


# --- requirements


def capability(requirement: Any) -> str:
    """A requirement as rpm states it: ``python3dist(x) >= 1``. Extras of what is asked for are left out."""
    name = f"python3dist({normal(requirement.name)})"
    clauses = [clause for each in requirement.specifier for clause in _clauses(name, each.operator, each.version)]
    return f"({' with '.join(clauses)})" if len(clauses) > 1 else (clauses or [name])[0]


def _clauses(name: str, operator: str, version: str) -> list[str]:
    stem = version.removesuffix(".*")
    if operator == "~=":
        return [f"{name} >= {rpm_version(stem)}", f"{name} < {_next(stem.rpartition('.')[0])}"]
    if operator == "==" and version.endswith(".*"):
        return [f"{name} >= {rpm_version(stem)}", f"{name} < {_next(stem)}"]
    if operator == "!=":
        above = f">= {_next(stem)}" if version.endswith(".*") else f"> {rpm_version(stem)}"
        return [f"({name} < {rpm_version(stem)} or {name} {above})"]
    return [f"{name} {_BETWEEN[operator].format(rpm_version(stem))}"]


def rpm_version(version: str) -> str:
    """A version as rpm compares it: a pre-release comes before its release, and ``1.0`` is ``1``."""
    release = re.sub(r"(\d)[-_.]?((?:a|b|c|rc|alpha|beta|pre|dev)[-_.]?\d*)", r"\1~\2", version.replace("-", "."))
    return re.sub(r"(\.0)+(?=$|~)", "", release)


def _next(version: str) -> str:
    head, _, last = version.rpartition(".")
    return f"{head}.{int(last) + 1}" if head else str(int(last) + 1)


def normal(name: str) -> str:
    """The name of a distribution as they are compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


def applying(lines: Sequence[str], extras: Sequence[str] = ()) -> list[Any]:
    """The requirements that count here, with these extras."""
    from packaging.requirements import Requirement

    found = map(Requirement, lines)
    return [
        each for each in found if not each.marker or any(each.marker.evaluate({"extra": of}) for of in ("", *extras))
    ]


def _tell(requirements: Sequence[Any]) -> bool:
    """Print requirements for rpm; whether all are installed."""
    for each in requirements:
        print(capability(each))
    return all(map(_installed, requirements))


def _installed(requirement: Any) -> bool:
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return bool(requirement.specifier.contains(version, prereleases=True))


# --- the backend


def _build_system() -> dict[str, Any]:
    path = Path("pyproject.toml")
    table = tomllib.loads(path.read_text()).get("build-system", {}) if path.exists() else {}
    return {"requires": ["setuptools"], "build-backend": "setuptools.build_meta:__legacy__", **table}


def _backend(system: dict[str, Any]) -> Any:
    sys.path[:0] = [str(Path(each).resolve()) for each in system.get("backend-path", [])]
    module, _, attribute = system["build-backend"].partition(":")
    found = importlib.import_module(module)
    for name in filter(None, attribute.split(".")):
        found = getattr(found, name)
    return found


@contextmanager
def _said_to_stderr() -> Iterator[None]:
    """Standard output is rpm's to read, and backends print to it."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def _call(hook: str, *arguments: Any, otherwise: Any = None) -> Any:
    with _said_to_stderr():
        backend = _backend(_build_system())
        return getattr(backend, hook)(*arguments) if hasattr(backend, hook) else otherwise


def buildrequires(words: Sequence[str]) -> None:
    """Print what is needed, as far as what is installed can tell; rpm installs that and asks again."""
    parser = _parser("%pyproject_buildrequires")
    for flag in ("-r", "-R", "-w", "-N"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("-x", action="append", default=[])
    parser.add_argument("files", nargs="*")
    asked = parser.parse_intermixed_args(words)
    print("python3dist(packaging)")  # also where it is there already: each answer must name all
    try:
        import packaging.requirements  # noqa: F401
    except ImportError:
        return
    known = _tell(applying([line for file in asked.files for line in _lines(file)]))
    if asked.N or not (_tell(applying(_build_system()["requires"])) and known):
        return
    if not _tell(applying(_call("get_requires_for_build_wheel", otherwise=[]))) or asked.R:
        return
    extras = [extra.strip() for each in asked.x for extra in each.split(",")]
    _tell(applying(_metadata().get_all("Requires-Dist") or [], extras))


def _lines(file: str) -> list[str]:
    lines = (line.split(" #")[0].strip() for line in Path(file).read_text().splitlines())
    return [line for line in lines if line and not line.startswith(("#", "-"))]


def _metadata() -> Message:
    with tempfile.TemporaryDirectory() as folder:
        if name := _call("prepare_metadata_for_build_wheel", folder):
            return email.message_from_string((Path(folder) / name / "METADATA").read_text())
        with zipfile.ZipFile(Path(folder) / _call("build_wheel", folder)) as archive:
            (member,) = (each for each in archive.namelist() if each.endswith(".dist-info/METADATA"))
            return email.message_from_bytes(archive.read(member))


def wheel(words: Sequence[str]) -> None:
    """Build a wheel into STATE-wheels. ``-C key=value`` goes to the backend."""
    parser = _parser("%pyproject_wheel", state=True)
    parser.add_argument("-C", action="append", default=[])
    asked = parser.parse_intermixed_args(words)
    folder = Path(f"{asked.state}-wheels")
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    settings = dict(each.partition("=")[::2] for each in asked.C)
    print(_call("build_wheel", str(folder), settings or None))


# --- installing


def install(words: Sequence[str]) -> None:
    """Unpack the wheels into the build root, and keep the list of what went in."""
    parser = _parser("%pyproject_install", state=True)
    parser.add_argument("root", type=Path)
    asked = parser.parse_intermixed_args(words)
    wheels = sorted(Path(f"{asked.state}-wheels").glob("*.whl"))
    if not wheels:
        raise Refused("there is no wheel to install: put %pyproject_wheel into %build")
    made = [path for each in wheels for path in _unpack(each, asked.root)]
    Path(f"{asked.state}-record").write_text(json.dumps(made))


def _unpack(path: Path, root: Path) -> Iterator[str]:
    name = path.name.split("-")[0]
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.is_dir() or _NOT_INSTALLED.search(info.filename):
                continue
            data, place = archive.read(info), _place(info.filename, name)
            script = place.startswith("/usr/bin/")
            if script:
                data = re.sub(rb"\A#!.*python[\w.]*", b"#!/usr/bin/python3", data)
            yield _write(root, place, data, script or bool(info.external_attr >> 16 & 0o111))
            if place.endswith(".dist-info/entry_points.txt"):
                yield from _wrappers(root, data.decode())
            if place.endswith(".dist-info/METADATA"):
                yield _write(root, f"{place.rpartition('/')[0]}/INSTALLER", b"rpm\n", False)


def _place(member: str, name: str) -> str:
    parts = PurePosixPath(member).parts
    if ".." in parts or member.startswith("/"):
        raise Refused(f"a file of the wheel leads out of it: {member}")
    if not parts[0].endswith(".data"):
        return f"{SITE}/{member}"
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    places = {"purelib": SITE, "platlib": SITE, "scripts": "/usr/bin", "data": "/usr"}
    places["headers"] = f"/usr/include/python{version}/{name}"
    return "/".join([places[parts[1]], *parts[2:]])


def _wrappers(root: Path, text: str) -> Iterator[str]:
    """A program for each entry point that is one."""
    entries = configparser.ConfigParser(delimiters="=", strict=False)
    entries.optionxform = str  # type: ignore[assignment,method-assign]
    entries.read_string(text)
    for section in {"console_scripts", "gui_scripts"} & set(entries.sections()):
        for name, target in sorted(entries[section].items()):
            module, _, function = target.split("[")[0].strip().partition(":")
            body = _WRAPPER.format(
                module=module.strip(), function=function.strip(), first=function.strip().split(".")[0]
            )
            yield _write(root, f"/usr/bin/{name}", body.encode(), True)


def _write(root: Path, place: str, data: bytes, program: bool) -> str:
    path = root / place.lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o755 if program else 0o644)
    return place


def save_files(words: Sequence[str]) -> None:
    """Write STATE-files for %files: modules by name or pattern, the metadata, and with ``+auto`` all else.

    STATE-ghosts is for packages of extras: they have the metadata without having it.
    """
    parser = _parser("%pyproject_save_files", state=True)
    parser.add_argument("-l", action="store_true")
    parser.add_argument("-L", action="store_true")
    parser.add_argument("modules", nargs="*")
    asked = parser.parse_intermixed_args(words)
    record = json.loads(Path(f"{asked.state}-record").read_text())
    tops = sorted({path.removeprefix(f"{SITE}/").split("/")[0] for path in record if path.startswith(f"{SITE}/")})
    metadata = [top for top in tops if top.endswith(".dist-info")]
    patterns = [each.split(".")[0] for each in asked.modules if not each.startswith("+")]
    chosen = [top for top in tops if top not in metadata and _chosen(top, patterns)]
    if lost := [each for each in patterns if not any(_chosen(top, [each]) for top in chosen)]:
        raise Refused(f"no module {', '.join(lost)}; installed are: {', '.join(sorted(set(tops) - set(metadata)))}")
    if asked.l and not any("/licen" in path.lower() or "/copying" in path.lower() for path in record):
        raise Refused("-l: no wheel has a licence file")
    others = [path for path in record if not path.startswith(f"{SITE}/")] if "+auto" in asked.modules else []
    lines = [f'"{SITE}/{top}"' for top in (*chosen, *metadata)] + [f'"{path}"' for path in others]
    Path(f"{asked.state}-files").write_text("\n".join(lines) + "\n")
    ghosts = [f'%ghost %dir "{SITE}/{top}"\n%ghost "{SITE}/{top}/METADATA"\n' for top in metadata]
    Path(f"{asked.state}-ghosts").write_text("".join(ghosts))
    Path(f"{asked.state}-modules").write_text("\n".join(sorted(_modules(record, chosen))) + "\n")


def _chosen(top: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(top.split(".")[0], each) for each in patterns)


def _modules(record: Sequence[str], tops: Sequence[str]) -> Iterator[str]:
    """Dotted names of all modules in these folders and files."""
    for path in record:
        inner = path.removeprefix(f"{SITE}/")
        if path.startswith(f"{SITE}/") and inner.split("/")[0] in tops and inner.endswith((".py", ".so")):
            *folders, file = inner.split("/")
            names = [*folders, file.split(".")[0]]
            names = names[:-1] if names[-1] == "__init__" else names
            if names[-1] != "__main__" and all(name.isidentifier() for name in names):
                yield ".".join(names)


def check_import(words: Sequence[str]) -> None:
    """Import the named modules, or all that save_files chose, from the build root."""
    parser = _parser("%pyproject_check_import", state=True)
    parser.add_argument("root")
    parser.add_argument("-e", action="append", default=[])
    parser.add_argument("-t", action="store_true")
    parser.add_argument("modules", nargs="*")
    asked = parser.parse_intermixed_args(words)
    sys.path.insert(0, f"{asked.root}{SITE}")
    sys.dont_write_bytecode = True
    modules = asked.modules or Path(f"{asked.state}-modules").read_text().split()
    modules = [name for name in modules if not any(fnmatch.fnmatchcase(name, each) for each in asked.e)]
    wrong = [text for name in modules if not (asked.t and "." in name) if (text := _importing(name))]
    if wrong:
        raise Refused("cannot be imported:\n  " + "\n  ".join(wrong))


def _importing(name: str) -> str:
    try:
        importlib.import_module(name)
    except (Exception, SystemExit) as error:
        return f"{name}: {type(error).__name__}: {error}"
    return ""


# --- what rpm asks for of an installed distribution; it gives the package's name, and a file a line on standard input


def provides(words: Sequence[str]) -> None:
    """``python3dist(x) = version`` of each METADATA or PKG-INFO; ``python3dist(x[extra])`` for a package NAME+EXTRA."""
    for metadata in _named():
        extra = "".join(f"[{each}]" for each in _extra(words, metadata))
        print(f"python3dist({normal(metadata['Name'])}{extra}) = {rpm_version(metadata['Version'])}")


def requires(words: Sequence[str]) -> None:
    """Requires-Dist of each, or what an extra needs beyond that.

    Nothing where packaging is not installed, by which they are read.
    """
    for metadata in _named():
        lines, extra = metadata.get_all("Requires-Dist") or [], _extra(words, metadata)
        try:
            always = list(map(capability, applying(lines)))
            found = [text for text in map(capability, applying(lines, extra)) if text not in always]
        except ImportError:
            continue
        print("\n".join(found if extra else always))


def _extra(words: Sequence[str], metadata: Message) -> list[str]:
    """The extra that a package is for, as the metadata writes it; none for a package that is for no extra."""
    name, _, extra = "".join(words).partition("+")
    known = metadata.get_all("Provides-Extra") or []
    found = [each for each in known if extra and normal(each) == normal(extra)]
    if extra and not found and normal(name).endswith(normal(metadata["Name"])):  # else it is a name such as c++-tools
        raise Refused(f"{metadata['Name']} has no extra {extra} (it has: {', '.join(known) or 'none'})")
    return found


def _named() -> Iterator[Message]:
    for line in sys.stdin:
        metadata = email.message_from_string(Path(line.rstrip("\n")).read_text(errors="replace"))
        if metadata["Name"] and metadata["Version"]:
            yield metadata


def _parser(macro: str, *, state: bool = False) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=macro, allow_abbrev=False, add_help=False)
    if state:
        parser.add_argument("state")
    return parser


VERBS: dict[str, Callable[[Sequence[str]], None]] = {
    verb.__name__: verb for verb in (buildrequires, wheel, install, save_files, check_import, provides, requires)
}

if __name__ == "__main__":
    try:
        VERBS[sys.argv[1]](sys.argv[2:])
    except Refused as error:
        if sys.argv[1] in ("provides", "requires"):
            print(f"!{error}")  # rpm goes on after a generator that failed, but not after words that it cannot read
        sys.exit(f"error: {error}")
