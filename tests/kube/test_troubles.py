"""What goes wrong on the way to a server, each with its own kind, its words and a next step."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from yarl import URL

from meshtui.kube.connect import Connection
from meshtui.kube.errors import ConfigError, CredentialsError, KubeError, Unreachable
from meshtui.kube.resolve import Resolver
from meshtui.kube.troubles import explain
from meshtui.mesh.snapshot import Trouble
from tests.cluster.local import talking
from tests.kube import servers
from tests.kube.configs import connection, encoded, write
from tests.kube.pki import DAY, NOW, Authority, pem_of
from tests.kube.servers import Proxy

AUTHORITY = Authority()
TRUSTING = {"certificate-authority-data": encoded(AUTHORITY.pem)}


async def failure(connected: Connection, timeout: float = 5) -> KubeError:  # noqa: ASYNC109
    """How a request fails; each failure has a next step, and nothing secret in it."""
    async with connected:
        with pytest.raises(KubeError) as caught:
            async with connected.request("GET", "/version", timeout=timeout):
                pass
    problem = caught.value.problem
    assert problem.remedy
    assert "s3cret" not in problem.text + problem.remedy
    return caught.value


@pytest.fixture
def closed() -> Iterator[int]:
    """A port where nobody listens, and that nobody else gets."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


async def test_a_name_that_does_not_exist(tmp_path: Path) -> None:
    path = write(tmp_path / "config", "https://kube.invalid:6443")
    caught = await failure(connection(path))
    assert isinstance(caught, Unreachable)
    assert caught.problem.trouble is Trouble.NAME
    assert "the name of kube.invalid" in str(caught)


async def test_a_lookup_that_hangs_is_not_taken_for_a_server_that_is_silent() -> None:
    hanging = threading.Event()
    resolver = Resolver(lambda *_, **__: [hanging.wait()], deadline=0.05)
    server = URL("https://kube.example:6443")
    connector = aiohttp.TCPConnector(resolver=resolver)
    try:
        async with aiohttp.ClientSession(connector=connector) as session:
            with pytest.raises(aiohttp.ClientError) as caught:
                await session.get(server)
    finally:
        hanging.set()
    found = explain(caught.value, server, None, 10)
    assert found.problem.trouble is Trouble.NAME
    assert str(found) == "the name of kube.example cannot be looked up: DNS does not answer"


async def test_a_port_where_nobody_listens(tmp_path: Path, closed: int) -> None:
    for host in ("127.0.0.1", "localhost"):
        path = write(tmp_path / "config", f"https://{host}:{closed}")
        caught = await failure(connection(path))
        assert caught.problem.trouble is Trouble.REFUSED
        assert str(caught) == f"{host}:{closed} refuses connections: nothing listens there"


async def test_a_server_that_does_not_finish_a_handshake(tmp_path: Path) -> None:
    async with talking(servers.silence) as port:
        path = write(tmp_path / "config", f"https://127.0.0.1:{port}")
        caught = await failure(connection(path), timeout=10)
    assert caught.problem.trouble is Trouble.TIMEOUT
    assert str(caught) == f"no answer from 127.0.0.1:{port} within 3 s"
    assert caught.problem.remedy.startswith("A firewall, or a VPN")


async def test_a_server_that_does_not_answer_a_request(tmp_path: Path) -> None:
    async with talking(servers.silence) as port:
        path = write(tmp_path / "config", f"http://127.0.0.1:{port}")
        caught = await failure(connection(path), timeout=0.1)
    assert caught.problem.trouble is Trouble.TIMEOUT
    assert str(caught) == f"no answer from 127.0.0.1:{port} within 0.1 s"
    assert caught.problem.remedy.startswith("It may be overloaded, or")


async def test_a_server_that_hangs_up(tmp_path: Path) -> None:
    async def hang_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async with talking(hang_up) as port:
        for scheme in ("http", "https"):
            path = write(tmp_path / "config", f"{scheme}://127.0.0.1:{port}")
            caught = await failure(connection(path))
            assert caught.problem.trouble is Trouble.UNREACHABLE
            assert str(caught) == f"127.0.0.1:{port} closed the connection"


async def test_a_body_that_is_cut_off(tmp_path: Path) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
        await writer.drain()

    async with talking(cut) as port:
        path = write(tmp_path / "config", f"http://127.0.0.1:{port}")
        async with connection(path) as connected:
            with pytest.raises(Unreachable, match="closed the connection"):
                async with connected.request("GET", "/version") as response:
                    await response.read()


