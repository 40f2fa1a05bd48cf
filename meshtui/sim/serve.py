"""Serving: the API over TLS on loopback, with an authority and a kubeconfig of its own, while controllers run."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import os
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

from meshtui.sim.api import Api
from meshtui.sim.bootstrap import bootstrap
from meshtui.sim.kubelet import Kubelet
from meshtui.sim.rights import MASTERS, User
from meshtui.sim.store import Store
from meshtui.sim.tokens import Tokens

LOOPBACK = "127.0.0.1"
_LARGEST_BODY = 3 * 1024 * 1024
"""Bytes of a request; kube-apiserver's own limit."""

Controller = Callable[[], Coroutine[Any, Any, None]]
"""Runs until it is cancelled."""


class Served(Struct, frozen=True):
    """A cluster that answers."""

    url: str
    ca: str
    """The certificate of its authority, as PEM."""
    kubeconfig: Path
    """The file by which its administrator reaches it."""
    tokens: Tokens
    name: str

    def kubeconfig_of(self, path: Path, user: str, *groups: str) -> Path:
        """Writes the kubeconfig of another user, who may do what roles say and no more."""
        return write_kubeconfig(
            path, self.name, self.url, self.ca, self.tokens.issue(User(user, groups))
        )


@asynccontextmanager
async def serve(
    store: Store,
    kubelet: Kubelet,
    controllers: Sequence[Controller] = (),
    *,
    name: str = "demo",
    bookmark_every: float = 60.0,
) -> AsyncIterator[Served]:
    """Serves a store while the block runs; `name` is that of the kubeconfig's context and cluster.

    The kubeconfig is in a private directory that goes in the end; whatever streams ends at once then.
    """
    bootstrap(store)
    tokens = Tokens()
    api = Api(store, kubelet, tokens, bookmark_every)
    app = web.Application(client_max_size=_LARGEST_BODY)
    app.router.add_route("*", "/{path:.*}", api.handle)
    with tempfile.TemporaryDirectory(prefix="meshtui-") as directory:
        context, ca = _tls(Path(directory))
        async with hosting(app, context) as port:
            url = f"https://{LOOPBACK}:{port}"
            token = tokens.issue(User("admin", (MASTERS,)))
            path = write_kubeconfig(Path(directory) / "kubeconfig", name, url, ca, token)
            try:
                async with _running(controllers):
                    yield Served(url, ca, path, tokens, name)
            finally:
                api.close()


@asynccontextmanager
async def hosting(
    app: web.Application, context: ssl.SSLContext | None = None, host: str = LOOPBACK
) -> AsyncIterator[int]:
    """The port where an application answers while the block runs; no connection to it is left behind.

    A side that closes TLS waits for the other one to do so too (`asyncio.constants.SSL_SHUTDOWN_TIMEOUT`: half a
    minute); a client in a process of its own comes to it when it likes. So each is told, and cut.
    """
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, 0, ssl_context=context).start()
        yield runner.addresses[0][1]
    finally:
        connections = [] if runner.server is None else runner.server.connections
        transports = [connection.transport for connection in connections]
        await runner.cleanup()
        for transport in transports:
            if transport is not None:
                transport.abort()
        await asyncio.sleep(0)


@asynccontextmanager
async def _running(controllers: Sequence[Controller]) -> AsyncIterator[None]:
    """Runs them while the block runs; one that fails ends the block, and its error is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(controller()) for controller in controllers]
            yield
            for task in tasks:
                task.cancel()
    except BaseExceptionGroup as failures:
        if len(failures.exceptions) == 1:
            raise failures.exceptions[0] from None
        raise


def write_kubeconfig(path: Path, name: str, url: str, ca: str, token: str) -> Path:
    """A kubeconfig that only its owner can read."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [
            {
                "name": name,
                "cluster": {
                    "server": url,
                    "certificate-authority-data": base64.b64encode(ca.encode()).decode(),
                },
            }
        ],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
    _write_private(path, yaml.safe_dump(config, sort_keys=False).encode())
    return path


def _write_private(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)


def _tls(directory: Path) -> tuple[ssl.SSLContext, str]:
    """The server's side of TLS, and the certificate of the authority that signed for it."""
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name, own_name = (
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        for name in ("MeshTUI built-in cluster", "kube-apiserver")
    )
    ca = (
        _certificate(ca_name, ca_name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), False)
        .sign(ca_key, hashes.SHA256())
    )
    names = [x509.IPAddress(ipaddress.ip_address(LOOPBACK)), x509.DNSName("localhost")]
    certificate = (
        _certificate(own_name, ca_name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .add_extension(x509.SubjectAlternativeName(names), False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), False
        )
        .sign(ca_key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pair = directory / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _write_private(pair, private + certificate.public_bytes(serialization.Encoding.PEM))
    context.load_cert_chain(pair)
    pair.unlink()
    return context, ca.public_bytes(serialization.Encoding.PEM).decode()


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=7))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
