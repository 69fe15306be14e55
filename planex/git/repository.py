# SPDX-License-Identifier: LGPL-2.1-or-later
"""Repositories of planex's own: caches, and trees that people work in."""

from __future__ import annotations

import hashlib
import os
import shutil
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from planex.disk import write
from planex.drafts import temporary_folder
from planex.errors import PlanexError
from planex.git.door import run_git

SETTINGS = {
    "core.autocrlf": "false",
    "core.quotePath": "false",
    "gc.auto": "0",
    "merge.conflictStyle": "zdiff3",
    "merge.renameLimit": "20000",
    "rerere.enabled": "true",
    "rerere.autoUpdate": "true",
    "advice.detachedHead": "false",
    "commit.gpgSign": "false",
}
CACHE_SETTINGS = {
    "core.fsync": "none",
    "core.compression": "1",
    "fastimport.unpackLimit": "1",
}
"""For repositories that can be made again at any time."""
_ATTRIBUTES = "* -text -ident -filter -working-tree-encoding -export-subst !diff !merge\n"
"""Upstream's own attributes must not change what is read and written."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Who and when, as git writes it: ``name <email> seconds +zone``."""

    name: str
    email: str
    seconds: int
    zone: str = "+0000"

    def __str__(self) -> str:
        return f"{self.name} <{self.email}> {self.seconds} {self.zone}"


NOBODY = Signature("unknown", "unknown@localhost", 0)
"""Author of patches that name none, and of commits that nobody reads."""


class Repository:
    """A git repository of planex's own: a bare cache, or a work tree that a person works in."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.git_dir = path / ".git" if (path / ".git").exists() else path

    @classmethod
    def create(cls, path: Path, *, bare: bool) -> Repository:
        """A repository at ``path``, bare for a cache; one that is there already is used as it is."""
        if not (path / ("HEAD" if bare else ".git/HEAD")).exists():
            with temporary_folder(path.parent, path.name) as made:
                cls(made).git("init", "--quiet", "--initial-branch=queue", *(["--bare"] if bare else []))
                _configure(made if bare else made / ".git", {**SETTINGS, **(CACHE_SETTINGS if bare else {})})
                made.rename(path)
        return cls(path)

    def git(self, *words: str | Path, env: Mapping[str, str] | None = None, stdin: bytes | None = None) -> str:
        """Run git; its output without the last line end. Raises PlanexError with git's own words."""
        done = self.attempt(*words, env=env, stdin=stdin)
        if done[0]:
            said = reason(done[2] or done[1]) or f"status {done[0]}"
            raise PlanexError(f"git {words[0]} in {self.path}: {said}")
        return done[1].removesuffix("\n")

    def attempt(
        self,
        *words: str | Path,
        env: Mapping[str, str] | None = None,
        inherit: Collection[str] = (),
        stdin: bytes | None = None,
    ) -> tuple[int, str, str]:
        """Run git, whatever it says: exit status, output, errors."""
        done = run_git(self.path, words, env=env, inherit=inherit, stdin=stdin, check=False)
        return done.returncode, done.stdout, done.stderr

    def resolve(self, name: str) -> str | None:
        """The object id that a name stands for, if it is there."""
        status, out, _ = self.attempt("rev-parse", "--verify", "--quiet", "--end-of-options", name)
        return out.strip() if status == 0 else None

    def has(self, *objects: str) -> bool:
        """Whether all these objects are there."""
        text = self.git("cat-file", "--batch-check=%(objecttype)", stdin="\n".join(objects).encode() + b"\n")
        return not any(line.endswith("missing") for line in text.splitlines())

    def write_commit(self, tree: str, parents: Sequence[str], author: Signature, message: str) -> str:
        """Store a commit object; returns its id."""
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
        lines += [f"author {author}", f"committer {author}", "", message]
        return self.write_object("commit", "\n".join(lines).encode("utf-8", "surrogateescape"))

    def write_object(self, kind: str, data: bytes) -> str:
        """Store an object as git's loose file (zlib over ``kind SP size NUL data``), without a process; its id."""
        content = b"%s %d\0%s" % (kind.encode(), len(data), data)
        name = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        path = f"{self.git_dir}/objects/{name[:2]}/{name[2:]}"
        if not os.path.exists(path):  # noqa: PTH110  a Path takes longer to make, and a queue asks for thousands
            _write_object(Path(path), zlib.compress(content, 1))
        return name

    def set_ref(self, ref: str, commit: str) -> None:
        self.git("update-ref", ref, commit)

    def copy_objects(self, source: Repository) -> None:
        """Share another repository's objects by hard links (copies where the file system has none)."""
        for folder, _, names in os.walk(source.git_dir / "objects"):
            target = self.git_dir / "objects" / Path(folder).relative_to(source.git_dir / "objects")
            target.mkdir(parents=True, exist_ok=True)
            for name in names:
                _link(Path(folder) / name, target / name)


def reason(said: str) -> str:
    """What git says went wrong: its first fatal line, else its first error, else its last line."""
    lines = said.strip().splitlines()
    starts = ("fatal: ", "error: ")
    return next((line for start in starts for line in lines if line.startswith(start)), lines[-1] if lines else "")


def _write_object(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    path.parent.mkdir(exist_ok=True)
    write(temporary, data)
    temporary.chmod(0o444)
    temporary.rename(path)


def _configure(git_dir: Path, settings: Mapping[str, str]) -> None:
    lines = [f"[{key.partition('.')[0]}]\n\t{key.partition('.')[2]} = {value}\n" for key, value in settings.items()]
    with (git_dir / "config").open("a") as file:
        file.write("".join(lines))
    (git_dir / "info").mkdir(exist_ok=True)
    write(git_dir / "info" / "attributes", _ATTRIBUTES.encode())


def _link(source: Path, target: Path) -> None:
    if target.exists():
        return
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)


def git_apply(folder: Path, patch: Path, strip: int, *, reverse: bool = False) -> str | None:
    """``git apply`` in a folder that is no repository; returns git's complaint, or None when it applied."""
    words = [f"-p{strip}", "--whitespace=nowarn", *(["--reverse"] if reverse else []), str(patch)]
    env = {"GIT_CEILING_DIRECTORIES": str(folder.resolve().parent)}
    status, _, err = Repository(folder).attempt("apply", *words, env=env)
    return err if status else None
