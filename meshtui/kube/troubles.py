"""Why a server could not be reached, in plain words: from what aiohttp, OpenSSL and the system say."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator

import aiohttp
import aiohttp_socks
from yarl import URL

from meshtui.kube.errors import ConfigError, CredentialsError, KubeError, Unreachable
from meshtui.kube.proxy import Proxy
from meshtui.kube.resolve import LookupTimeout
from meshtui.mesh.snapshot import Problem, Trouble

SOCKS_ERRORS = (
    aiohttp_socks.ProxyError,
    aiohttp_socks.ProxyConnectionError,
    aiohttp_socks.ProxyTimeoutError,
)


def explain(error: BaseException, server: URL, via: Proxy | None, seconds: float) -> KubeError:
    """The failure of a connection to `server`, or to the proxy before it, as a KubeError. `seconds` is the deadline
    that a TimeoutError stands for."""
    causes = list(_causes(error))
    proxy = via if via is not None and _at_proxy(causes, via) else None
    place = f"the proxy {proxy}" if proxy else f"{server.host}:{server.port}"
    for cause in causes:
        match cause:
            case ssl.SSLCertVerificationError():
                return Unreachable(_distrust(cause, place))
            case ssl.SSLError():
                return _handshake(cause, place)
            case LookupTimeout() | socket.gaierror():
                # Only the proxy's name is looked up here: it looks up the server's.
                return Unreachable(_lookup(cause, f"the proxy {via}" if via else server.host or ""))
            case aiohttp.InvalidURL():
                return ConfigError(
                    f"{place} is no address that can be reached",
                    "Correct the address in the kubeconfig: an IPv4 address has four numbers.",
                )
            case aiohttp.ClientHttpProxyError():
                return Unreachable(_refused_by_proxy(cause, server, via))
            case aiohttp_socks.ProxyError():
                return Unreachable(_refused_by_socks(cause, server, via))
            case TimeoutError() | aiohttp_socks.ProxyTimeoutError():
                through = f" through the proxy {via}" if via and not proxy else ""
                connecting = isinstance(error, aiohttp.ConnectionTimeoutError)
                return Unreachable(_silence(place + through, seconds, connecting=connecting))
            case ConnectionRefusedError():
                return Unreachable(_refused(place, proxy))
    return Unreachable(_other(causes, place, proxy))


def _at_proxy(causes: list[BaseException], via: Proxy) -> bool:
    """Whether it is the way to the proxy that failed, rather than the way from there."""
    return any(
        isinstance(cause, aiohttp.ClientProxyConnectionError | aiohttp_socks.ProxyConnectionError)
        or (
            isinstance(
                cause, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorError
            )
            and (cause.host, cause.port) == (via.url.host, via.port)
        )
        for cause in causes
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what is behind it, the innermost first, for that is the one that knows."""
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        inner = getattr(error, "os_error", None) or getattr(error, "certificate_error", None)
        if isinstance(inner, BaseException):
            error = inner
        elif error.__suppress_context__:
            error = error.__cause__
        else:
            error = error.__context__
    yield from reversed(chain)


def _lookup(error: OSError, whose: str) -> Problem:
    if isinstance(error, LookupTimeout) or error.errno == socket.EAI_AGAIN:
        return Problem(
            Trouble.NAME,
            f"the name of {whose} cannot be looked up: DNS does not answer",
            "Is this machine connected, and is the VPN up?",
        )
    return Problem(
        Trouble.NAME,
        f"the name of {whose} does not exist",
        "If it is known inside a VPN only, connect that; else correct the address in the kubeconfig.",
    )


def _refused(place: str, proxy: Proxy | None) -> Problem:
    what = (
        f"the proxy, or correct {proxy.origin}"
        if proxy
        else "the cluster, or correct the address in the kubeconfig"
    )
    return Problem(
        Trouble.REFUSED, f"{place} refuses connections: nothing listens there", f"Start {what}."
    )


