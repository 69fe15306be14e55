# SPDX-License-Identifier: LGPL-2.1-or-later
"""The orchestrator with a builder that does what a test says: keys, what it believes, and when it stops."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result

from planex.cli import build as build_command
from planex.cli import cli
from planex.cli.context import Context
from planex.cli.failure import failed, told
from planex.content.key import Inputs
from planex.distro.config import load_config
from planex.distro.origins import patches_of, sources_of
from planex.distro.project import load_project
from planex.engine import builders
from planex.engine.build import Build, Options
from planex.engine.builders import Job
from planex.engine.buildroot import read_base
from planex.engine.outcome import BuildFailed, Outcome
from planex.engine.workshop import Workshop, own_inputs
from planex.errors import CommandFailed, ConfigError, PlanexError
from planex.events import Status
from planex.report import Reporter, Task
from planex.rpm import repo
from planex.rpm.capability import Capability
from planex.rpm.index import Index
from planex.rpm.srpm import make_srpm
from planex.workspace import Workspace
from tests.conftest import ROOT
from tests.unit.factories import base, indexed
from tests.unit.rpm_factory import make_rpm

pytestmark = pytest.mark.tools("rpmbuild", "bwrap")

CONFIG = "name: test\nversion: '1'\nvendor: tests\ntargets: {bookworm: {base: bookworm, embedded: true}}\n"
SPEC = """\
Name: {name}
Version: 1
Release: 1
Summary: x
License: MIT
BuildArch: noarch
{needs}
%description
x
%files
%changelog
* Thu Nov 19 2026 t <t@example.org> - 1-1
- x
"""


@dataclass
class Puppet:
    """A builder; ``makes`` gives the folder of RPMs for a job, or raises."""

    makes: Callable[[Job], Path]
    name: str = "puppet"
    asked: list[str] = field(default_factory=list)

    def prepare(self, task: Task) -> None:
        pass

    def build(self, job: Job, task: Task) -> Path:
        self.asked.append(job.package.name)
        return self.makes(job)

    def generate(self, job: Job, task: Task) -> Path | None:
        return None


@cache
def rpm(name: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return make_rpm(Path(folder), name).read_bytes()


def leave(job: Job, made: str, name: str = "") -> Path:
    """Leave the RPM ``made`` as that of a job, or of ``name``."""
    (job.results / f"{name or job.package.name}-1-1.noarch.rpm").write_bytes(rpm(made))
    return job.results


def honest(job: Job) -> Path:
    return leave(job, job.package.name)


def failing(*names: str) -> Callable[[Job], Path]:
    def makes(job: Job) -> Path:
        if job.package.name in names:
            raise PlanexError("the compiler is in a bad mood")
        return honest(job)

    return makes


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    for name in ("mock-configs", "repos"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "planex.yaml").write_text(CONFIG)
    return Workspace(tmp_path)


def add(workspace: Workspace, name: str, *needs: str) -> None:
    folder = workspace.specs / name
    folder.mkdir(parents=True)
    text = SPEC.format(name=name, needs="\n".join(f"BuildRequires: {need}" for need in needs))
    (folder / f"{name}.spec.j2").write_text(text)


def workshop(workspace: Workspace) -> Workshop:
    return Workshop(load_project(workspace, load_config(workspace), "bookworm"))


def run(shop: Workshop, makes: Callable[[Job], Path], *, keep_going: bool = False) -> dict[str, tuple[Status, str]]:
    """Build all, one at a time: what became of each package, and the error's message."""
    plan = shop.plan(shop.project.built)
    done = Build(shop, plan, Puppet(makes), Reporter(), Options(1, keep_going=keep_going)).run()
    return {each.package: (each.status, each.error.message if each.error else "") for each in done}