async def test_a_deadline_of_the_reader_stays_the_reader_s(tmp_path: Path) -> None:
    async def trickle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first")
        await asyncio.sleep(60)
        return response

    async with servers.api(handler=trickle) as server:
        path = write(tmp_path / "config", f"http://127.0.0.1:{server.port}")
        async with connection(path) as connected:
            async with connected.request("GET", "/watch", timeout=0.2) as response:
                assert await response.content.readany() == b"first"
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.4):
                        await response.content.readany()
            with pytest.raises(TimeoutError):
                await _silence(connected)


async def _silence(connected: Connection) -> None:
    async with connected.request("GET", "/watch") as response:
        await response.content.readany()
        async with asyncio.timeout(0.01):
            await response.content.readany()


# Certificates of servers

STRANGER = Authority("a stranger")
NAMESAKE = Authority()


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (AUTHORITY.issue("127.0.0.1", end=NOW - timedelta(hours=1)), "has expired"),
        (AUTHORITY.issue("127.0.0.1", start=NOW + DAY, end=NOW + 2 * DAY), "is not valid yet"),
        (AUTHORITY.issue("kube.example"), "is for other names"),
        (AUTHORITY.issue("10.96.0.1"), "is for other names"),
        (AUTHORITY.issue(common="127.0.0.1"), "is for other names"),
        (STRANGER.issue("127.0.0.1"), "is from an authority that the kubeconfig does not trust"),
        (NAMESAKE.issue("127.0.0.1"), "authority that the kubeconfig"),
    ],
    ids=["expired", "not yet", "name", "address", "common name", "stranger", "namesake"],
)
async def test_a_certificate_that_does_not_verify(tmp_path: Path, server: Any, words: str) -> None:
    async with servers.api(server.server()) as there:
        path = write(tmp_path / "config", f"https://127.0.0.1:{there.port}", TRUSTING)
        caught = await failure(connection(path))
        assert there.requests == []
    assert caught.problem.trouble is Trouble.TLS
    assert f"the certificate of 127.0.0.1:{there.port} " in str(caught)
    assert words in str(caught)


async def test_without_an_authority_the_roots_of_this_machine_count(tmp_path: Path) -> None:
    async with servers.api(AUTHORITY.issue("127.0.0.1").server()) as there:
        path = write(tmp_path / "config", f"https://127.0.0.1:{there.port}")
        caught = await failure(connection(path))
    assert caught.problem.trouble is Trouble.TLS
    assert "does not trust" in str(caught)


async def test_tls_server_name_is_asked_for_and_verified(tmp_path: Path) -> None:
    proxy = Proxy()
    pair = AUTHORITY.issue("kube.example")
    async with servers.api(pair.server()) as there, talking(proxy.socks) as port:
        for more in ({}, {"proxy-url": f"socks5://127.0.0.1:{port}"}):
            cluster = {**TRUSTING, "tls-server-name": "kube.example", **more}
            path = write(tmp_path / "config", f"https://127.0.0.1:{there.port}", cluster)
            async with connection(path) as connected:
                async with connected.request("GET", "/") as response:
                    assert response.status == 200
                async with connected.websocket("/") as open_socket:
                    await open_socket.send_bytes(b"x")
                    assert await open_socket.receive_bytes(timeout=5) == b"x"
        assert set(there.names) == {"kube.example"}
        cluster = {**TRUSTING, "tls-server-name": "other.example"}
        path = write(tmp_path / "config", f"https://127.0.0.1:{there.port}", cluster)
        assert "is for other names" in str(await failure(connection(path)))


async def test_insecure_verifies_nothing_and_says_so(tmp_path: Path) -> None:
    pair = STRANGER.issue("kube.example", end=NOW - timedelta(hours=1))
    async with servers.api(pair.server()) as there:
        cluster = {"insecure-skip-tls-verify": True}
        path = write(tmp_path / "config", f"https://127.0.0.1:{there.port}", cluster)
        async with connection(path) as connected:
            assert connected.insecure
            async with connected.request("GET", "/") as response:
                assert response.status == 200
    both = write(tmp_path / "config", "https://127.0.0.1", {**cluster, **TRUSTING})
    with pytest.raises(ConfigError, match="both a certificate authority and insecure"):
        connection(both)


