"""Connection: authenticated HTTP requests and WebSockets to one cluster.

It is the transport under the official client's ApiClient (`kube/api.py`), and stands on aiohttp as that client's own
does, which has no exec plugin that can be ended, no renewal after a 401, no SOCKS, one deadline for a request and its
body, so none that suits a watch, and leaves client keys in files.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from time import monotonic
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

import meshtui
from meshtui.kube import background, impersonation, tls
from meshtui.kube import proxy as proxies
from meshtui.kube.access import Cluster, User
from meshtui.kube.budget import Sent
from meshtui.kube.credentials import Credentials
from meshtui.kube.errors import ConfigError
from meshtui.kube.exec_plugin import Suspend
from meshtui.kube.kubeconfig import Kubeconfig
from meshtui.kube.login import Login
from meshtui.kube.resolve import Resolver
from meshtui.kube.sockets import Sockets
from meshtui.kube.socks import SocksConnector
from meshtui.kube.tls import Identity
from meshtui.kube.troubles import SOCKS_ERRORS, explain
from meshtui.mesh.snapshot import Problem
from meshtui.settings import Settings

T = TypeVar("T")

USER_AGENT = f"meshtui/{meshtui.__version__}"

CONNECT_DEADLINE = 3.0
"""Seconds for name, TCP, proxy and TLS together."""

_BUFFER = 2**20
"""A watch event may be as large as an object, and etcd takes 1.5 MiB: a line of twice this can be read."""
_GOODBYE = 0.1
"""Seconds that a closed WebSocket waits for the other side's word, and a closed connection for its sockets: quitting
must not wait for a cluster."""

_FAILED = (aiohttp.ClientError, OSError, *SOCKS_ERRORS)
"""What may come before an answer begins."""
_BROKEN = (aiohttp.ClientError, ConnectionError, ssl.SSLError)
"""What may come while it is read; a TimeoutError then is the reader's own."""


