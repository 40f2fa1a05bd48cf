"""Settings: what the command line, the environment and the configuration file say, as one value."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """How to start. Nothing in it is read again later; a change of context makes a new session."""

    kubeconfig: tuple[Path, ...] = ()
    """Files in order, the first to name a thing wins; empty for `KUBECONFIG`, then `~/.kube/config`, then in-cluster."""
    context: str = ""
    """"" for the current one."""
    namespaces: tuple[str, ...] = ()
    """Empty for all that one may see."""
    impersonate: str = ""
    impersonate_groups: tuple[str, ...] = ()
    request_timeout: float = 10.0
    """Seconds until a request that should answer at once is given up."""
    read_only: bool | None = None
    """None lets the context's name decide (`production.is_production`)."""
    sweep: bool = True
    """Whether the ztunnels of all nodes are read, or only those on screen."""
    pane: str = ""
    """The pane to open first; "" for the first one."""
    config_file: Path | None = None
    """Where the configuration was looked for."""
    complaints: tuple[str, ...] = field(default=())
    """What was wrong with the configuration, a line each; any of them makes the session read-only."""