async def test_an_authority_without_key_identifiers_is_trusted_as_by_kubectl(
    tmp_path: Path,
) -> None:
    old = Authority("an old CA", bare=True)
    async with servers.api(old.issue("127.0.0.1").server()) as there:
        cluster = {"certificate-authority-data": encoded(b"# an old CA, \xc3\xa4lter\n" + old.pem)}
        path = write(tmp_path / "config", f"https://127.0.0.1:{there.port}", cluster)
        async with connection(path) as connected, connected.request("GET", "/") as response:
            assert response.status == 200


async def test_a_server_s_own_certificate_is_an_anchor_as_for_kubectl(tmp_path: Path) -> None:
    pair = AUTHORITY.issue("127.0.0.1")
    (tmp_path / "ca.crt").write_bytes(pair.certificate)
    async with servers.api(pair.server()) as there:
        cluster = {"certificate-authority": "ca.crt"}
        path = write(tmp_path / "config", f"https://127.0.0.1:{there.port}", cluster)
        async with connection(path) as connected, connected.request("GET", "/") as response:
            assert response.status == 200


async def test_a_port_that_does_not_speak_tls(tmp_path: Path) -> None:
    async with servers.api() as there:
        path = write(tmp_path / "config", f"https://127.0.0.1:{there.port}")
        caught = await failure(connection(path))
    assert caught.problem.trouble is Trouble.HANDSHAKE
    assert str(caught) == f"127.0.0.1:{there.port} answers, but does not speak TLS"


# Certificates of ours


@pytest.mark.parametrize(
    ("authority", "words"),
    [
        ({"certificate-authority-data": "!"}, "it is not base64"),
        ({"certificate-authority-data": "aGVsbG8="}, "there is no PEM certificate in it"),
        ({"certificate-authority": "gone.crt"}, "gone.crt: No such file or directory"),
        (
            {
                "certificate-authority-data": encoded(
                    b"-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n"
                )
            },
            "there is a certificate in it that is broken",
        ),
    ],
)
async def test_an_authority_that_cannot_be_used(
    tmp_path: Path, authority: dict[str, str], words: str
) -> None:
    path = write(tmp_path / "config", "https://127.0.0.1:1", authority)
    caught = await failure(connection(path))
    assert isinstance(caught, ConfigError)
    assert words in str(caught)
    assert 'cluster "c"' in str(caught)


async def test_a_client_certificate_that_cannot_be_used(tmp_path: Path) -> None:
    pair, other = AUTHORITY.issue(), AUTHORITY.issue()
    locked = pem_of(ec.generate_private_key(ec.SECP256R1()), b"s3cret")
    for key, words in (
        (other.key, "the key is that of another certificate"),
        (locked, "its key is encrypted"),
        (b"hello", "certificate or key is broken"),
    ):
        user = {
            "client-certificate-data": encoded(pair.certificate),
            "client-key-data": encoded(key),
        }
        path = write(tmp_path / "config", "https://127.0.0.1:1", TRUSTING, user)
        caught = await failure(connection(path))
        assert isinstance(caught, CredentialsError)
        assert words in str(caught)


async def test_a_server_that_does_not_take_our_certificate(tmp_path: Path) -> None:
    pair = STRANGER.issue(common="jane")
    user = {
        "client-certificate-data": encoded(pair.certificate),
        "client-key-data": encoded(pair.key),
    }
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        path = write(tmp_path / "config", f"https://127.0.0.1:{port}", TRUSTING, user)
        thread = threading.Thread(target=_demand, args=(listener,))
        thread.start()
        caught = await failure(connection(path))
        thread.join()
    assert isinstance(caught, CredentialsError)
    assert str(caught) == f"127.0.0.1:{port} does not take our client certificate (unknown ca)"


def _demand(listener: socket.socket) -> None:
    """Demands a certificate of AUTHORITY, and sends the alert where it gets none, which asyncio's server does not;
    twice, since aiohttp tries a GET again."""
    context = AUTHORITY.issue("127.0.0.1").server(trusting=AUTHORITY)
    for _ in range(2):
        accepted, _ = listener.accept()
        with context.wrap_socket(
            accepted, server_side=True, do_handshake_on_connect=False
        ) as there:
            with suppress(ssl.SSLError):
                there.do_handshake()
            socket.socket.recv(there, 65536)  # left unread, it would reset the connection


# Proxies


