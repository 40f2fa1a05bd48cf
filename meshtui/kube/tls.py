"""TLS as kubectl does it: whom to trust, under which name, and what to show of ourselves."""

from __future__ import annotations

import asyncio.sslproto
import base64
import os
import re
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from meshtui.confidential import Confidential
from meshtui.kube.access import Cluster, Material
from meshtui.kube.errors import ConfigError, CredentialsError

_PIECE = 32 * 1024  # bytes, two TLS records

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class Identity(Confidential, frozen=True):
    """A client certificate with its key, both PEM."""

    certificate: bytes
    key: bytes


class Unreadable(Exception):  # noqa: N818 - reads as what it is
    """What a kubeconfig points at cannot be had; says why, never what it holds."""


def read(material: Material) -> bytes:
    """The bytes of a certificate or key. Raises Unreadable."""
    if material.inline:
        try:
            return base64.b64decode("".join(material.inline.split()), validate=True)
        except ValueError:
            raise Unreadable("it is not base64") from None
    if material.file is None:
        return b""
    try:
        return material.file.read_bytes()
    except OSError as error:
        raise Unreadable(f"{material.file}: {error.strerror}") from None


def client_context(cluster: Cluster, identity: Identity | None) -> ssl.SSLContext:
    """How to speak TLS to a cluster. Reads files and takes milliseconds: not for the event loop. Raises ConfigError
    where the authority, and CredentialsError where the client certificate is of no use."""
    _read_in_pieces()
    context = _NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.server_name = cluster.server_name
    context.set_alpn_protocols(["http/1.1"])
    # Go, hence kubectl, trusts each certificate it is given as an anchor, wants no key identifiers in a CA (which
    # Python 3.13 began to ask for, and CAs of older clusters lack) and never looks for a host in the common name.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.hostname_checks_common_name = False
    if cluster.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif cluster.authority:
        _trust(context, cluster)
    else:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if identity is not None:
        _show(context, identity)
    return context


def _read_in_pieces() -> None:
    """asyncio has 256 KiB for each TLS connection, and takes as much anew for each record of 16 KiB that it reads: 50
    watches held 16 MiB, and to read 100 MB took 0.35 s instead of 0.1. There is no other way to set it than for all
    connections; a Python that does not have it reads as it likes."""
    with suppress(AttributeError):
        asyncio.sslproto.SSLProtocol.max_size = _PIECE


class _NamedContext(ssl.SSLContext):
    """A context that asks for, and verifies, `tls-server-name` where there is one, whoever opens the connection:
    through a SOCKS proxy there is no other way to say it. A proxy that speaks TLS is then verified under that name
    too, as by Go."""

    server_name = ""

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        name = self.server_name or server_hostname
        return super().wrap_bio(incoming, outgoing, server_side, name, session)


def _trust(context: ssl.SSLContext, cluster: Cluster) -> None:
    what = f'the certificate authority of cluster "{cluster.name}"'
    try:
        blocks = _PEM.findall(read(cluster.authority))
        if not blocks:
            raise Unreadable("there is no PEM certificate in it")
        context.load_verify_locations(cadata=b"\n".join(blocks).decode("ascii"))
    except Unreadable as error:
        problem = str(error)
    except (ssl.SSLError, UnicodeDecodeError):
        problem = "there is a certificate in it that is broken"
    else:
        return
    raise ConfigError(
        f"{what} cannot be used: {problem}",
        "Get a fresh kubeconfig, or correct certificate-authority in it.",
    ) from None


def _show(context: ssl.SSLContext, identity: Identity) -> None:
    problem = ""
    if b"ENCRYPTED" in identity.key:  # PKCS #8, and the older PEM header "Proc-Type: 4,ENCRYPTED"
        problem = "its key is encrypted, which kubectl does not take either"
    with _file(identity.certificate + b"\n" + identity.key) as path:
        try:
            # A password, even a wrong one, keeps OpenSSL from asking for it on the terminal.
            context.load_cert_chain(path, password="")
        except ssl.SSLError as error:
            problem = problem or _MISFITS.get(error.reason or "", "certificate or key is broken")
            raise CredentialsError(
                f"the client certificate cannot be used: {problem}",
                "Get a fresh kubeconfig, or correct client-certificate and client-key in it.",
            ) from None


_MISFITS = {
    "KEY_VALUES_MISMATCH": "the key is that of another certificate",
    "KEY_TYPE_MISMATCH": "the key is that of another certificate",
    "CA_MD_TOO_WEAK": "its signature is too weak for this machine's OpenSSL",
    "EE_KEY_TOO_SMALL": "its key is too small for this machine's OpenSSL",
}


@contextmanager
def _file(data: bytes) -> Iterator[Path]:
    """A path to `data` for as long as needed: OpenSSL reads a key from a file alone. In memory where Linux offers
    that, so that nothing is left even if we are killed; else for our eyes only, and gone at once."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("meshtui")
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            yield Path(f"/proc/self/fd/{descriptor}")
        return
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        yield Path(file.name)
