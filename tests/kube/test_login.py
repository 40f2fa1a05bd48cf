"""Credentials that age: read again, renewed in time and after a refusal, once for all who wait."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from meshtui.kube.access import Cluster, Exec, Material, User
from meshtui.kube.credentials import Credentials
from meshtui.kube.errors import CredentialsError
from meshtui.kube.login import AGE_OF_FILES, MARGIN, PAUSE, Login
from tests.kube.eventually import until
from tests.kube.lending import Lending
from tests.kube.pki import Authority
from tests.kube.processes import runs

CLUSTER = Cluster("c", "https://kube.example:6443")
START = datetime(2026, 11, 25, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


class Plugin:
    """A plugin that gives another token with each run, valid for `life`, or fails while `broken`."""

    def __init__(self, directory: Path, life: timedelta | None, clock: Clock) -> None:
        self._runs = directory / "runs"
        self._expires = directory / "expires"
        self._broken = directory / "broken"
        self._life = life
        self._clock = clock
        path = directory / "kube-login"
        path.write_text(f"#!{sys.executable} -IS\n" + _PLUGIN.format(directory=str(directory)))
        path.chmod(0o700)
        self.user = User("jane", plugin=Exec("client.authentication.k8s.io/v1", str(path)))

    def prepare(self) -> None:
        """Lets the next run's token live from now on."""
        expires = "" if self._life is None else (self._clock.now + self._life).isoformat()
        self._expires.write_text(expires)

    def break_(self, broken: bool) -> None:
        self._broken.write_text("yes" if broken else "")

    @property
    def runs(self) -> int:
        return len(self._runs.read_text()) if self._runs.exists() else 0


_PLUGIN = """
import json, os, sys
os.chdir({directory!r})
open("runs", "a").write("x")
if os.path.exists("broken") and open("broken").read():
    sys.exit("the identity provider is down")
status = dict(token="token-%d" % len(open("runs").read()))
if open("expires").read():
    status["expirationTimestamp"] = open("expires").read()
document = dict(apiVersion="client.authentication.k8s.io/v1", kind="ExecCredential", status=status)
print(json.dumps(document))
"""


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def token(login: Login) -> str:
    return (await login.current()).authorization.removeprefix("Bearer ")


async def test_many_requests_run_the_plugin_once(tmp_path: Path, clock: Clock) -> None:
    plugin = Plugin(tmp_path, timedelta(hours=1), clock)
    plugin.prepare()
    login = Login(plugin.user, CLUSTER, now=clock)
    found = await asyncio.gather(*(login.current() for _ in range(50)))
    assert {each.authorization for each in found} == {"Bearer token-1"}
    assert plugin.runs == 1


async def test_credentials_are_renewed_before_they_expire_without_a_wait(
    tmp_path: Path, clock: Clock
) -> None:
    plugin = Plugin(tmp_path, timedelta(hours=1), clock)
    plugin.prepare()
    login = Login(plugin.user, CLUSTER, now=clock)
    assert await token(login) == "token-1"
    clock.now += timedelta(hours=1) - MARGIN - SECOND
    plugin.prepare()
    assert await token(login) == "token-1"
    assert plugin.runs == 1
    clock.now += 2 * SECOND
    assert await token(login) == "token-1", "still valid, so nobody waits"
    await until(lambda: plugin.runs == 2)
    clock.now += MARGIN
    assert await token(login) == "token-2"
    assert plugin.runs == 2


async def test_expired_credentials_are_not_used(tmp_path: Path, clock: Clock) -> None:
    plugin = Plugin(tmp_path, timedelta(hours=1), clock)
    plugin.prepare()
    login = Login(plugin.user, CLUSTER, now=clock)
    assert await token(login) == "token-1"
    clock.now += timedelta(hours=2)
    plugin.prepare()
    assert await token(login) == "token-2"