def test_a_macro_that_nothing_defines_is_told_by_render_and_by_the_build_that_fails(workspace: Workspace) -> None:
    add(workspace, "foo")
    template = workspace.specs / "foo/foo.spec.j2"
    template.write_text(template.read_text().replace("%files", "%build\n%frobnicate\n%files"))
    args = ["-C", str(workspace.root), "render", "foo"]
    assert "frobnicate is no macro" not in CliRunner().invoke(cli, args).stderr  # the base is not made: who knows
    known = workspace.base("bookworm") / "rpmconfig"
    known.mkdir(parents=True)
    for name in ("macros", "rpmrc", "platform"):
        (known / name).symlink_to(Path("/usr/lib/rpm") / name)
    assert ":11: %frobnicate is no macro of target bookworm" in CliRunner().invoke(cli, args).stderr

    def fails(job: Job) -> Path:
        raise CommandFailed(["rpmbuild"], 1)

    shop = workshop(workspace)
    (outcome,) = Build(shop, shop.plan(["foo"]), Puppet(fails), Reporter(), Options(1)).run()
    assert outcome.error and ":11: %frobnicate is no macro" in (outcome.error.hint or "")


def test_an_honest_builder_is_believed_once(workspace: Workspace) -> None:
    add(workspace, "a")
    assert run(workshop(workspace), honest) == {"a": (Status.BUILT, "")}
    again = workshop(workspace)
    assert not again.plan(["a"]).changes
    result = again.store.last("a")
    assert result is not None
    assert [path.name for path in result.rpm_paths.values()] == ["a-1-1.noarch.rpm"]


def nothing(job: Job) -> Path:
    return job.results


def another(job: Job) -> Path:
    leave(job, "other", "other")
    return honest(job)


def disguised(job: Job) -> Path:
    return leave(job, "other")


def text(job: Job) -> Path:
    (job.results / f"{job.package.name}-1-1.noarch.rpm").write_text("believe me")
    return job.results


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        (nothing, "the build ended well but did not make a-1-1.noarch.rpm"),
        (another, "other-1-1.noarch.rpm is no RPM that the spec promises"),
        (disguised, "a-1-1.noarch.rpm: it says of itself that it is other-1-1.noarch.rpm"),
        (text, "a-1-1.noarch.rpm: it ends within its lead: truncated, or no RPM"),
    ],
)
def test_a_builder_that_lies_about_its_rpms_gets_nothing_into_the_store(
    workspace: Workspace, lie: Callable[[Job], Path], words: str
) -> None:
    add(workspace, "a")
    shop = workshop(workspace)
    assert run(shop, lie) == {"a": (Status.FAILED, f"a failed in outputs: {words}")}
    assert shop.store.last("a") is None
    assert not (shop.project.folder / "work" / "build" / "a").exists()


def test_the_first_failure_stops_all_that_waits(workspace: Workspace) -> None:
    for name in ("a", "b", "c"):
        add(workspace, name)
    found = run(workshop(workspace), failing("a"))
    assert {name: status for name, (status, _) in found.items()} == {
        "a": Status.FAILED,
        "b": Status.SKIPPED,
        "c": Status.SKIPPED,
    }


def test_to_keep_going_builds_what_does_not_need_the_failed(workspace: Workspace) -> None:
    add(workspace, "a")
    add(workspace, "b")
    add(workspace, "c", "a")
    assert run(workshop(workspace), failing("a"), keep_going=True) == {
        "a": (Status.FAILED, "a failed in preparation: the compiler is in a bad mood"),
        "b": (Status.BUILT, ""),
        "c": (Status.SKIPPED, "c needs a, which did not build"),
    }


@pytest.mark.parametrize("keep_going", [False, True])
def test_what_is_not_built_says_for_want_of_what(workspace: Workspace, keep_going: bool) -> None:
    for name, needs in (("a", ""), ("c", "a"), ("d", "c"), ("e", ""), ("f", "e")):
        add(workspace, name, *([needs] if needs else []))
    found = run(workshop(workspace), failing("a"), keep_going=keep_going)
    assert {name: text for name, (status, text) in found.items() if status is Status.SKIPPED} == {
        "c": "c needs a, which did not build",
        "d": "d needs c, which did not build",
        **({} if keep_going else {"e": "", "f": ""}),
    }