async def test_a_proxy_that_cannot_be_reached(tmp_path: Path, closed: int) -> None:
    path = write(tmp_path / "config", "https://kube.inner:6443")
    for scheme in ("http", "socks5"):
        environ = {"HTTPS_PROXY": f"{scheme}://me:s3cret@127.0.0.1:{closed}"}
        caught = await failure(connection(path, environ))
        assert caught.problem.trouble is Trouble.REFUSED
        assert str(caught) == (
            f"the proxy 127.0.0.1:{closed} (HTTPS_PROXY) refuses connections: nothing listens there"
        )
        environ = {"HTTPS_PROXY": f"{scheme}://me:s3cret@proxy.invalid:3128"}
        caught = await failure(connection(path, environ))
        assert caught.problem.trouble is Trouble.NAME
        assert "the name of the proxy proxy.invalid:3128 (HTTPS_PROXY)" in str(caught)


async def test_a_proxy_that_wants_a_password(tmp_path: Path) -> None:
    proxy = Proxy(login="me:right")
    async with talking(proxy.http) as port, talking(proxy.socks) as socks:
        cluster = {"proxy-url": f"http://me:s3cret@127.0.0.1:{port}"}
        path = write(tmp_path / "config", "https://kube.inner:6443", cluster)
        caught = await failure(connection(path))
        assert caught.problem.trouble is Trouble.UNREACHABLE
        assert f"the proxy 127.0.0.1:{port} (proxy-url) wants a user and a password" in str(caught)
        cluster = {"proxy-url": f"socks5://me:s3cret@127.0.0.1:{socks}"}
        path = write(tmp_path / "config", "https://kube.inner:6443", cluster)
        caught = await failure(connection(path))
        assert caught.problem.trouble is Trouble.UNREACHABLE
        assert f"the proxy 127.0.0.1:{socks} (proxy-url) does not lead to" in str(caught)


async def test_a_proxy_that_does_not_get_there(tmp_path: Path, closed: int) -> None:
    proxy = Proxy(answer="502 Bad Gateway")
    async with talking(proxy.http) as port, talking(proxy.socks) as socks:
        for address, said in (
            (f"http://127.0.0.1:{port}", "502"),
            (f"socks5://127.0.0.1:{socks}", "refused"),
        ):
            path = write(
                tmp_path / "config", f"https://kube.inner:{closed}", {"proxy-url": address}
            )
            caught = await failure(connection(path))
            assert caught.problem.trouble is Trouble.UNREACHABLE
            assert f"does not lead to kube.inner:{closed}" in str(caught)
            assert said in str(caught)


async def test_a_proxy_that_is_silent(tmp_path: Path) -> None:
    async with talking(servers.silence) as port:
        for scheme in ("http", "socks5"):
            path = write(
                tmp_path / "config",
                "https://kube.inner",
                {"proxy-url": f"{scheme}://127.0.0.1:{port}"},
            )
            caught = await failure(connection(path), timeout=0.2)
            assert caught.problem.trouble is Trouble.TIMEOUT
            assert str(caught) == (
                f"no answer from kube.inner:443 through the proxy 127.0.0.1:{port} (proxy-url) within 0.2 s"
            )


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_through_a_proxy_the_server_is_verified(tmp_path: Path, scheme: str) -> None:
    proxy = Proxy()
    talk = proxy.http if scheme == "http" else proxy.socks
    async with servers.api(STRANGER.issue("kube.inner").server()) as there, talking(talk) as port:
        cluster = {**TRUSTING, "proxy-url": f"{scheme}://127.0.0.1:{port}"}
        path = write(tmp_path / "config", f"https://kube.inner:{there.port}", cluster)
        caught = await failure(connection(path))
    assert caught.problem.trouble is Trouble.TLS
    assert f"the certificate of kube.inner:{there.port} is from an authority" in str(caught)


# Addresses


@pytest.mark.parametrize(
    "server", ["ftp://kube", "https://", "https://kube:port", "https://kube:6443?x=1", "::"]
)
def test_an_address_that_is_none(tmp_path: Path, server: str) -> None:
    with pytest.raises(ConfigError, match="address that is none") as caught:
        connection(write(tmp_path / "config", server))
    assert "kubectl config set-cluster c --server=" in caught.value.problem.remedy


async def test_an_address_in_an_old_notation(tmp_path: Path) -> None:
    caught = await failure(connection(write(tmp_path / "config", "https://127.1:6443")))
    assert isinstance(caught, ConfigError)
    assert "127.1:6443 is no address" in str(caught)