async def test_a_short_life_does_not_run_the_plugin_at_every_request(
    tmp_path: Path, clock: Clock
) -> None:
    plugin = Plugin(tmp_path, timedelta(seconds=-5), clock)
    plugin.prepare()
    login = Login(plugin.user, CLUSTER, now=clock)
    assert [await token(login) for _ in range(3)] == ["token-1"] * 3
    clock.now += PAUSE
    assert await token(login) == "token-2"


async def test_a_refusal_renews_once_for_all(tmp_path: Path, clock: Clock) -> None:
    plugin = Plugin(tmp_path, None, clock)
    plugin.prepare()
    login = Login(plugin.user, CLUSTER, now=clock)
    first = await login.current()
    clock.now += timedelta(days=30)
    assert await login.current() is first, "without an expiry they live until they are refused"
    assert await asyncio.gather(*(login.renew(first) for _ in range(20))) == [True] * 20
    second = await login.current()
    assert second.authorization == "Bearer token-2"
    assert plugin.runs == 2
    assert not await login.renew(second), "refused again at once: the plugin is of no help"
    assert plugin.runs == 2
    clock.now += PAUSE
    assert await login.renew(second)
    assert plugin.runs == 3


async def test_a_failure_is_told_to_all_and_not_repeated_at_once(
    tmp_path: Path, clock: Clock
) -> None:
    plugin = Plugin(tmp_path, timedelta(hours=1), clock)
    plugin.prepare()
    plugin.break_(True)
    login = Login(plugin.user, CLUSTER, now=clock)
    for _ in range(3):
        with pytest.raises(CredentialsError, match="the identity provider is down"):
            await login.current()
    assert plugin.runs == 1
    clock.now += PAUSE
    plugin.break_(False)
    assert await token(login) == "token-2"


async def test_a_plugin_that_asks_is_asked_for_again_whenever_it_is_needed(
    tmp_path: Path, clock: Clock
) -> None:
    """It runs where the person lets it, who need not be kept from that for a while."""
    plugin = Plugin(tmp_path, timedelta(hours=1), clock)
    assert plugin.user.plugin is not None
    asking = replace(plugin.user, plugin=replace(plugin.user.plugin, interactive_mode="Always"))
    lending = Lending(wants=False)
    login = Login(asking, CLUSTER, lending, now=clock)
    for asked in (1, 2):
        with pytest.raises(CredentialsError, match="not now"):
            await login.current()
        assert len(lending.told) == asked
    assert plugin.runs == 0


async def test_a_failure_before_the_expiry_leaves_what_is_valid(
    tmp_path: Path, clock: Clock
) -> None:
    plugin = Plugin(tmp_path, timedelta(hours=1), clock)
    plugin.prepare()
    login = Login(plugin.user, CLUSTER, now=clock)
    assert await token(login) == "token-1"
    plugin.break_(True)
    clock.now += timedelta(hours=1) - MARGIN
    assert await token(login) == "token-1"
    await until(lambda: plugin.runs == 2)
    assert await token(login) == "token-1"
    clock.now += MARGIN
    with pytest.raises(CredentialsError, match="the identity provider is down"):
        await token(login)


