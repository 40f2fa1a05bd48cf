"""A connection against real servers: who it says it is, whom it trusts, how it gets there."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from meshtui.kube.connect import Connection
from meshtui.kube.errors import ConfigError, CredentialsError, Unreachable
from tests.cluster.local import talking
from tests.kube import servers
from tests.kube.configs import connection, encoded, write
from tests.kube.eventually import until
from tests.kube.pki import Authority, Pair
from tests.kube.servers import Proxy

AUTHORITY = Authority()
SERVER = AUTHORITY.issue("127.0.0.1", "localhost")
TRUSTING = {"certificate-authority-data": encoded(AUTHORITY.pem)}


async def asked(connected: Connection, path: str = "/version", **kwargs: Any) -> dict[str, Any]:
    """What the server heard of a request."""
    async with connected.request("GET", path, timeout=5, **kwargs) as response:
        assert response.status == 200
        heard: dict[str, Any] = json.loads(await response.read())
        return heard


def headers(heard: dict[str, Any], name: str) -> list[str]:
    return [value for each, value in heard["headers"] if each.lower() == name.lower()]


# Requests


async def test_a_token_and_a_trusted_server(tmp_path: Path) -> None:
    async with servers.api(SERVER.server()) as server:
        url = f"https://127.0.0.1:{server.port}"
        path = write(tmp_path / "config", url, TRUSTING, {"token": "sesame"})
        async with connection(path) as connected:
            heard = await asked(connected, "/api/v1/pods?labelSelector=app%20in%20%28a%2Cb%29")
            assert headers(heard, "Authorization") == ["Bearer sesame"]
            assert server.requests[0].query == {"labelSelector": "app in (a,b)"}
            assert (connected.context, connected.cluster, connected.user) == ("test", "c", "u")
            assert (connected.url, connected.insecure) == (url, False)
            assert "sesame" not in repr(vars(connected))


async def test_a_tls_connection_is_small(tmp_path: Path) -> None:
    """Both ends of it are in this process; asyncio alone has 256 KiB for each."""
    async with servers.api(SERVER.server()) as server:
        path = write(tmp_path / "config", f"https://127.0.0.1:{server.port}", TRUSTING)
        async with connection(path) as connected:
            await asked(connected)
            tracemalloc.start()
            try:
                await asyncio.gather(*(asked(connected) for _ in range(4)))
                assert tracemalloc.get_traced_memory()[0] < 4 * 200_000
            finally:
                tracemalloc.stop()


async def test_the_body_and_the_path_below_that_of_the_server(tmp_path: Path) -> None:
    async with servers.api() as server:
        path = write(tmp_path / "config", f"http://127.0.0.1:{server.port}/k8s/clusters/c-1/")
        async with connection(path) as connected:
            where = "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode%2Fx?dryRun=All"
            async with connected.request("POST", where, json={"a": 1}) as response:
                heard = await response.json()
    assert heard["method"] == "POST"
    assert heard["path"] == (
        "/k8s/clusters/c-1/apis/rbac.authorization.k8s.io/v1/clusterroles/system:node%2Fx?dryRun=All"
    )
    assert json.loads(heard["body"]) == {"a": 1}


async def test_a_server_without_tls_is_shown_no_token_as_by_kubectl(tmp_path: Path) -> None:
    async with servers.api() as server:
        path = write(tmp_path / "config", f"127.0.0.1:{server.port}", user={"token": "sesame"})
        async with connection(path) as connected:
            assert headers(await asked(connected), "Authorization") == []
            assert connected.url == f"http://127.0.0.1:{server.port}"


async def test_impersonation_is_asked_for_in_headers(tmp_path: Path) -> None:
    user = {
        "as": "ann",
        "as-uid": "7",
        "as-groups": ["dev"],
        "as-user-extra": {"acme.com/Team": ["a", "b"]},
    }
    async with servers.api() as server:
        path = write(tmp_path / "config", f"http://127.0.0.1:{server.port}", user=user)
        async with connection(path) as connected:
            heard = await asked(connected)
        assert headers(heard, "Impersonate-User") == ["ann"]
        assert headers(heard, "Impersonate-Uid") == ["7"]
        assert headers(heard, "Impersonate-Group") == ["dev"]
        assert headers(heard, "Impersonate-Extra-acme.com%2FTeam") == ["a", "b"]
        groups = ("ops", "sre")
        async with connection(path, impersonate="bob", impersonate_groups=groups) as connected:
            heard = await asked(connected)
            assert connected.impersonation.user == "bob"
        assert headers(heard, "Impersonate-User") == ["bob"]
        assert headers(heard, "Impersonate-Group") == ["ops", "sre"]
    path = write(tmp_path / "config", "https://127.0.0.1")
    with pytest.raises(ConfigError, match="no user"):
        connection(path, impersonate_groups=("ops",))
    with pytest.raises(ConfigError, match="characters"):
        connection(path, impersonate="bob\r\nX-Evil: 1")


async def test_any_status_is_handed_on_and_a_redirect_is_not_followed(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.Response:
        status = int(request.path.removeprefix("/"))
        return web.Response(status=status, text="words", headers={"Location": "http://login/"})

    async with servers.api(handler=answer) as server:
        path = write(tmp_path / "config", f"http://127.0.0.1:{server.port}")
        async with connection(path) as connected:
            for status in (302, 401, 403, 404, 410, 429, 500, 503):
                async with connected.request("GET", f"/{status}") as response:
                    assert (response.status, await response.text()) == (status, "words")
            assert len(server.requests) == 8


async def test_opening_a_connection_asks_nothing_of_the_network(tmp_path: Path) -> None:
    async with servers.api(SERVER.server()) as server:
        path = write(tmp_path / "config", f"https://127.0.0.1:{server.port}", TRUSTING)
        async with connection(path):
            pass
        assert server.requests == []
        assert server.names == []


# WebSockets


async def test_a_websocket_carries_bytes_and_the_token(tmp_path: Path) -> None:
    async with servers.api(SERVER.server()) as server:
        url = f"https://127.0.0.1:{server.port}"
        path = write(tmp_path / "config", url, TRUSTING, {"token": "sesame"})
        async with (
            connection(path) as connected,
            connected.websocket(
                "/x", params={"ports": "15000"}, protocols=("v4.channel.k8s.io",)
            ) as socket,
        ):
            await socket.send_bytes(b"\0ping")
            assert await socket.receive_bytes(timeout=5) == b"\0ping"
            assert socket.protocol == "v4.channel.k8s.io"
        assert server.requests[0].headers["Authorization"] == "Bearer sesame"
        assert server.requests[0].query == {"ports": "15000"}


async def test_what_is_sent_is_counted_each_try_of_it(tmp_path: Path) -> None:
    async with servers.api(SERVER.server(), taking("never")) as server:
        url = f"https://127.0.0.1:{server.port}"
        path = write(tmp_path / "config", url, TRUSTING, plugin(tmp_path))
        async with connection(path) as connected:
            assert connected.sent == (0, 0)
            async with connected.request("GET", "/version") as response:
                assert response.status == 401
            assert connected.sent == (2, 0), "once more with renewed credentials"
            with pytest.raises(aiohttp.WSServerHandshakeError):
                async with connected.websocket("/x"):
                    pass
            assert connected.sent == (2, len(server.requests) - 2)


async def test_a_refused_websocket_gives_the_status_without_the_token(tmp_path: Path) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=403)

    async with servers.api(SERVER.server(), refuse) as server:
        url = f"https://127.0.0.1:{server.port}"
        path = write(tmp_path / "config", url, TRUSTING, {"token": "sesame"})
        async with connection(path) as connected:
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                async with connected.websocket("/x"):
                    pass
            assert caught.value.status == 403
            assert "sesame" not in repr(caught.value)


async def test_a_websocket_that_is_not_answered_is_given_up(tmp_path: Path) -> None:
    async with talking(servers.silence) as port:
        path = write(tmp_path / "config", f"http://127.0.0.1:{port}")
        async with connection(path, request_timeout=0.2) as connected:
            with pytest.raises(Unreachable, match=r"within 0\.2 s"):
                async with connected.websocket("/x"):
                    pass


# Renewal


def plugin(directory: Path) -> dict[str, Any]:
    """An exec plugin whose n-th run gives "token-n"."""
    path = directory / "kube-login"
    path.write_text(
        f"#!{sys.executable} -IS\nimport json\n"
        f"runs = open({str(directory / 'runs')!r}, 'a+')\nruns.write('x')\nruns.seek(0)\n"
        "print(json.dumps(dict(apiVersion='client.authentication.k8s.io/v1', kind='ExecCredential',"
        "status=dict(token='token-%d' % len(runs.read())))))\n"
    )
    path.chmod(0o700)
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "./kube-login",
            "interactiveMode": "Never",
        }
    }


def taking(*tokens: str) -> servers.Handler:
    """A server that answers 401 to all other tokens."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in tokens:
            return web.Response(status=401)
        return await servers.echo(request)

    return handle