def test_one_package_is_not_built_where_another_that_it_needs_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    other = BuildFailed("dep", "%build", PlanexError("no"), None)
    ended = [Outcome("dep", Status.FAILED, error=other), Outcome("own", Status.SKIPPED, error=PlanexError("needs dep"))]
    monkeypatch.setattr(build_command, "carry_out", lambda *_, **__: (None, ended))
    with pytest.raises(BuildFailed, match="dep failed"):
        build_command.build_one(cast(Context, None), "own")


def test_two_sources_of_one_name_are_refused(workspace: Workspace) -> None:
    add(workspace, "a")
    path = workspace.specs / "a" / "a.spec.j2"
    lines = "License: MIT\nSource0: one/x.txt\nSource1: two/x.txt\nSource2: one/y.txt\nPatch0: one/y.txt"
    path.write_text(path.read_text().replace("License: MIT", lines))
    for name in ("one/x.txt", "two/x.txt", "one/y.txt"):
        (path.parent / name).parent.mkdir(exist_ok=True)
        (path.parent / name).write_text(name)
    with pytest.raises(ConfigError, match=r"x\.txt stands for different sources: one/x\.txt, two/x\.txt") as told:
        own_inputs(workshop(workspace).project, "a")
    assert "y.txt" not in str(told.value)


def test_what_a_result_was_made_of_is_told_with_what_is_still_known_of_it(workspace: Workspace) -> None:
    add(workspace, "a")
    path, sums = workspace.specs / "a" / "a.spec.j2", workspace.specs / "a" / "sources"
    lines = "License: MIT\nSource0: https://example.org/a-1.tar\nSource1: more.txt\nPatch0: own.patch"
    path.write_text(path.read_text().replace("License: MIT", lines))
    sums.write_text(f"SHA512 (a-1.tar) = {'1' * 128}\n")
    for name in ("more.txt", "own.patch"):
        (workspace.specs / "a" / name).write_text("x")
    made = own_inputs(workshop(workspace).project, "a")
    digest = dict(made.rows)["file more.txt"]
    told = [
        ("a-1.tar", "https://example.org/a-1.tar", f"SHA512:{'1' * 128}"),
        ("more.txt", "more.txt", f"SHA256:{digest}"),
    ]
    assert _told(workspace, made) == (told, [("own.patch", digest)])
    sums.write_text(f"SHA512 (a-1.tar) = {'2' * 128}\n")
    for name in ("more.txt", "own.patch"):
        (workspace.specs / "a" / name).unlink()
    assert _told(workspace, made) == ([("a-1.tar", "", told[0][2]), told[1]], [("own.patch", digest)])
    sums.write_text("no checksum")
    path.write_text(path.read_text().replace("Source1: more.txt", "Source1: another.txt"))
    assert _told(workspace, made) == ([("a-1.tar", "", told[0][2]), told[1]], [("own.patch", digest)])


def _told(workspace: Workspace, made: Inputs) -> tuple[list[tuple[str, str, str]], list[tuple[str, str]]]:
    project = workshop(workspace).project
    sources = [(each.name, each.url, each.checksum) for each in sources_of(project, "a", made)]
    return sources, [(each.name, each.sha256) for each in patches_of(project, "a", made)]


def test_a_mock_configuration_is_part_of_the_key(workspace: Workspace) -> None:
    add(workspace, "a")
    before = own_inputs(workshop(workspace).project, "a")
    configuration = workspace.mock_configs / "bookworm.cfg"
    configuration.write_text(f"{configuration.read_text()}\nconfig_opts['macros']['%more'] = 'x'\n")
    after = own_inputs(workshop(workspace).project, "a")
    assert {label for label, _ in set(before.rows) ^ set(after.rows)} == {"buildroot"}
    assert before.key != after.key


def test_a_file_beside_the_spec_and_the_spec_itself_are_part_of_the_key(workspace: Workspace) -> None:
    add(workspace, "a")
    before = own_inputs(workshop(workspace).project, "a")
    path = workspace.specs / "a" / "a.spec.j2"
    path.write_text(path.read_text().replace("License: MIT", "License: MIT\nSource1: more.txt"))
    (workspace.specs / "a" / "more.txt").write_text("x")
    after = own_inputs(workshop(workspace).project, "a")
    assert after.rows != before.rows
    assert {label for label, _ in set(before.rows) ^ set(after.rows)} == {"spec", "file more.txt"}