async def test_a_waiter_that_is_cancelled_cancels_no_other(tmp_path: Path, clock: Clock) -> None:
    plugin = Plugin(tmp_path, None, clock)
    plugin.prepare()
    login = Login(plugin.user, CLUSTER, now=clock)
    first, second = (asyncio.create_task(login.current()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).authorization == "Bearer token-1"
    assert first.cancelled()


async def test_a_token_file_is_read_again(tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    login = Login(User("jane", token=Material("old", file)), CLUSTER, now=clock)
    assert await token(login) == "one"
    file.write_text("two\n")
    clock.now += AGE_OF_FILES - SECOND
    assert await token(login) == "one"
    clock.now += SECOND
    assert await token(login) == "two"
    file.write_text("three\n")
    assert await login.renew(await login.current())
    assert await token(login) == "three"
    clock.now += PAUSE
    assert not await login.renew(await login.current()), "the same token would be refused again"


async def test_a_token_file_that_is_missing(tmp_path: Path) -> None:
    missing = Material(file=tmp_path / "token")
    with pytest.raises(CredentialsError, match=r'user "jane".*token: No such file'):
        await Login(User("jane", token=missing), CLUSTER).current()
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(CredentialsError, match="empty is empty"):
        await Login(User("jane", token=Material(file=tmp_path / "empty")), CLUSTER).current()
    # As kubectl: the token beside it is used.
    both = User("jane", token=Material("inline", tmp_path / "token"))
    assert await token(Login(both, CLUSTER)) == "inline"


async def test_fixed_credentials_are_never_renewed() -> None:
    login = Login(User("jane", token=Material("sesame")), CLUSTER)
    found = await login.current()
    assert not await login.renew(found)
    assert found == Credentials("Bearer sesame")
    basic = Login(User("jane", username="jane", password="pa:55"), CLUSTER)
    # RFC 7617: base64 of "jane:pa:55".
    assert (await basic.current()).authorization == "Basic amFuZTpwYTo1NQ=="


@pytest.mark.parametrize("text", ["two words", "line\nbreak", "täken"])
async def test_a_token_that_is_none_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(CredentialsError) as caught:
        await Login(User("jane", token=Material(text)), CLUSTER).current()
    assert text not in str(caught.value)
    assert "it is not a token" in str(caught.value)


async def test_an_auth_provider_is_named_with_its_successor() -> None:
    with pytest.raises(CredentialsError, match='auth-provider "gcp"') as caught:
        await Login(User("jane", auth_provider="gcp"), CLUSTER).current()
    assert "gke-gcloud-auth-plugin" in caught.value.problem.remedy


async def test_a_certificate_without_its_key(tmp_path: Path) -> None:
    file = tmp_path / "cert.pem"
    file.write_bytes(Authority().issue().certificate)
    for certificate, key, words in (
        (Material(file=file), Material(), "has no client-key"),
        (Material(), Material("a2V5"), "has no client-certificate"),
        (Material("no base64!"), Material("a2V5"), "it is not base64"),
        (Material(file=file), Material(file=tmp_path / "key.pem"), "key.pem: No such file"),
    ):
        with pytest.raises(CredentialsError, match=words):
            await Login(User("jane", certificate, key), CLUSTER).current()


async def test_a_plugin_that_takes_its_time_is_told_of_while_requests_wait(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    program = tmp_path / "kube-login"
    document = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "x"},
    }
    program.write_text(f"#!/bin/sh\nread line < {gate}\necho '{json.dumps(document)}'\n")
    program.chmod(0o700)
    user = User("jane", plugin=Exec("client.authentication.k8s.io/v1", str(program)))
    told: list[str] = []
    login = Login(
        user,
        CLUSTER,
        changed=lambda: told.append(login.delay.text if login.delay else ""),
        patience=0,
    )
    waiter = asyncio.create_task(login.current())
    await until(lambda: bool(told))
    assert told == ['waiting for the credential plugin "kube-login"']
    with gate.open("w") as opened:
        opened.write("go\n")
    assert (await waiter).authorization == "Bearer x"
    assert told[1:] == [""]
    assert login.delay is None


async def test_closing_ends_a_plugin(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    program = tmp_path / "kube-login"
    program.write_text(f"#!/bin/sh\necho $$ > {json.dumps(str(pid))}\nexec sleep 1000\n")
    program.chmod(0o700)
    user = User("jane", plugin=Exec("client.authentication.k8s.io/v1", str(program)))
    login = Login(user, CLUSTER)
    waiter = asyncio.create_task(login.current())
    await until(lambda: pid.exists() and pid.read_text().endswith("\n"))
    await login.close()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    assert not runs(int(pid.read_text()))
