"""Exec plugins: real programs, well-behaved and not."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from meshtui.kube import exec_plugin
from meshtui.kube.access import Cluster, Exec, Material
from meshtui.kube.errors import CredentialsError
from meshtui.kube.tls import Identity
from meshtui.mesh.snapshot import Trouble
from tests.kube.configs import encoded
from tests.kube.eventually import until
from tests.kube.lending import Lending
from tests.kube.pki import Authority
from tests.kube.processes import runs

V1 = "client.authentication.k8s.io/v1"
V1BETA1 = "client.authentication.k8s.io/v1beta1"
CLUSTER = Cluster("c", "https://kube.example:6443")

Plugins = Callable[..., Exec]


@pytest.fixture
def plugin(tmp_path: Path) -> Plugins:
    """Makes a plugin of the body of a Python program."""

    def make(body: str, **fields: Any) -> Exec:
        path = tmp_path / "kube-login"
        path.write_text(f"#!{sys.executable} -IS\nimport json, os, sys\n{body}\n")
        path.chmod(0o700)
        return replace(Exec(V1, str(path)), **fields)

    return make


def credential(version: str = V1, **status: str) -> str:
    """A line of a plugin that prints an ExecCredential."""
    document = {"apiVersion": version, "kind": "ExecCredential", "status": status}
    return f"print({json.dumps(json.dumps(document))})"


async def refused(plugin: Exec, cluster: Cluster = CLUSTER) -> CredentialsError:
    with pytest.raises(CredentialsError) as caught:
        await exec_plugin.run(plugin, cluster)
    assert caught.value.problem.trouble is Trouble.CREDENTIALS
    return caught.value


@pytest.mark.parametrize("version", [V1, V1BETA1])
async def test_a_token_and_when_it_expires(plugin: Plugins, version: str) -> None:
    line = credential(version, token="sesame", expirationTimestamp="2026-11-25T12:00:00Z")
    found = await exec_plugin.run(plugin(line, api_version=version), CLUSTER)
    assert found.authorization == "Bearer sesame"
    assert found.expires == datetime(2026, 11, 25, 12, tzinfo=UTC)
    assert "sesame" not in repr(found)


async def test_a_client_certificate(plugin: Plugins) -> None:
    pair = Authority().issue(common="jane")
    certificate, key = pair.certificate.decode(), pair.key.decode()
    line = credential(clientCertificateData=certificate, clientKeyData=key)
    found = await exec_plugin.run(plugin(line), CLUSTER)
    assert found.identity == Identity(pair.certificate, pair.key)
    assert found.authorization == ""
    assert "PRIVATE" not in repr(found)


async def test_what_a_plugin_is_told(plugin: Plugins, tmp_path: Path) -> None:
    out = tmp_path / "told"
    body = (
        f"open({str(out)!r}, 'w').write(json.dumps([sys.argv[1:], os.environ['REGION'], os.environ['PATH'],"
        "os.environ['KUBERNETES_EXEC_INFO'], sys.stdin.read()]))\n"
    ) + credential(token="x")
    authority = tmp_path / "ca.crt"
    authority.write_bytes(b"the authority")
    cluster = Cluster(
        "c",
        "https://kube.example:6443",
        Material(file=authority),
        server_name="inner",
        proxy="http://p:1",
        exec_config={"audience": "a"},
    )
    asked = plugin(body, args=("get", "--a b"), env=(("REGION", "eu"),), provide_cluster_info=True)
    await exec_plugin.run(asked, cluster)
    arguments, region, path, info, typed = json.loads(out.read_text())
    assert (arguments, region, typed) == (["get", "--a b"], "eu", "")
    assert path == os.environ["PATH"]
    # As kubectl 1.32 tells it.
    assert json.loads(info) == {
        "apiVersion": V1,
        "kind": "ExecCredential",
        "spec": {
            "interactive": False,
            "cluster": {
                "server": "https://kube.example:6443",
                "tls-server-name": "inner",
                "certificate-authority-data": encoded(b"the authority"),
                "proxy-url": "http://p:1",
                "config": {"audience": "a"},
            },
        },
    }
    await exec_plugin.run(replace(asked, provide_cluster_info=False), cluster)
    info = json.loads(json.loads(out.read_text())[3])
    assert info["spec"] == {"interactive": False}


async def test_a_plugin_has_no_terminal(plugin: Plugins) -> None:
    body = "try: open('/dev/tty'); print('drawn over')\nexcept OSError: " + credential(token="x")
    assert (await exec_plugin.run(plugin(body), CLUSTER)).authorization == "Bearer x"


async def test_a_plugin_that_is_missing_gives_its_hint() -> None:
    hint = "Install it with:\n  \x1b[31mbrew install kube-login"
    caught = await refused(Exec(V1, "no-such-kube-login", install_hint=hint))
    assert 'the credential plugin "no-such-kube-login" is not installed' in str(caught)
    assert caught.problem.remedy == "Install it with:\n  brew install kube-login"


async def test_a_plugin_that_may_not_run(tmp_path: Path) -> None:
    path = tmp_path / "kube-login"
    path.write_text("#!/bin/sh\n")
    assert "cannot be started: Permission denied" in str(await refused(Exec(V1, str(path))))


async def test_a_plugin_that_fails_is_quoted_with_its_last_line(plugin: Plugins) -> None:
    body = (
        "print('s3cret')\n"
        "print('a warning\\n\\x1b[31mToken expired:\\x1b[0m\\x07 run sso login\\n\\n', file=sys.stderr); sys.exit(255)"
    )
    caught = await refused(plugin(body))
    assert str(caught) == (
        'the credential plugin "kube-login" failed with status 255: Token expired: run sso login'
    )
    assert caught.problem.remedy


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("print('s3cret')", "something that is no ExecCredential"),
        ("print('[1]')", "something that is no ExecCredential"),
        ("print('{\"status\": null}')", "something that is no ExecCredential"),
        ("pass", "something that is no ExecCredential"),
        (credential(), "neither a token nor a client certificate"),
        (credential(V1BETA1, token="s3cret"), f"not an ExecCredential of {V1}"),
        (credential(clientCertificateData="s3cret"), "a client certificate without its key"),
        (credential(token="s3\ncret"), "something that is no ExecCredential"),
        (credential(token="s3cret", expirationTimestamp="soon"), "that is no ExecCredential"),
    ],
)
async def test_what_is_no_credential_is_not_shown(plugin: Plugins, body: str, words: str) -> None:
    caught = await refused(plugin(body))
    assert words in str(caught)
    assert "cret" not in str(caught) + caught.problem.remedy


async def test_an_old_version_is_named() -> None:
    caught = await refused(Exec("client.authentication.k8s.io/v1alpha1", "kube-login"))
    assert "v1alpha1" in str(caught)


async def test_a_plugin_that_hangs_is_ended_with_its_children(
    plugin: Plugins, tmp_path: Path
) -> None:
    body = (
        "import subprocess\n"
        "child = subprocess.Popen(['sh', '-c', 'trap \"\" TERM; sleep 1000 & wait'])\n"
        f"open({str(tmp_path / 'pids')!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}\\n')\n"
        "child.wait()"
    )
    run = asyncio.create_task(exec_plugin.run(plugin(body), CLUSTER))
    pids = tmp_path / "pids"
    await until(lambda: pids.exists() and pids.read_text().endswith("\n"))
    leader, child = map(int, pids.read_text().split())
    assert os.getsid(leader) == leader != os.getsid(0)
    run.cancel()
    with suppress(asyncio.CancelledError):
        await run
    await until(lambda: not runs(leader) and not runs(child))


async def test_a_plugin_that_does_not_answer_says_what_it_said(plugin: Plugins) -> None:
    body = (
        "import time\nprint('open https://idp.example/device and enter CODE', file=sys.stderr, flush=True)\n"
        "time.sleep(1000)"
    )
    with pytest.raises(CredentialsError) as caught:
        await exec_plugin.run(plugin(body), CLUSTER, deadline=0.5)
    assert str(caught.value) == (
        'the credential plugin "kube-login" gave no answer within 0.5 s; '
        "it said: open https://idp.example/device and enter CODE"
    )
    assert "in another terminal" in caught.value.problem.remedy


async def test_a_plugin_that_leaves_a_program_behind_is_not_waited_for(plugin: Plugins) -> None:
    body = (
        "import subprocess\nchild = subprocess.Popen(['sleep', '5'], start_new_session=True)\n"
        + credential(token="x")
    )
    async with asyncio.timeout(3):
        assert (await exec_plugin.run(plugin(body), CLUSTER)).authorization == "Bearer x"


async def test_a_plugin_without_end_is_ended(plugin: Plugins) -> None:
    async with asyncio.timeout(10):
        caught = await refused(plugin("while True: print('y' * 1000)"))
    assert "prints without end" in str(caught)


async def test_a_plugin_holds_up_nothing_else(plugin: Plugins, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    waiting = plugin(f"open({str(gate)!r}).read()\n" + credential(token="x"))
    run = asyncio.create_task(exec_plugin.run(waiting, CLUSTER))
    await until(lambda: _opened(gate))
    assert (await run).authorization == "Bearer x"


def _opened(gate: Path) -> bool:
    """Opens a pipe for writing, and closes it, once there is a reader."""
    try:
        os.close(os.open(gate, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


async def test_a_plugin_that_must_ask_says_what_to_do_or_gets_the_terminal(
    plugin: Plugins,
) -> None:
    asking = plugin(
        "assert json.loads(os.environ['KUBERNETES_EXEC_INFO'])['spec']['interactive']\n"
        "assert os.getsid(0) == os.getsid(os.getppid())\n" + credential(token="x"),
        interactive_mode="Always",
    )
    caught = await refused(asking)
    assert "interactiveMode: Always" in str(caught)
    assert "IfAvailable" in caught.problem.remedy
    lending = Lending()
    found = await exec_plugin.run(asking, CLUSTER, lending)
    assert found.authorization == "Bearer x"
    wish = 'the credential plugin "kube-login" wants to ask on the terminal'
    assert lending.told == [wish, "back"]


async def test_a_plugin_that_may_ask_gets_the_terminal_once_it_gave_nothing_without(
    plugin: Plugins,
) -> None:
    body = (
        "if not json.loads(os.environ['KUBERNETES_EXEC_INFO'])['spec']['interactive']:\n"
        "    sys.exit('no terminal to ask on')\n" + credential(token="x")
    )
    lending = Lending()
    found = await exec_plugin.run(plugin(body), CLUSTER, lending)
    assert found.authorization == "Bearer x"
    failure = 'the credential plugin "kube-login" failed with status 1: no terminal to ask on'
    assert lending.told == [f"{failure}. It may want to ask on the terminal", "back"]
    for asking, mode in ((Lending(wants=False), "IfAvailable"), (Lending(), "Never")):
        with pytest.raises(CredentialsError) as caught:
            await exec_plugin.run(plugin(body, interactive_mode=mode), CLUSTER, asking)
        assert str(caught.value) == failure, mode
        assert bool(asking.told) == (mode == "IfAvailable")


async def test_a_plugin_that_needs_no_terminal_does_not_get_it(plugin: Plugins) -> None:
    lending = Lending()
    found = await exec_plugin.run(plugin(credential(token="x")), CLUSTER, lending)
    assert found.authorization == "Bearer x"
    with pytest.raises(CredentialsError, match="is not installed"):
        await exec_plugin.run(Exec(V1, "/no/such/program"), CLUSTER, lending)
    assert lending.told == []
