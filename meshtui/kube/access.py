"""What it takes to reach a cluster, as a kubeconfig says it: cluster, user and the context that joins them.

Nothing here is read from where it points to, and nothing secret is shown by a repr.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Material:
    """A certificate, key or token: in the kubeconfig itself or in a file beside it. kubectl prefers what is inline."""

    inline: str = field(default="", repr=False)
    """As written: base64 for certificates and keys, plain for tokens."""
    file: Path | None = None

    def __bool__(self) -> bool:
        return bool(self.inline or self.file)


@dataclass(frozen=True, slots=True)
class Cluster:
    name: str
    server: str
    authority: Material = Material()
    """The certificates to trust; none for the roots of this machine."""
    server_name: str = ""
    """The name that the server's certificate must bear, where it is not the host of `server`."""
    insecure: bool = False
    proxy: str = field(default="", repr=False)  # may hold a password
    exec_config: Any = field(default=None, repr=False)
    """What exec plugins are told of the cluster."""


@dataclass(frozen=True, slots=True)
class Exec:
    """A credential plugin: a program that prints a token or a client certificate."""

    api_version: str
    command: str
    args: tuple[str, ...] = field(default=(), repr=False)
    env: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    install_hint: str = ""
    provide_cluster_info: bool = False
    interactive_mode: str = "IfAvailable"
    """Never, IfAvailable or Always."""


@dataclass(frozen=True, slots=True)
class Impersonation:
    """On whose behalf requests are made."""

    user: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.user or self.uid or self.groups or self.extra)


@dataclass(frozen=True, slots=True)
class User:
    name: str
    certificate: Material = Material()
    key: Material = Material()
    token: Material = Material()
    username: str = ""
    password: str = field(default="", repr=False)
    plugin: Exec | None = None
    auth_provider: str = ""
    """The name of a provider compiled into old clients (gcp, azure, oidc); nothing here speaks it."""
    impersonation: Impersonation = Impersonation()


@dataclass(frozen=True, slots=True)
class Context:
    """A cluster and a user under a name, and the namespace to be in by default ("" where it names none)."""

    name: str
    cluster: str
    user: str
    namespace: str = ""
    server: str = ""
    """The address of its cluster; "" where there is no such cluster."""