class Connection:
    """Requests to one cluster as one user. Used by `async with`; entering it does no network. Raises ConfigError where
    the kubeconfig does not lead to a server."""

    def __init__(
        self,
        kubeconfig: Kubeconfig,
        settings: Settings,
        context: str = "",
        *,
        environ: Mapping[str, str] = os.environ,
        suspend: Suspend | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`context` is `settings.context` unless given, and else the current one. `suspend` lets exec plugins that
        insist on it ask on the terminal. `changed` is called when `delay` changes."""
        chosen, cluster, user = kubeconfig.choose(context or settings.context)
        self._cluster = cluster
        self._base = _base(cluster)
        self._proxy = proxies.choose(self._base, cluster.proxy, environ)
        # kubectl, too, shows nothing secret to a server without TLS; `kubectl proxy` wants nothing.
        self._login = Login(
            user if self._base.scheme == "https" else User(""), cluster, suspend, changed
        )
        self.impersonation = impersonation.of(user, settings)
        self._headers = CIMultiDict(impersonation.headers(self.impersonation))
        self._headers["User-Agent"] = USER_AGENT
        self._patience = settings.request_timeout
        self._session: aiohttp.ClientSession | None = None
        self._sockets = Sockets()
        self._requests, self._websockets = Sent(), Sent()
        self._tls: tuple[Identity | None, ssl.SSLContext] | None = None
        self._making_tls = asyncio.Lock()
        self.context = chosen.name
        self.cluster = chosen.cluster
        self.namespace = chosen.namespace
        """The context's own namespace; "" where it names none."""
        self.user = chosen.user
        """The user's name in the kubeconfig, which is not what the server calls it."""
        self.url = str(self._base)
        self.insecure = cluster.insecure and self._base.scheme == "https"
        """The server's certificate is not verified, because the kubeconfig says so."""

    @property
    def delay(self) -> Problem | None:
        """What requests wait for before they can be sent: an exec plugin that takes its time."""
        return self._login.delay

    @property
    def sent(self) -> tuple[int, int]:
        """Requests and WebSockets of the last minute, answered or not."""
        now = monotonic()
        return self._requests.count(now), self._websockets.count(now)

    async def __aenter__(self) -> Self:
        connector = (
            SocksConnector(self._proxy, limit=0)
            if self._proxy is not None and self._proxy.socks
            else aiohttp.TCPConnector(
                resolver=Resolver(), socket_factory=self._sockets.make, limit=0
            )
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_DEADLINE),
            read_bufsize=_BUFFER,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._login.close()
        if self._session is not None:
            await self._session.close()
        await self._sockets.end(_GOODBYE)

    @asynccontextmanager
    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - ends before the body, which no timeout around it could
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to a request, whatever its status; a 401 comes after a second try with renewed credentials.

        `path` is percent-encoded, and so is its query. `timeout` is in seconds and ends when the answer begins: it
        counts neither an exec plugin nor the body, which the reader must time. Raises CredentialsError, ConfigError and
        Unreachable, the latter also for what breaks inside the `async with`, while the body is read.
        """

        async def send(credentials: Credentials) -> aiohttp.ClientResponse:
            self._requests.add(monotonic())
            return await self._http.request(
                method,
                self._address(path),
                json=json,
                headers=self._signed(credentials, headers),
                ssl=await self._trust(credentials.identity),
                proxy=self._http_proxy,
                allow_redirects=False,  # an API server has none; a login page must not be followed with a token
            )

        credentials = await self._login.current()
        async with await self._begin(send(credentials), timeout) as response:
            if response.status != 401 or not await self._login.renew(credentials):
                with self._explained(_BROKEN):
                    yield response
                return
        async with await self._begin(send(await self._login.current()), timeout) as response:
            with self._explained(_BROKEN):
                yield response

    @asynccontextmanager
    async def websocket(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        protocols: tuple[str, ...] = (),
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A WebSocket at a percent-encoded path, opened within `settings.request_timeout` seconds. Raises as `request`
        does, and aiohttp.WSServerHandshakeError where the server answers with another status than 101."""

        async def dial(credentials: Credentials) -> aiohttp.ClientWebSocketResponse:
            self._websockets.add(monotonic())
            return await self._http.ws_connect(
                self._address(path),
                params=params,
                protocols=protocols,
                headers=self._signed(credentials),
                ssl=await self._trust(credentials.identity),
                proxy=self._http_proxy,
                timeout=aiohttp.ClientWSTimeout(ws_close=_GOODBYE),
            )

        credentials = await self._login.current()
        try:
            socket = await self._begin(dial(credentials), self._patience)
        except aiohttp.WSServerHandshakeError as error:
            if error.status != 401 or not await self._login.renew(credentials):
                raise
            socket = await self._begin(dial(await self._login.current()), self._patience)
        async with socket:
            with self._explained(_BROKEN):
                yield socket

    async def _begin(self, answer: Coroutine[Any, Any, T], seconds: float | None) -> T:
        """The beginning of an answer, within `seconds`."""
        with self._explained(_FAILED, seconds):
            async with asyncio.timeout(seconds):
                return await answer

    @contextmanager
    def _explained(
        self, failures: tuple[type[Exception], ...], seconds: float | None = None
    ) -> Iterator[None]:
        try:
            yield
        except aiohttp.WSServerHandshakeError as error:
            # Without the request, whose headers hold the token.
            bare = aiohttp.RequestInfo(self._base, "GET", CIMultiDictProxy(CIMultiDict()))
            raise aiohttp.WSServerHandshakeError(
                bare, (), status=error.status, message=error.message, headers=error.headers
            ) from None
        except failures as error:
            connecting = isinstance(error, aiohttp.ConnectionTimeoutError) or not seconds
            deadline = CONNECT_DEADLINE if connecting else seconds
            # Without the cause: it, too, holds the headers of the request.
            raise explain(error, self._base, self._proxy, deadline or 0) from None

    async def _trust(self, identity: Identity | None) -> ssl.SSLContext | bool:
        """How to speak TLS while we are known by `identity`: the same object as long as that is the same, since a
        pooled connection is used again for the same one alone."""
        if self._base.scheme != "https":
            return True
        async with self._making_tls:
            if self._tls is None or self._tls[0] != identity:
                made = await background.start(tls.client_context, self._cluster, identity)
                self._tls = identity, made
            return self._tls[1]

    def _signed(
        self, credentials: Credentials, headers: Mapping[str, str] | None = None
    ) -> CIMultiDict[str]:
        signed = CIMultiDict(self._headers)
        if credentials.authorization:
            signed["Authorization"] = credentials.authorization
        signed.update(headers or {})
        return signed

    def _address(self, path: str) -> URL:
        return URL(f"{self.url}{path}")

    @property
    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the connection is not entered")
        return self._session

    @property
    def _http_proxy(self) -> URL | None:
        return self._proxy.url if self._proxy is not None and not self._proxy.socks else None


def _base(cluster: Cluster) -> URL:
    """The server's address without a slash at its end. Without a scheme it is http, as for kubectl."""
    text = cluster.server if "://" in cluster.server else f"http://{cluster.server}"
    try:
        url = URL(text.rstrip("/"))
        usable = url.scheme in ("http", "https") and bool(url.host) and bool(url.port)
    except ValueError:
        usable = False
    if not usable or url.query_string or url.fragment:
        shown = cluster.server.rpartition("@")[2]  # without a password
        raise ConfigError(
            f'the server of cluster "{cluster.name}" has an address that is none: {shown:.100}',
            f"Set it with: kubectl config set-cluster {shlex.quote(cluster.name)} --server=https://HOST:6443",
        )
    if cluster.insecure and cluster.authority:  # as kubectl: nobody can tell which is meant
        raise ConfigError(
            f'cluster "{cluster.name}" has both a certificate authority and insecure-skip-tls-verify',
            "Remove one of them from the kubeconfig; to stay safe, the latter.",
        )
    return url.with_user(None)
