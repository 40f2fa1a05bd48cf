"""What it takes to reach a cluster, as a kubeconfig says it: cluster, user and the context that joins them.

Nothing here is read from where it points to, and nothing secret is shown by a repr.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct

from meshtui.confidential import Confidential


class Material(Confidential, frozen=True):
    """A certificate, key or token: in the kubeconfig itself or in a file beside it. kubectl prefers what is inline."""

    shown = ("file",)

    inline: str = ""
    """As written: base64 for certificates and keys, plain for tokens."""
    file: Path | None = None

    def __bool__(self) -> bool:
        return bool(self.inline or self.file)


class Cluster(Confidential, frozen=True):
    shown = ("name", "server")

    name: str
    server: str
    authority: Material = Material()
    """The certificates to trust; none for the roots of this machine."""
    server_name: str = ""
    """The name that the server's certificate must bear, where it is not the host of `server`."""
    insecure: bool = False
    proxy: str = ""  # may hold a password
    exec_config: Any = None
    """What exec plugins are told of the cluster."""


class Exec(Confidential, frozen=True):
    """A credential plugin: a program that prints a token or a client certificate."""

    shown = ("command",)

    api_version: str
    command: str
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    install_hint: str = ""
    provide_cluster_info: bool = False
    interactive_mode: str = "IfAvailable"
    """Never, IfAvailable or Always."""


class Impersonation(Struct, frozen=True):
    """On whose behalf requests are made."""

    user: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.user or self.uid or self.groups or self.extra)


class User(Confidential, frozen=True):
    shown = ("name", "certificate", "key", "token", "username", "plugin")

    name: str
    certificate: Material = Material()
    key: Material = Material()
    token: Material = Material()
    username: str = ""
    password: str = ""
    plugin: Exec | None = None
    auth_provider: str = ""
    """The name of a provider compiled into old clients (gcp, azure, oidc); nothing here speaks it."""
    impersonation: Impersonation = Impersonation()


class Context(Struct, frozen=True):
    """A cluster and a user under a name, and the namespace to be in by default ("" where it names none)."""

    name: str
    cluster: str
    user: str
    namespace: str = ""
    server: str = ""
    """The address of its cluster; "" where there is no such cluster."""