def _silence(place: str, seconds: float, *, connecting: bool) -> Problem:
    return Problem(
        Trouble.TIMEOUT,
        f"no answer from {place} within {seconds:g} s",
        "A firewall, or a VPN that is down, swallows connections without a word."
        if connecting
        else "It may be overloaded, or a VPN that went down swallows what is sent without a word.",
    )


def _distrust(error: ssl.SSLCertVerificationError, place: str) -> Problem:
    match error.verify_code:
        case 9:
            what = "is not valid yet"
            remedy = "Is the clock of this machine right?"
        case 10:
            what = "has expired, or that of its CA has"
            remedy = "Renew it on the server (kubeadm certs renew, or your provider's tool); is the clock here right?"
        case 62 | 64:
            what = "is for other names than the one it is called by"
            remedy = "Use an address that it is made for, or set tls-server-name in the kubeconfig to one of its names."
        case 18 | 19 | 20 | 21:
            what = "is from an authority that the kubeconfig does not trust"
            remedy = "If the cluster was made anew, get a fresh kubeconfig; else something else answers in its place."
        case 7:
            what = "is not signed by the authority that the kubeconfig trusts, though it says so"
            remedy = "Was the cluster made anew? Then get a fresh kubeconfig."
        case _:
            what = f"cannot be verified ({error.verify_message})"
            remedy = f"Look at it with: openssl s_client -showcerts -connect {place}"
    return Problem(Trouble.TLS, f"the certificate of {place} {what}", remedy)


_NOT_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH", "HTTP_REQUEST")


def _handshake(error: ssl.SSLError, place: str) -> KubeError:
    reason = error.reason or ""
    if "ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason):
        said = reason.partition("ALERT_")[2].replace("_", " ").lower()
        return CredentialsError(
            f"{place} does not take our client certificate ({said})",
            "Get a fresh kubeconfig: the certificate may have expired, or the cluster was made anew.",
        )
    if any(sign in reason for sign in _NOT_TLS):
        problem = Problem(
            Trouble.HANDSHAKE,
            f"{place} answers, but does not speak TLS",
            "Is it the right port? A server without TLS has an address that begins with http://",
        )
    else:
        words = reason.replace("_", " ").lower() or "no reason given"
        problem = Problem(
            Trouble.HANDSHAKE,
            f"{place} and we cannot agree on TLS: {words}",
            "Is it an API server? A proxy that inspects TLS may be in the way.",
        )
    return Unreachable(problem)


def _refused_by_proxy(
    error: aiohttp.ClientHttpProxyError, server: URL, via: Proxy | None
) -> Problem:
    if error.status == 407:
        text = f"the proxy {via} wants a user and a password"
        remedy = "Put them in its address: http://USER:PASSWORD@HOST:PORT"
    else:
        text = f"the proxy {via} does not lead to {server.host}:{server.port}: it answers {error.status}"
        remedy = "Ask who runs it, or take it out of the way for this host with NO_PROXY."
        if via and via.origin == "proxy-url":
            remedy = "Ask who runs it, or correct proxy-url in the kubeconfig."
    return Problem(Trouble.UNREACHABLE, text, remedy)


def _refused_by_socks(error: Exception, server: URL, via: Proxy | None) -> Problem:
    return Problem(
        Trouble.UNREACHABLE,
        f"the proxy {via} does not lead to {server.host}:{server.port}: {str(error)[:200]}",
        "Is the other end of the tunnel up?",
    )


def _other(causes: list[BaseException], place: str, proxy: Proxy | None) -> Problem:
    for cause in causes:
        said = str(cause)  # where a name has several addresses, what each of them said
        if f"[Errno {errno.ECONNREFUSED}]" in said:
            return _refused(place, proxy)
        if any(f"[Errno {code}]" in said for code in (errno.ENETUNREACH, errno.EHOSTUNREACH)):
            return Problem(
                Trouble.UNREACHABLE,
                f"there is no way to {place} from here",
                "Is this machine connected, and is the VPN up?",
            )
    return Problem(
        Trouble.UNREACHABLE,
        f"{place} closed the connection",
        "It may be restarting, or something between here and it cuts connections.",
    )