def test_base_packages_are_part_of_a_stored_results_key(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    add(workspace, "a", "gcc")
    small = base("gcc", "bash")
    monkeypatch.setattr(Workshop, "base", small)
    shop = workshop(workspace)
    assert run(shop, honest)["a"] == (Status.BUILT, "")
    result = shop.store.last("a")
    assert result is not None
    assert dict(result.inputs.rows)["base packages"] == shop.buildroot("a").base_digest != ""
    assert read_base(result.folder) == shop.buildroot("a").base
    assert not workshop(workspace).plan(["a"]).changes
    newer = Index([indexed("gcc", "2-1") if each.name == "gcc" else each for each in small.packages])
    monkeypatch.setattr(Workshop, "base", newer)
    assert [step.reasons for step in workshop(workspace).plan(["a"]).builds] == [("base package gcc 1-1 -> 2-1",)]


def test_what_was_installed_and_not_foreseen_is_part_of_the_key(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by mock, which alone knows what %generate_buildrequires asked it for."""
    add(workspace, "a", "gcc")
    monkeypatch.setattr(Workshop, "base", base("buildsys-build", "gcc", "extra", "unused"))

    def makes(job: Job) -> Path:
        lines = [f"{name}-1-1.noarch 1 2 installed" for name in ("buildsys-build", "gcc", "extra", "gpg-pubkey")]
        (job.logs / "installed_pkgs.log").write_text("\n".join(lines))
        return honest(job)

    shop = workshop(workspace)
    assert run(shop, makes)["a"] == (Status.BUILT, "")
    result = shop.store.last("a")
    assert result is not None
    assert dict(read_base(result.folder) or ()).keys() == {"buildsys-build", "gcc", "extra"}
    assert not workshop(workspace).plan(["a"]).changes
    rows = [
        indexed(name, "2-1" if name in ("extra", "unused") else "1-1") for name in ("buildsys-build", "gcc", "extra")
    ]
    monkeypatch.setattr(Workshop, "base", Index(rows))
    shop = workshop(workspace)
    assert [step.reasons for step in shop.plan(["a"]).builds] == [("base package extra 1-1 -> 2-1",)]

    def without(job: Job) -> Path:
        assert job.build_requires == (Capability("gcc"),), "nothing is asked for that the spec does not name"
        (job.logs / "installed_pkgs.log").write_text("gcc-1-1.noarch 1 2 installed\n")
        return honest(job)

    assert run(shop, without)["a"] == (Status.BUILT, "")
    result = shop.store.last("a")
    assert result is not None
    assert dict(read_base(result.folder) or ()).keys() == {"buildsys-build", "gcc"}
    assert not workshop(workspace).plan(["a"]).changes


@pytest.fixture
def command(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """``planex build`` where package a does not build, and the base has nothing."""
    folder = workspace.base("bookworm") / "repo"
    folder.mkdir(parents=True)
    repo.create_repo(folder)
    monkeypatch.setattr(builders, "choose_builder", lambda *_, **__: Puppet(failing("a")))
    return lambda *words: CliRunner().invoke(cli, ["-C", str(workspace.root), "build", "--json", "-j1", *words])


def test_the_command_keeps_going_where_it_is_told_to(workspace: Workspace, command: Callable[..., Result]) -> None:
    for name in ("a", "b"):
        add(workspace, name)
    for words, second in ((), "skipped"), (("--keep-going",), "built"):
        done = command(*words)
        rows = json.loads(done.stdout)["packages"]
        assert [(row["package"], row["status"]) for row in rows] == [("a", "failed"), ("b", second)]
        assert isinstance(done.exception, BuildFailed)


def test_the_command_leaves_out_what_cannot_be_tried_only_where_it_is_told_to(
    workspace: Workspace, command: Callable[..., Result]
) -> None:
    add(workspace, "b")
    add(workspace, "c", "what-nobody-has")
    done = command()
    assert (done.stdout, isinstance(done.exception, ConfigError)) == ("", True)
    done = command("--keep-going")
    rows = json.loads(done.stdout)["packages"]
    assert [(row["package"], row["status"]) for row in rows] == [("b", "built")]
    assert "what-nobody-has" in str(done.exception)


def test_what_is_edited_while_it_is_packed_is_packed_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(workspace, "a", "")
    spec = workspace.specs / "a" / "a.spec.j2"
    spec.write_text(spec.read_text().replace("BuildRequires: ", "Source0: data"))
    (workspace.specs / "a" / "data").write_text("0")
    edits = ["1"]

    def make(*words: Any) -> Path:
        made = make_srpm(*words)
        if edits:
            (workspace.specs / "a" / "data").write_text(edits.pop())
        return made

    monkeypatch.setattr("planex.engine.packing.make_srpm", make)
    assert run(workshop(workspace), honest) == {"a": (Status.BUILT, "")}
    assert not workshop(workspace).plan(["a"]).changes, "what is stored was made of what lies there now"
    result = workshop(workspace).store.last("a")
    assert result is not None
    edits += ["4", "3", "2"]
    done = run_forced(workshop(workspace), honest)
    assert done == {"a": (Status.FAILED, "a failed in srpm: a: its files change while they are packed")}


def run_forced(shop: Workshop, makes: Callable[[Job], Path]) -> dict[str, tuple[Status, str]]:
    done = Build(shop, shop.plan(["a"], force=["a"]), Puppet(makes), Reporter(), Options(1)).run()
    return {each.package: (each.status, each.error.message if each.error else "") for each in done}


def test_all_faults_are_told_after_what_was_possible(workspace: Workspace, command: Callable[..., Result]) -> None:
    for name in ("b", "c", "d"):
        add(workspace, name, *(["what-nobody-has"] if name == "c" else []))
    (workspace.specs / "d" / "d.spec.j2").write_text("Name: d\nNonsense: 1\nOther: 2\n")
    done = command("--keep-going")
    assert isinstance(done.exception, ConfigError)
    shown = [text for _, text in told(failed(done.exception))]
    assert "what-nobody-has" in shown[0]
    assert "Nonsense" in shown[0]
    assert not any("nothing was done" in text for text in shown)
    done = command()
    assert isinstance(done.exception, ConfigError)
    assert "Nonsense" in "\n".join(text for _, text in told(failed(done.exception)))


def test_a_spec_that_only_its_condition_breaks_breaks_no_other(workspace: Workspace) -> None:
    for name in ("a", "b"):
        add(workspace, name)
    spec = workspace.specs / "a" / "a.spec.j2"
    spec.write_text(spec.read_text().replace("Summary: x", "Summary: x\n%{?_with_bootstrap:Nonsense: 1}"))
    (workspace.specs / "a" / "package.yaml").write_text("bootstrap: true\n")
    project = load_project(workspace, load_config(workspace), "bookworm", tolerant=True)
    assert "Nonsense" in project.broken["a"].message
    assert list(project.packages) == ["b"]


def test_what_an_earlier_result_of_a_dependency_serves_for_is_built_with_it(workspace: Workspace) -> None:
    add(workspace, "a")
    add(workspace, "b", "a")
    run(workshop(workspace), honest)
    first, second = (workspace.specs / name / f"{name}.spec.j2" for name in "ab")
    before = first.read_text()
    first.write_text(f"{before}\n# another a\n")
    run(workshop(workspace), honest)
    first.write_text(before)
    second.write_text(f"{second.read_text()}\n# another b\n")
    seen = {}

    def makes(job: Job) -> Path:
        seen[job.package.name] = job.dependencies
        return honest(job)

    assert run(workshop(workspace), makes) == {"a": (Status.REUSED, ""), "b": (Status.BUILT, "")}
    assert seen["b"], "a is offered to the build of b"
