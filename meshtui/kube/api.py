"""JSON over a connection: addresses, answers with a deadline, and failures with words.

Requests are the official client's: the ApiClient of `kubernetes.aio` builds them (query, headers, body) and carries the
call, with our Connection in place of its own transport. Lists, watches and logs all go this way, as bytes; its models
are never loaded. Only WebSockets are the Connection's alone: the client opens them for `exec`, not for a port-forward.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from importlib.util import find_spec, module_from_spec
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import quote

import aiohttp
import msgspec

from meshtui.kube import background
from meshtui.kube.connect import USER_AGENT, Connection
from meshtui.kube.errors import (
    Absent,
    Conflict,
    Expired,
    Forbidden,
    Silent,
    StatusError,
    Throttled,
    Unauthorized,
    Unreachable,
)
from meshtui.mesh.kinds import Kind
from meshtui.mesh.snapshot import Problem, Trouble

if TYPE_CHECKING:
    from kubernetes.aio.client import ApiClient

T = TypeVar("T")

JSON = "application/json"

_MOST_OF_A_MESSAGE = 2_000
_MOST_OF_A_REFUSAL = 64 * 1024
_LONGEST_WAIT = 60.0


class Api:
    """One cluster's API as JSON. Every failure is a KubeError: the transport's exceptions end here."""

    def __init__(self, connection: Connection, timeout: float) -> None:
        self.connection = connection
        self.timeout = timeout
        """Seconds until the answer must have begun, and the longest silence within it."""
        self._client: asyncio.Future[ApiClient] | None = None

    async def read(
        self, path: str, params: Mapping[str, str] | None = None, *, accept: str = JSON
    ) -> bytes:
        """The body of a GET, whole."""
        async with self.open(path, params, accept=accept) as chunks:
            return b"".join([chunk async for chunk in chunks])

    async def get(self, path: str, answer: type[T], params: Mapping[str, str] | None = None) -> T:
        """The body of a GET, decoded as `answer`."""
        return decode(await self.read(path, params), answer, path)

    async def post(self, path: str, body: Any, answer: type[T]) -> T:
        """What the server says to a POST, decoded as `answer`."""
        async with self.open(path, method="POST", json=body) as chunks:
            return decode(b"".join([chunk async for chunk in chunks]), answer, path)

    @asynccontextmanager
    async def open(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        json: Any = None,
        accept: str = JSON,
        silence: float | None = None,
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """The body in pieces as they come; Unreachable where none comes for `silence` seconds (`timeout`, unless
        given). The pieces end where the body ends; a body that is cut off raises Unreachable."""
        async with self._answered(method, path, params, json, {"Accept": accept}) as response:
            yield _pieces(response, self.timeout if silence is None else silence)

    async def send(
        self, method: str, path: str, params: Mapping[str, str], json: Any, content_type: str
    ) -> tuple[bytes, Sequence[str]]:
        """The body of the answer to a write, and its `Warning` headers."""
        headers = {"Accept": JSON, "Content-Type": content_type}
        async with self._answered(method, path, params, json, headers) as response:
            with translated(self.timeout):
                async with asyncio.timeout(self.timeout):
                    return await response.read(), response.headers.getall("Warning", ())

    @asynccontextmanager
    async def _answered(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None,
        json: Any,
        headers: Mapping[str, str],
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to a request, once its head is there. Raises KubeError where the server refuses."""
        client = await self._loaded()
        request = await client.param_serialize(
            method,
            path,
            query_params=dict(params or {}),
            header_params=dict(headers),
            body=json,
        )
        answer = await client.call_api(*request, _request_timeout=self.timeout)
        async with cast(_Answer, answer) as response:
            if response.status >= 300:
                with translated(self.timeout):
                    async with asyncio.timeout(self.timeout):
                        body = await response.content.read(_MOST_OF_A_REFUSAL)
                raise status_error(response.status, body, response.headers)
            yield response

    async def _loaded(self) -> ApiClient:
        """The official client, loaded once on a thread: its import takes 0.15 s, and the screen goes on meanwhile."""
        if self._client is None:
            self._client = background.start(_client, self.connection)
        return await asyncio.shield(self._client)


def _client(connection: Connection) -> ApiClient:
    _enter("kubernetes", "kubernetes.aio")
    from kubernetes.aio.client import ApiClient, Configuration, rest

    # its own transport, which reads the system's authorities for 30 ms and is thrown away
    rest.RESTClientObject = _none_of  # type: ignore[assignment,misc]
    client = ApiClient(Configuration(host=""))  # where the server is, the connection knows
    client.user_agent = USER_AGENT
    client.rest_client = _Transport(connection)  # type: ignore[assignment]
    return client


def _none_of(_: object) -> None:
    """No transport, whatever it was to be configured with."""


