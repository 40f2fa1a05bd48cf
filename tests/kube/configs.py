"""Kubeconfigs as text, from what a test wants to say in them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from meshtui.kube import kubeconfig
from meshtui.kube.connect import Connection
from meshtui.settings import Settings

QUIET: Mapping[str, str] = {}
"""An environment without proxies."""


def encoded(pem: bytes) -> str:
    return b64encode(pem).decode()


def write(
    path: Path,
    server: str,
    cluster: Mapping[str, Any] | None = None,
    user: Mapping[str, Any] | None = None,
) -> Path:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "c", "cluster": {"server": server, **(cluster or {})}}],
        "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": dict(user or {})}],
    }
    path.write_text(yaml.safe_dump(document))
    return path


def connection(path: Path, environ: Mapping[str, str] = QUIET, **settings: Any) -> Connection:
    """A connection by the kubeconfig at `path`, not entered yet."""
    chosen = Settings(kubeconfig=(path,), **settings)
    return Connection(kubeconfig.load(chosen), chosen, environ=environ)
