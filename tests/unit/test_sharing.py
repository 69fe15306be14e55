# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shared stores: a folder, a real nginx, and servers with faults."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from planex.content.key import Inputs
from planex.distro.config import Config
from planex.errors import ConfigError, PlanexError
from planex.events import Event, Level, Message
from planex.report import Reporter
from planex.schema import parse
from planex.sharing import record
from planex.sharing.depot import BadEntry, Depot, shared_file
from planex.sharing.depots import Depots, Parcel
from planex.sharing.opening import choose, lacking, open_depots
from planex.sharing.place import Unreachable
from planex.sharing.record import SharedFile, SharedResult
from planex.sharing.settings import StoreCredentials, StoreSettings
from planex.workspace import Workspace
from tests.unit import store_servers as servers
from tests.unit.keys import Keys, made_keys
from tests.unit.store_servers import FaultyServer, faulty_server, nginx

INPUTS = Inputs.of({"spec": "s1", "source a.tar": "d1"})
CONTENT = bytes(range(256)) * 40
needs_nginx = pytest.mark.skipif(not Path(servers.NGINX).exists(), reason="needs nginx (apt-get install nginx)")

# A connection that a server left in a wrong state is closed by the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


@pytest.fixture(params=["folder", pytest.param("nginx", marks=needs_nginx), "server"])
def url(request: pytest.FixtureRequest, root: Path, tmp_path: Path) -> Iterator[str]:
    """A store that works, of each kind; its files are in ``root``."""
    with ExitStack() as stack:
        match request.param:
            case "folder":
                yield f"file:{root}"
            case "nginx":
                yield stack.enter_context(nginx(root, tmp_path / "nginx"))
            case _:
                yield stack.enter_context(faulty_server(root)).url


@pytest.fixture
def server(root: Path) -> Iterator[FaultyServer]:
    with faulty_server(root) as found:
        yield found


def opened(url: str, **more: object) -> Depot:
    settings = StoreSettings.model_validate({"url": url, "trusted": True, "push": True, "timeout": "1s", **more})
    return open_depots([settings], Workspace(Path("/nowhere")), signs=False)[0]


def parcel(folder: Path, content: bytes = CONTENT, inputs: Inputs = INPUTS, package: str = "x") -> Parcel:
    """A result of one RPM with this content."""
    folder.mkdir(exist_ok=True)
    name = f"{package}-1-1.noarch.rpm"
    path = folder / f"{name}.{hashlib.sha256(content).hexdigest()[:8]}"
    path.write_bytes(content)
    files = {name: shared_file(path)}
    return Parcel(
        SharedResult(inputs.key, package, inputs.rows, files, {}, 1.5, "sandbox", 1_700_000_000), {name: path}
    )


def share(depot: Depot, made: Parcel) -> tuple[str, ...]:
    for name, file in made.result.blobs.items():
        depot.put(made.paths[name], file)
    return depot.publish(made.result, record.seal(record.text_of(made.result), ""))