def _enter(*packages: str) -> None:
    """Lets modules in these packages be imported without all that the packages themselves import: the synchronous
    client, its logins and its streams are half of 0.2 s, and 9 MiB, of which nothing is used here."""
    for name in packages:
        spec = find_spec(name)
        if spec is not None and name not in sys.modules:
            sys.modules[name] = module_from_spec(spec)


_Answer = AbstractAsyncContextManager[aiohttp.ClientResponse]


class _Transport:
    """What the client sends with, in place of its RESTClientObject. The request is sent where the answer is entered,
    so that the body can come in pieces, and what breaks meanwhile has the connection's words."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: Any,
        post_params: None,
        _request_timeout: float,
    ) -> _Answer:
        return self._connection.request(
            method, url, json=body, headers=headers, timeout=_request_timeout
        )


async def _pieces(response: aiohttp.ClientResponse, silence: float) -> AsyncIterator[bytes]:
    with translated(silence):
        while True:
            async with asyncio.timeout(silence):
                piece = await response.content.readany()
            if not piece:
                return
            yield piece


@contextmanager
def translated(seconds: float) -> Iterator[None]:
    """Turns what the clock raises into Silent. For what breaks the connection has words of its own."""
    try:
        yield
    except TimeoutError as error:
        problem = Problem(Trouble.TIMEOUT, f"no answer within {seconds:g} s")
        raise Silent(problem) from error


def decode(body: bytes | msgspec.Raw, answer: type[T], path: str) -> T:
    """The body as `answer`; Unreachable where it is something else, such as the login page of a proxy."""
    try:
        return msgspec.json.decode(body, type=answer)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise broken(path) from error


def broken(path: str) -> Unreachable:
    return Unreachable(
        Problem(
            Trouble.BROKEN,
            f"{path} was answered with something that is not Kubernetes JSON",
            "A proxy or a login page may stand between here and the API server.",
        )
    )


class StatusDetails(msgspec.Struct):
    name: str = ""
    retryAfterSeconds: float = 0  # noqa: N815 - the name on the wire


class Status(msgspec.Struct):
    """`meta/v1` Status: how the API server says that something failed."""

    kind: str = ""
    message: str = ""
    reason: str = ""
    code: int = 0
    details: StatusDetails | None = None


def status_error(code: int, body: bytes, headers: Mapping[str, str]) -> StatusError:
    """The error for an HTTP status of 400 or more, in the server's own words where it has any: they say who was
    refused what."""
    try:
        status = msgspec.json.decode(body, type=Status)
    except (msgspec.DecodeError, RecursionError):
        status = Status(message=body.decode("utf-8", "replace").strip())
    return refusal(status, code, _retry_after(status, headers))


def refusal(status: Status, code: int, retry_after: float = 0) -> StatusError:
    """The error that a Status object stands for."""
    named = bool(status.details and status.details.name)
    words = status.message[:_MOST_OF_A_MESSAGE] or f"the server answered with status {code}"
    match code:
        case 401:
            remedy = "It does not know us: log in again, or switch to another context."
            return Unauthorized(Problem(Trouble.UNAUTHORIZED, words, remedy), code)
        case 403:
            remedy = "`meshtui rbac` prints the rights that are needed"
            return Forbidden(Problem(Trouble.FORBIDDEN, words, remedy), code)
        case 404 | 405:
            return Absent(Problem(Trouble.GONE if named else Trouble.ABSENT, words), code)
        case 409:
            return Conflict(Problem(Trouble.SERVER, words), code)
        case 410:
            return Expired(Problem(Trouble.SERVER, words), code)
        case 429:
            return Throttled(Problem(Trouble.SERVER, words), code, retry_after)
        case _:
            remedy = "Is it well, and what stands before it?" if code >= 500 else ""
            return StatusError(Problem(Trouble.SERVER, words, remedy), code, retry_after)


def _retry_after(status: Status, headers: Mapping[str, str]) -> float:
    """Seconds that the server asks to wait (RFC 9110, 10.2.3; its date form is not used by Kubernetes)."""
    asked = headers.get("Retry-After", "")
    seconds = float(asked) if asked.isascii() and asked.isdigit() else 0.0
    if status.details:
        seconds = max(seconds, status.details.retryAfterSeconds)
    return min(seconds, _LONGEST_WAIT)


def address(
    kind: Kind, version: str, namespace: str | None = None, name: str = "", subresource: str = ""
) -> str:
    """The path of a collection, an object or its subresource."""
    parts = ["apis", kind.group, version] if kind.group else ["api", version]
    if namespace:
        parts += ["namespaces", namespace]
    parts += [part for part in (kind.plural, name, subresource) if part]
    return "/" + "/".join(quote(part, safe="") for part in parts)