async def test_a_refused_token_is_renewed_once_for_all_requests(tmp_path: Path) -> None:
    async with servers.api(SERVER.server(), taking("token-2")) as server:
        url = f"https://127.0.0.1:{server.port}"
        path = write(tmp_path / "config", url, TRUSTING, plugin(tmp_path))
        async with connection(path) as connected:
            heard = await asyncio.gather(*(asked(connected) for _ in range(10)))
            assert {headers(each, "Authorization")[0] for each in heard} == {"Bearer token-2"}
            async with connected.websocket("/x") as socket:
                await socket.send_bytes(b"ping")
                assert await socket.receive_bytes(timeout=5) == b"ping"
    assert (tmp_path / "runs").read_text() == "xx"


async def test_a_websocket_renews_too(tmp_path: Path) -> None:
    async with servers.api(SERVER.server(), taking("token-2")) as server:
        url = f"https://127.0.0.1:{server.port}"
        path = write(tmp_path / "config", url, TRUSTING, plugin(tmp_path))
        async with connection(path) as connected, connected.websocket("/x") as socket:
            await socket.send_bytes(b"ping")
            assert await socket.receive_bytes(timeout=5) == b"ping"


async def test_a_token_that_is_refused_again_is_handed_on(tmp_path: Path) -> None:
    async with servers.api(SERVER.server(), taking("never")) as server:
        url = f"https://127.0.0.1:{server.port}"
        path = write(tmp_path / "config", url, TRUSTING, plugin(tmp_path))
        async with connection(path) as connected:
            for _ in range(3):
                async with connected.request("GET", "/version") as response:
                    assert response.status == 401
    assert (tmp_path / "runs").read_text() == "xx", "a server that refuses everybody costs one run"