class Heard:
    """Warnings that were told."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.reporter = Reporter(self._hear)

    def _hear(self, event: Event) -> None:
        if isinstance(event, Message) and event.level is Level.WARNING:
            self.warnings.append(event.text)


def test_what_one_put_another_gets(url: str, root: Path, tmp_path: Path) -> None:
    made = parcel(tmp_path / "made")
    assert opened(url).lookup(INPUTS.key, "x") is None
    assert share(opened(url), made) == ()
    found = opened(url).lookup(INPUTS.key, "x")
    assert found == made.result
    (file,) = found.rpms.values()
    opened(url).get(file, tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == CONTENT
    assert sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()) == [
        f"ac/{INPUTS.key}",
        f"cas/{hashlib.sha256(CONTENT).hexdigest()}",
    ]


def test_the_first_result_of_a_key_stays_and_another_one_is_kept_beside_it(
    url: str, root: Path, tmp_path: Path
) -> None:
    first, second = parcel(tmp_path / "made"), parcel(tmp_path / "made", b"another")
    assert share(opened(url), first) == ()
    assert share(opened(url), first) == (), "the same again is no news"
    assert share(opened(url), second) == ("x-1-1.noarch.rpm",)
    assert opened(url).lookup(INPUTS.key, "x") == first.result
    beside = record.unseal((root / "ac" / record.rival_key(INPUTS.key)).read_bytes())
    assert record.parse(beside.record, "x", INPUTS.key) == second.result


def test_a_record_says_of_which_key_and_package_it_is(url: str, root: Path, tmp_path: Path) -> None:
    made = parcel(tmp_path / "made")
    share(opened(url), made)
    other = Inputs.of({"spec": "s2"})
    (root / "ac" / other.key).write_bytes((root / "ac" / INPUTS.key).read_bytes())
    with pytest.raises(BadEntry, match="it is that of another package or key: x"):
        opened(url).lookup(other.key, "x")
    with pytest.raises(BadEntry, match="another package"):
        opened(url).lookup(INPUTS.key, "y")
    lie = replace(made.result, key=other.key)
    (root / "ac" / other.key).unlink()
    (root / "ac" / other.key).write_bytes(record.seal(record.text_of(lie), ""))
    with pytest.raises(BadEntry, match="its rows are not those of its key"):
        opened(url).lookup(other.key, "x")


@pytest.mark.parametrize("bad", [b"", b"{}", b"[1]", b'{"format": 1, "record": "{}"}', b"\xff" * 99, b'{"format": 2}'])
def test_a_damaged_record_is_told_and_replaced_by_whoever_builds_it(
    url: str, root: Path, tmp_path: Path, bad: bytes
) -> None:
    (root / "ac").mkdir()
    (root / "ac" / INPUTS.key).write_bytes(bad)
    with pytest.raises(BadEntry, match=r"ac/[0-9a-f]{64} is damaged: it is "):
        opened(url).lookup(INPUTS.key, "x")
    made = parcel(tmp_path / "made")
    assert share(opened(url), made) == ()
    assert opened(url).lookup(INPUTS.key, "x") == made.result


def test_a_damaged_file_is_replaced_by_whoever_found_that(url: str, root: Path, tmp_path: Path) -> None:
    made = parcel(tmp_path / "made")
    share(opened(url), made)
    (path,) = (root / "cas").iterdir()
    path.chmod(0o644)
    path.write_bytes(b"!" + CONTENT[1:])
    depot = opened(url)
    with pytest.raises(BadEntry, match="is damaged: it has not the digest that is its name"):
        depot.get(made.result.rpms["x-1-1.noarch.rpm"], tmp_path / "got")
    assert not (tmp_path / "got").exists()
    share(depot, made)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (servers.ends_early, "is cut off: it has not the digest"),
        (servers.flips, "is damaged: it has not the digest"),
        (servers.goes_on, "is damaged: it has more than its 10240 bytes"),
        (lambda handler, right: handler.answer(404), "is missing, and a record there speaks of it"),
    ],
)
def test_a_file_that_is_another_is_not_taken(
    server: FaultyServer, tmp_path: Path, fault: servers.Fault, words: str
) -> None:
    made = parcel(tmp_path / "made")
    share(opened(server.url), made)
    server.fault, server.only = fault, "cas/"
    with pytest.raises(BadEntry, match=words):
        opened(server.url).get(made.result.rpms["x-1-1.noarch.rpm"], tmp_path / "got")
    assert not (tmp_path / "got").exists()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (servers.errs, "it answers HTTP 500 Internal Server Error"),
        (servers.cuts, "the connection broke off"),
        (servers.is_silent, "the server said nothing for 1 s"),
        (servers.is_slow, "too slow: "),
        (servers.is_no_http, "the server's answer is not HTTP as it should be"),
        (lambda handler, right: handler.answer(401), "it answers HTTP 401 Unauthorized; see to 'credentials'"),
    ],
)
def test_a_server_with_a_fault_is_told_once_and_left_alone(
    server: FaultyServer, tmp_path: Path, fault: servers.Fault, words: str
) -> None:
    share(opened(server.url), parcel(tmp_path / "made"))
    server.fault = fault
    heard = Heard()
    with Depots([opened(server.url)], heard.reporter) as depots:
        assert depots.find(INPUTS.key, "x") is None
        asked = len(server.asked)
        assert depots.find(Inputs.of({"spec": "2"}).key, "y") is None
        depots.push(lambda: parcel(tmp_path / "made"))
        assert depots.finish() == 0
    assert len(server.asked) == asked, "it is asked no more"
    (warning,) = heard.warnings
    assert warning.startswith(f"store {server.url} is left alone from here on: {words}")


def test_a_server_that_fails_once_is_asked_again(server: FaultyServer, tmp_path: Path) -> None:
    made = parcel(tmp_path / "made")
    share(opened(server.url), made)
    failed = []

    def hiccup(handler: servers.Handler, right: bytes) -> None:
        failed.append(handler)
        server.fault = None
        servers.cuts(handler, right)

    server.fault = hiccup
    assert opened(server.url).lookup(INPUTS.key, "x") == made.result
    assert failed


@pytest.mark.parametrize("lost", ["file:/nowhere/at/all", "http://127.0.0.1:9", "http://no.such.host.invalid/store"])
def test_a_store_that_is_not_there_costs_one_warning_and_the_next_one_is_asked(
    lost: str, root: Path, tmp_path: Path
) -> None:
    made = parcel(tmp_path / "made")
    share(opened(f"file:{root}"), made)
    heard = Heard()
    with Depots([opened(lost), opened(f"file:{root}")], heard.reporter) as depots:
        found = depots.find(INPUTS.key, "x")
        assert found and found.depot.name == f"file:{root}"
        assert depots.find(Inputs.of({"spec": "2"}).key, "y") is None
        depots.push(lambda: parcel(tmp_path / "made"))
        assert depots.finish() == 1
    (warning,) = heard.warnings
    assert warning.startswith(f"store {lost} is left alone from here on: ")


def test_what_is_rejected_is_told_once_and_the_next_store_has_it(root: Path, tmp_path: Path) -> None:
    made, far = parcel(tmp_path / "made"), tmp_path / "far"
    far.mkdir()
    for folder in (root, far):
        share(opened(f"file:{folder}"), made)
    heard = Heard()
    with Depots([opened(f"file:{root}"), opened(f"file:{far}")], heard.reporter) as depots:
        found = depots.find(INPUTS.key, "x")
        assert found and found.depot.name == f"file:{root}"
        depots.reject(found, BadEntry("it lies"))
        depots.reject(found, BadEntry("it lies"))
        found = depots.find(INPUTS.key, "x")
        assert found and found.depot.name == f"file:{far}"
    assert heard.warnings == ["it lies"]


def test_pushing_ends_before_the_end_and_reaches_all_but_the_source(root: Path, tmp_path: Path) -> None:
    stores = [tmp_path / name for name in ("near", "far", "third")]
    for folder in stores:
        folder.mkdir()
    depots = [opened(f"file:{folder}", push=folder.name != "third") for folder in stores]
    heard = Heard()
    with Depots(depots, heard.reporter) as all_of_them:
        all_of_them.push(lambda: parcel(tmp_path / "made"), source=depots[0])
        assert all_of_them.finish() == 1
        assert all_of_them.finish() == 0
    assert [len(list(folder.rglob("*"))) for folder in stores] == [0, 4, 0]
    assert heard.warnings == []


def test_a_result_that_is_not_reproducible_is_told_with_what_differs(url: str, tmp_path: Path) -> None:
    share(opened(url), parcel(tmp_path / "made", b"first"))
    heard = Heard()
    with Depots([opened(url)], heard.reporter) as depots:
        depots.push(lambda: parcel(tmp_path / "made"))
        depots.finish()
    assert heard.warnings == [
        f"x is not reproducible: {url} has another result of the same key, which differs in x-1-1.noarch.rpm; "
        "this one is kept beside it"
    ]


@pytest.mark.parametrize(
    ("status", "words"),
    [(507, "it answers HTTP 507 Insufficient Storage"), (403, "it answers HTTP 403 Forbidden; see to 'credentials'")],
)
def test_a_server_that_takes_nothing_is_told_once_and_still_read(
    server: FaultyServer, tmp_path: Path, status: int, words: str
) -> None:
    made = parcel(tmp_path / "made")
    share(opened(server.url), made)
    server.refuses_put = status
    heard = Heard()
    with Depots([opened(server.url)], heard.reporter) as depots:
        for spec in ("2", "3", "4"):
            depots.push(lambda spec=spec: parcel(tmp_path / "made", spec.encode(), Inputs.of({"spec": spec})))  # type: ignore[misc]
        assert depots.finish() == 0
        assert depots.find(INPUTS.key, "x")
    (warning,) = heard.warnings
    assert warning.startswith(f"no more is pushed to {server.url}: {words}")


@needs_nginx
def test_an_nginx_that_takes_no_large_file(root: Path, tmp_path: Path) -> None:
    heard = Heard()
    with nginx(root, tmp_path / "nginx", limit="1k") as url, Depots([opened(url)], heard.reporter) as depots:
        depots.push(lambda: parcel(tmp_path / "made"))
        assert depots.finish() == 0
        assert depots.find(INPUTS.key, "x") is None, "no record without its files"
    (warning,) = heard.warnings
    assert warning.startswith(f"no more is pushed to {url}: ")


@needs_nginx
def test_an_nginx_that_is_too_slow_or_only_for_reading(root: Path, tmp_path: Path) -> None:
    made = parcel(tmp_path / "made", CONTENT * 30)
    share(opened(f"file:{root}"), made)
    with (
        nginx(root, tmp_path / "slow", more="limit_rate 4k;") as url,
        pytest.raises(Unreachable, match=r"too slow|said nothing"),
    ):
        opened(url).get(made.result.rpms["x-1-1.noarch.rpm"], tmp_path / "got")
    with (
        nginx(root, tmp_path / "read", more="limit_except GET { deny all; }") as url,
        pytest.raises(Unreachable, match="it answers HTTP 403 Forbidden"),
    ):
        share(opened(url), parcel(tmp_path / "made", inputs=Inputs.of({"spec": "2"})))


def test_a_full_disk_leaves_nothing_half(root: Path, tmp_path: Path) -> None:
    made, heard = parcel(tmp_path / "made"), Heard()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Depots([opened(f"file:{root}")], heard.reporter) as depots:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
        try:
            depots.push(lambda: made)
            assert depots.finish() == 0
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    (warning,) = heard.warnings
    assert warning.startswith(f"no more is pushed to file:{root}: cannot write {root}/cas/")
    assert [path for path in root.rglob("*") if path.is_file()] == []


def test_a_folder_that_is_not_mounted_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="there is no such folder"):
        share(opened(f"file:{tmp_path}/store"), parcel(tmp_path / "made"))
    assert not (tmp_path / "store").exists()


def test_what_is_no_file_in_a_folder_is_told(root: Path, tmp_path: Path) -> None:
    (root / "ac").mkdir()
    os.mkfifo(root / "ac" / INPUTS.key)
    with pytest.raises(Unreachable, match="is a pipe, not a file"):
        opened(f"file:{root}").lookup(INPUTS.key, "x")


def test_records_that_are_far_too_large_are_not_read_to_the_end(
    server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "LIMIT", 1000)
    server.fault = lambda handler, right: handler.answer(200, b" " * 100_000)
    with pytest.raises(BadEntry, match="it is far too large"):
        opened(server.url).lookup(INPUTS.key, "x")


@pytest.mark.parametrize(
    "name", ["../x.rpm", "/etc/passwd", ".hidden", "a/b.rpm", "", "x" * 300, "made.json\x00"], ids=repr
)
def test_names_that_lead_elsewhere_are_no_record(name: str, tmp_path: Path) -> None:
    made = parcel(tmp_path / "made").result
    for lie in (
        replace(made, rpms={name: SharedFile("0" * 64, 1)}),
        replace(made, logs={name: SharedFile("0" * 64, 1)}),
    ):
        with pytest.raises(PlanexError):
            record.parse(record.text_of(lie), "x", INPUTS.key)
    with pytest.raises(PlanexError, match="files that no result has"):
        record.parse(record.text_of(replace(made, beside={"result.json": SharedFile("0" * 64, 1)})), "x", INPUTS.key)


@pytest.fixture(scope="module")
def keys() -> Iterator[Keys]:
    with made_keys() as keys:
        yield keys


@pytest.mark.tools("gpg", "gpgv")
class TestSignatures:
    """Who is believed."""

    @pytest.fixture(autouse=True)
    def home(self, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GNUPGHOME", str(keys.home))

    def depot(self, root: Path, keys: Keys, *names: str) -> Depot:
        settings = StoreSettings(url=f"file:{root}", keys=tuple(f"{name}.asc" for name in names), push=True)
        return open_depots([settings], Workspace(keys.folder), signs=True)[0]

    def push(self, depot: Depot, keys: Keys, name: str, tmp_path: Path) -> list[str]:
        heard, sign = Heard(), keys.signer(name, tmp_path / "kept").sign if name else None
        with Depots([depot], heard.reporter, sign) as depots:
            depots.push(lambda: parcel(tmp_path / "made"))
            depots.finish()
        return heard.warnings

    def test_what_a_named_key_signed_is_taken(self, root: Path, keys: Keys, tmp_path: Path) -> None:
        assert self.push(self.depot(root, keys, "release"), keys, "release", tmp_path) == []
        assert self.depot(root, keys, "release").lookup(INPUTS.key, "x")
        assert self.depot(root, keys, "other", "release").lookup(INPUTS.key, "x")

    @pytest.mark.parametrize(
        ("signed", "believed", "words"),
        [
            ("", ("release",), "it is not signed"),
            ("other", ("release",), "it is signed with another key"),
            ("other", ("release", "old"), "no key of 'keys' made its signature"),
        ],
    )
    def test_all_else_is_refused_with_the_remedy(
        self, root: Path, keys: Keys, tmp_path: Path, signed: str, believed: tuple[str, ...], words: str
    ) -> None:
        self.push(opened(f"file:{root}"), keys, signed, tmp_path)
        with pytest.raises(BadEntry) as caught:
            self.depot(root, keys, *believed).lookup(INPUTS.key, "x")
        assert caught.value.message == f"file:{root}/ac/{INPUTS.key} is not taken: {words}"
        assert caught.value.hint and ("trusted: true" in caught.value.hint or "'keys'" in caught.value.hint)

    def test_a_record_that_was_changed_after_it_was_signed(self, root: Path, keys: Keys, tmp_path: Path) -> None:
        self.push(self.depot(root, keys, "release"), keys, "release", tmp_path)
        path = root / "ac" / INPUTS.key
        sealed = json.loads(path.read_bytes())
        sealed["record"] = sealed["record"].replace('"sandbox"', '"sandpit"')
        path.unlink()
        path.write_text(json.dumps(sealed))
        with pytest.raises(BadEntry, match="it was changed after it was signed"):
            self.depot(root, keys, "release").lookup(INPUTS.key, "x")

    def test_what_is_not_believed_is_replaced_by_who_is(self, root: Path, keys: Keys, tmp_path: Path) -> None:
        """As when the key of who signs was changed."""
        self.push(opened(f"file:{root}"), keys, "other", tmp_path)
        assert self.push(self.depot(root, keys, "release"), keys, "release", tmp_path) == []
        assert self.depot(root, keys, "release").lookup(INPUTS.key, "x")

    def test_one_record_that_is_not_believed_is_told_once_and_all_else_is_pushed(
        self, root: Path, keys: Keys, tmp_path: Path
    ) -> None:
        self.push(opened(f"file:{root}"), keys, "other", tmp_path)
        before, more = (root / "ac" / INPUTS.key).read_bytes(), Inputs.of({"spec": "s2"})
        heard = Heard()
        with Depots(
            [self.depot(root, keys, "release")], heard.reporter, keys.signer("other", tmp_path / "k").sign
        ) as all_:
            for inputs in (INPUTS, INPUTS, more):
                all_.push(lambda inputs=inputs: parcel(tmp_path / "made", inputs=inputs))  # type: ignore[misc]
                assert all_.finish() == (inputs is more)
        (warning,) = heard.warnings
        assert "is not taken: it is signed with another key" in warning
        assert (root / "ac" / INPUTS.key).read_bytes() == before
        assert (root / "ac" / more.key).exists()

    def test_a_key_that_is_not_there(self, root: Path, keys: Keys) -> None:
        with pytest.raises(ConfigError, match="file not found; it is among the 'keys' of a store"):
            self.depot(root, keys, "nobody")


def test_credentials_go_to_the_server_and_nowhere_else(
    server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORE_SECRET", "ci:s3cret")
    (tmp_path / "token").write_text("t0ken\n")
    for credentials, expected in (
        ({"variable": "STORE_SECRET"}, "Basic Y2k6czNjcmV0"),
        ({"file": str(tmp_path / "token")}, "Bearer t0ken"),
    ):
        opened(server.url, credentials=credentials).lookup(INPUTS.key, "x")
        assert server.asked[-1].headers["Authorization"] == expected
    with faulty_server(tmp_path) as elsewhere:

        def redirect(handler: servers.Handler, right: bytes) -> None:
            handler.send_response(302)
            handler.send_header("Location", f"{elsewhere.url}{handler.path}")
            handler.end_headers()

        server.fault = redirect
        depot = opened(server.url, credentials={"variable": "STORE_SECRET"})
        assert depot.lookup(INPUTS.key, "x") is None
        assert "Authorization" not in elsewhere.asked[-1].headers
        assert "s3cret" not in repr(depot.name)
        with pytest.raises(Unreachable, match="HTTP 302"):
            server.only = "cas/"
            depot.place.write("cas/x", b"1", replace=True)
            server.refuses_put = 302
            depot.place.write("cas/x", b"1", replace=True)


def test_who_has_no_credentials_or_signs_nothing_does_not_push() -> None:
    url = "https://cache.example.org"
    settings = StoreSettings(url=url, trusted=True, push=True, credentials=StoreCredentials(variable="SECRET"))
    assert lacking(settings, signs=False, environment={"SECRET": "x"}) == ""
    assert lacking(settings, signs=False, environment={}) == "$SECRET is not set"
    signed = StoreSettings(url=url, keys=("k.asc",), push=True)
    assert lacking(signed, signs=True, environment={}) == ""
    assert (
        lacking(signed, signs=False, environment={}) == "nothing is signed here, and this store is not 'trusted: true'"
    )
    assert "push" in lacking(StoreSettings(url=url, trusted=True), signs=True, environment={})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/srv/store", "must begin with file:, http:, https:"),
        ("ftp://host/x", "must begin with"),
        ("file:srv", "must be an absolute path"),
        ("file://host/srv", "must be an absolute path"),
        ("http:///x", "names no host"),
        ("http://[", "is no URL"),
        ("https://me:secret@host/x", "has a password in it"),
    ],
)
def test_urls_that_are_none(text: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        StoreSettings(url=text, trusted=True)
    with pytest.raises(ConfigError, match=words) as caught:
        choose([], [text])
    assert "secret" not in caught.value.message


def test_planex_yaml_is_told_what_is_wrong_with_its_stores(tmp_path: Path) -> None:
    text = (
        "name: x\nversion: '1'\nvendor: x\ntargets: {a: {base: a}}\nstore:\n"
        "  - url: file:relative\n    trusted: true\n  - url: file:/one\n"
        "  - url: file:/two\n    keys: [k]\n    puhs: true\n"
    )
    with pytest.raises(ConfigError) as caught:
        parse(text, Config, tmp_path / "planex.yaml")
    assert [(problem.line, problem.message) for problem in caught.value.problems] == [
        (6, "'store.0.url': must be an absolute path, as in file:/srv/planex: file:relative"),
        (8, "'store.1': says of nobody that they are believed: name 'keys', or say 'trusted: true'"),
        (11, "unknown key 'store.2.puhs' (did you mean 'push'?)"),
    ]
    twice = text[: text.index("store")] + "store: [{url: 'file:/a', trusted: true}, {url: 'file:/a/', trusted: true}]\n"
    with pytest.raises(ConfigError, match="lists a store twice: file:/a"):
        parse(twice, Config, tmp_path / "planex.yaml")


def test_the_command_line_chooses_among_stores_or_names_another() -> None:
    near, far = StoreSettings(url="file:/near", trusted=True), StoreSettings(url="https://far/x", keys=("a.asc",))
    assert choose([near, far], []) == (near, far)
    assert choose([near, far], ["https://far/x/", "file:/near"]) == (far, near)
    assert choose([near, far], ["file:/other"]) == (StoreSettings(url="file:/other", keys=("a.asc",)),)
    with pytest.raises(ConfigError) as caught:
        choose([near], ["file:/other"])
    assert "does not say whose results are believed" in caught.value.message
    assert caught.value.hint and "trusted: true" in caught.value.hint
    with pytest.raises(ValidationError, match="says of nobody that they are believed"):
        StoreSettings(url="file:/x")


def test_who_interrupts_is_told_no_more_and_waits_for_nothing(
    server: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("planex.run._stopping", stopping := threading.Event())
    server.fault = servers.is_silent
    heard = Heard()
    with pytest.raises(KeyboardInterrupt), Depots([opened(server.url, timeout="20s")], heard.reporter) as depots:
        depots.push(lambda: parcel(tmp_path / "made"))
        depots.push(lambda: parcel(tmp_path / "made"))
        depots.push(lambda: parcel(tmp_path / "made"))
        raise KeyboardInterrupt
    assert stopping.is_set() and heard.warnings == []
    assert not server.over.is_set(), "the server is still silent"
