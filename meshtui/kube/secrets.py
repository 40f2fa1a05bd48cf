"""Of a Secret only its certificates leave this module: no key, no token, nothing else that it holds."""

from __future__ import annotations

import base64
import ssl

from meshtui.mesh import x509
from meshtui.mesh.raw import Raw, strings, table, text

_BEGIN = "-----BEGIN CERTIFICATE-----"
UNREADABLE = ssl.DER_cert_to_PEM_cert(x509.ILLEGIBLE).encode()
"""Stands for a block that is no certificate."""

_METADATA = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp", "labels")
_REMOTE = "istio/multiCluster"
_ANNOTATIONS = ("cert-manager.io/certificate-name",)
"""Who renews it. No other: kubectl writes the whole Secret into one."""


def certificates_only(raw: Raw) -> Raw:
    """The Secret's identity, labels, type, and under `data` (base64, as in any Secret) the PEM certificates of each
    entry that has some. Of a remote secret also the names of all entries, which are names of clusters, without what
    they hold."""
    metadata = {k: v for k, v in table(raw, "metadata").items() if k in _METADATA}
    annotations = strings(raw, "metadata", "annotations")
    if kept_annotations := {k: annotations[k] for k in _ANNOTATIONS if k in annotations}:
        metadata["annotations"] = kept_annotations
    data = {
        key: base64.b64encode(kept).decode()
        for key, value in strings(raw, "data").items()
        if (kept := _certificates(value))
    }
    if strings(raw, "metadata", "labels").get(_REMOTE) == "true":
        data = {**dict.fromkeys(strings(raw, "data"), ""), **data}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": text(raw, "type"),
        "data": data,
    }


def _certificates(value: str) -> bytes:
    try:
        content = base64.b64decode(value).decode("utf-8", "replace")
    except ValueError:
        return b""
    if _BEGIN not in content:
        return b""
    return b"".join(_certificate(block) for block in x509.blocks(content))


def _certificate(block: bytes | x509.Unreadable) -> bytes:
    """The certificate written anew, so that nothing that stood between the two marks comes along."""
    read = block if isinstance(block, x509.Unreadable) else x509.read(block)
    if isinstance(read, x509.Unreadable):
        return UNREADABLE
    return ssl.DER_cert_to_PEM_cert(read.der).encode()