async def test_a_plugin_does_not_count_into_the_deadline_of_a_request(tmp_path: Path) -> None:
    user = plugin(tmp_path)
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    program = tmp_path / "kube-login"
    program.write_text(program.read_text() + f"open({str(gate)!r}).read()\n")
    async with servers.api(SERVER.server(), taking("token-1")) as server:
        path = write(tmp_path / "config", f"https://127.0.0.1:{server.port}", TRUSTING, user)
        async with connection(path) as connected:

            async def ask() -> int:
                async with connected.request("GET", "/", timeout=0.2) as response:
                    return response.status

            request = asyncio.create_task(ask())
            await asyncio.wait([request], timeout=0.4)
            assert not request.done()
            await until(lambda: _opened(gate))
            assert await request == 200


def _opened(gate: Path) -> bool:
    try:
        os.close(os.open(gate, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


# Client certificates


def certified(pair: Pair, directory: Path | None = None) -> dict[str, Any]:
    """A user with a client certificate, inline or in files."""
    if directory is None:
        return {
            "client-certificate-data": encoded(pair.certificate),
            "client-key-data": encoded(pair.key),
        }
    (directory / "client.crt").write_bytes(pair.certificate)
    (directory / "client.key").write_bytes(pair.key)
    return {"client-certificate": "client.crt", "client-key": "client.key"}


@pytest.mark.parametrize("in_files", [False, True])
async def test_a_client_certificate_is_shown_and_its_key_stays_nowhere(
    tmp_path: Path, in_files: bool
) -> None:
    pair = AUTHORITY.issue(common="jane")
    user = certified(pair, tmp_path if in_files else None)
    async with servers.api(SERVER.server(trusting=AUTHORITY)) as server:
        path = write(tmp_path / "config", f"https://127.0.0.1:{server.port}", TRUSTING, user)
        async with connection(path) as connected:
            assert (await asked(connected))["client"] == "jane"
            assert "PRIVATE" not in repr(vars(connected))
    assert not [target for target in _open_files() if "memfd:" in target]


def _open_files() -> Iterator[str]:
    """What this process holds open (Linux, proc(5))."""
    for descriptor in Path("/proc/self/fd").glob("*"):
        with suppress(OSError):
            yield str(descriptor.readlink())


async def test_a_client_certificate_that_was_renewed_on_disk_is_read_after_a_refusal(
    tmp_path: Path,
) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        answer = await servers.echo(request)
        assert isinstance(answer, web.Response)
        if json.loads(answer.text or "")["client"] == "fresh":
            return answer
        certified(AUTHORITY.issue(common="fresh"), tmp_path)
        return web.Response(status=401)

    user = certified(AUTHORITY.issue(common="stale"), tmp_path)
    async with servers.api(SERVER.server(trusting=AUTHORITY), handle) as server:
        path = write(tmp_path / "config", f"https://127.0.0.1:{server.port}", TRUSTING, user)
        async with connection(path) as connected:
            assert (await asked(connected))["client"] == "fresh"
    assert len(server.requests) == 2


async def test_a_certificate_from_a_plugin(tmp_path: Path) -> None:
    pair = AUTHORITY.issue(common="plugged")
    user = plugin(tmp_path)
    status = {
        "clientCertificateData": pair.certificate.decode(),
        "clientKeyData": pair.key.decode(),
    }
    program = tmp_path / "kube-login"
    program.write_text(
        program.read_text().replace("dict(token='token-%d' % len(runs.read()))", repr(status))
    )
    async with servers.api(SERVER.server(trusting=AUTHORITY)) as server:
        path = write(tmp_path / "config", f"https://127.0.0.1:{server.port}", TRUSTING, user)
        async with connection(path) as connected:
            assert (await asked(connected))["client"] == "plugged"


# The way there


async def test_through_an_http_proxy_with_tls_inside(tmp_path: Path) -> None:
    proxy = Proxy(login="me:p@ss")
    pair = AUTHORITY.issue("kube.inner")
    async with servers.api(pair.server()) as server, talking(proxy.http) as port:
        path = write(tmp_path / "config", f"https://kube.inner:{server.port}", TRUSTING)
        environ = {"HTTPS_PROXY": f"http://me:p%40ss@127.0.0.1:{port}"}
        async with connection(path, environ) as connected:
            await asked(connected)
            async with connected.websocket("/x") as socket:
                await socket.send_bytes(b"ping")
                assert await socket.receive_bytes(timeout=5) == b"ping"
        assert set(proxy.asked) == {f"kube.inner:{server.port}"}
        assert server.names[0] == "kube.inner"


async def test_through_a_proxy_that_speaks_tls_itself(tmp_path: Path) -> None:
    proxy = Proxy()
    inner = AUTHORITY.issue("kube.inner")
    async with (
        servers.api(inner.server()) as server,
        talking(proxy.http, AUTHORITY.issue("localhost").server()) as port,
    ):
        cluster = {**TRUSTING, "proxy-url": f"https://localhost:{port}"}
        path = write(tmp_path / "config", f"https://kube.inner:{server.port}", cluster)
        async with connection(path) as connected:
            await asked(connected)
        assert proxy.asked == [f"kube.inner:{server.port}"]


@pytest.mark.parametrize("login", ["", "me:p@ss"])
async def test_through_a_socks_proxy_that_looks_up_the_name(tmp_path: Path, login: str) -> None:
    proxy = Proxy(login=login)
    pair = AUTHORITY.issue("kube.inner")
    async with servers.api(pair.server()) as server, talking(proxy.socks) as port:
        address = f"socks5://{'me:p%40ss@' if login else ''}localhost:{port}"
        path = write(
            tmp_path / "config",
            f"https://kube.inner:{server.port}",
            {**TRUSTING, "proxy-url": address},
        )
        async with connection(path) as connected:
            await asked(connected)
            async with connected.websocket("/x") as socket:
                await socket.send_bytes(b"ping")
                assert await socket.receive_bytes(timeout=5) == b"ping"
        assert set(proxy.asked) == {f"kube.inner:{server.port}"}
        assert server.names[0] == "kube.inner"


async def test_no_proxy_for_loopback(tmp_path: Path) -> None:
    proxy = Proxy(answer="502 Bad Gateway")
    async with servers.api(SERVER.server()) as server, talking(proxy.http) as port:
        path = write(tmp_path / "config", f"https://127.0.0.1:{server.port}", TRUSTING)
        async with connection(path, {"HTTPS_PROXY": f"http://127.0.0.1:{port}"}) as connected:
            await asked(connected)
        assert proxy.asked == []


async def test_a_name_with_two_addresses_is_reached_at_the_one_that_answers(tmp_path: Path) -> None:
    async with servers.api(SERVER.server()) as server:  # listens on 127.0.0.1, not on ::1
        path = write(tmp_path / "config", f"https://localhost:{server.port}", TRUSTING)
        async with connection(path) as connected:
            await asked(connected)


async def test_closing_a_connection_ends_a_plugin_that_runs(tmp_path: Path) -> None:
    user = plugin(tmp_path)
    program = tmp_path / "kube-login"
    program.write_text("#!/bin/sh\nexec sleep 1000\n")
    path = write(tmp_path / "config", "https://127.0.0.1:1", TRUSTING, user)
    async with asyncio.timeout(5), connection(path) as connected:

        async def ask() -> None:
            async with connected.request("GET", "/"):
                pass

        request = asyncio.create_task(ask())
        await asyncio.sleep(0)
    with pytest.raises((asyncio.CancelledError, CredentialsError)):
        await request
