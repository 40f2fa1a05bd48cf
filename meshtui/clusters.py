"""The clusters of the kubeconfig, and how to look at one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from meshtui.kube import kubeconfig
from meshtui.kube.errors import KubeError
from meshtui.kube.exec_plugin import Suspend
from meshtui.kube.session import Session
from meshtui.settings import Settings


@dataclass(frozen=True, slots=True)
class Clusters:
    """The clusters one can look at, and how to open a session with one."""

    contexts: Sequence[tuple[str, str]]
    """Names, each with its server's address."""
    current: str
    open: Callable[[str, Suspend], Session]
    """Gives a session for a context without waiting for the network; it lends the terminal to what has to ask there.
    Raises KubeError."""
    again: Callable[[], Clusters] | None = None
    """Reads the kubeconfig again, which may have been corrected or have another context by now."""


def clusters(settings: Settings) -> Clusters:
    """The clusters of the kubeconfig; where there is none that can be read, opening says why."""

    def again() -> Clusters:
        return clusters(settings)

    try:
        config = kubeconfig.load(settings)
    except KubeError as failure:
        problem = failure

        def fail(context: str, suspend: Suspend) -> Session:
            raise problem

        return Clusters((), settings.context, fail, again)

    def open_session(context: str, suspend: Suspend) -> Session:
        from meshtui.kube.live import LiveSession  # with the HTTP client, after the first frame

        return LiveSession(config, context, settings, suspend=suspend)

    return Clusters(
        [(context.name, context.server) for context in config.contexts],
        config.current,
        open_session,
        again,
    )
