"""Settings: what the command line, the environment and the configuration file say, as one value."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct, field
from platformdirs import user_config_path, user_state_path

from meshtui.confidential import Confidential

Quitting = Literal["first", "double", "never"]


class ContextSettings(Struct, frozen=True):
    """What the configuration says of one context."""

    read_only: bool | None = None
    """None lets the context's name decide."""
    namespaces: tuple[str, ...] = ()
    """Those to look at where no flag names any; empty for all that one may see."""
    colour: str = ""
    """Behind the context's name in the header, as #rrggbb; "" to choose one from the name."""
    theme: str = ""
    """"" for the one of all contexts."""


class Settings(Confidential, frozen=True):
    """How to start. Nothing in it is read again later; a change of context makes a new session."""

    shown = ("kubeconfig", "context", "namespaces")

    kubeconfig: tuple[Path, ...] = ()
    """In order, the first to name a thing wins; empty for `KUBECONFIG`, then `~/.kube/config`, then in-cluster."""
    context: str = ""
    """"" for the current one."""
    namespaces: tuple[str, ...] = ()
    """As named on the command line; empty where none were. `namespaces_of` tells what holds in a context."""
    all_namespaces: bool = False
    """Whether all were asked for, whatever the configuration says of a context."""
    cluster: str = ""
    """The name of a cluster of the kubeconfig to reach in place of the context's, as kubectl's flag; so are `user` and
    those that follow. They hold in the context that one starts with."""
    user: str = ""
    server: str = ""
    tls_server_name: str = ""
    insecure_skip_tls_verify: bool | None = None
    certificate_authority: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None
    token: str = ""
    impersonate: str = ""
    impersonate_groups: tuple[str, ...] = ()
    request_timeout: float = 10.0
    """Seconds until a request that should answer at once is given up."""
    read_only: bool | None = None
    """What the flags say; None leaves it to the configuration and the name of the context (`production.read_only`)."""
    sweep: bool = True
    """Whether the ztunnels of all nodes are read, or only those on screen."""
    pane: str = ""
    """The pane to open first; "" for the first one."""
    theme: str = ""
    """"" for the default one; `theme_of` tells which a context has."""
    ascii: bool | None = None
    """Whether nothing but ASCII is drawn; None where the locale's encoding decides."""
    bell: bool = False
    """Whether the bell is rung for what becomes critical while one looks elsewhere."""
    quit_on_ctrl_c: Quitting = "double"
    """Whether ctrl-c quits at once, when it is pressed twice within two seconds, or not at all."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Keys, separated by commas, by the id of the binding that they are for."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Commands of one's own: the line that each stands for."""
    contexts: Mapping[str, ContextSettings] = field(default_factory=dict)
    """What the configuration says, by context."""
    log_file: Path | None = None
    """Where to write what the program does; None to write nothing."""
    config_file: Path | None = None
    """Where the configuration was looked for."""
    complaints: tuple[str, ...] = field(default=())
    """What was wrong with the configuration, a line each; any of them makes the session read-only."""

    def about(self, context: str) -> ContextSettings:
        """What the configuration says of a context."""
        return self.contexts.get(context, ContextSettings())

    def namespaces_of(self, context: str) -> tuple[str, ...]:
        """The namespaces to look at in a context; empty for all that one may see."""
        if self.all_namespaces:
            return ()
        return self.namespaces or self.about(context).namespaces

    def theme_of(self, context: str) -> str:
        """The theme that a context has; "" for the default one."""
        return self.about(context).theme or self.theme


def config_path() -> Path:
    """Where the configuration is looked for: `MESHTUI_CONFIG_DIR`, else as the XDG base directories have it."""
    directory = os.environ.get("MESHTUI_CONFIG_DIR")
    return (Path(directory) if directory else user_config_path("meshtui")) / "config.toml"


def state_path() -> Path:
    """The directory of what the program keeps between runs."""
    return user_state_path("meshtui")
