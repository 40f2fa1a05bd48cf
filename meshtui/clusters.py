"""The clusters of the kubeconfig, and how to look at one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from meshtui.kube import kubeconfig
from meshtui.kube.errors import KubeError
from meshtui.kube.exec_plugin import Suspend
from meshtui.kube.session import Session
from meshtui.settings import Settings


class Clusters(Struct, frozen=True):
    """The clusters one can look at, and how to open a session with one."""

    contexts: Sequence[tuple[str, str]]
    """Names, each with its server's address."""
    current: str
    open: Callable[[str, Suspend], Session]
    """Gives a session for a context without waiting for the network; it lends the terminal to what has to ask there.
    Raises KubeError."""
    again: Callable[[], Clusters] | None = None
    """Reads the kubeconfig again, which may have been corrected or have another context by now."""
    complaint: str = ""
    """What is wrong with one of several files, the others being readable."""


def clusters(settings: Settings) -> Clusters:
    """The clusters of the kubeconfig. Where a file cannot be read, opening says why, but for a context of another file
    that was named: nobody is led by default to a cluster that kubectl would not take."""

    def again() -> Clusters:
        return clusters(settings)

    spoilt: KubeError | None = None
    try:
        config = kubeconfig.load(settings)
    except KubeError as failure:
        spoilt, config = failure, kubeconfig.readable(settings)
    names = {context.name for context in config.contexts}

    def open_session(context: str, suspend: Suspend) -> Session:
        if spoilt is not None and context not in names:
            raise spoilt
        from meshtui.kube.live import LiveSession  # with the HTTP client, after the first frame

        return LiveSession(config, context, settings, suspend=suspend)

    return Clusters(
        [(context.name, context.server) for context in config.contexts],
        config.current,
        open_session,
        again,
        "" if spoilt is None else f"{spoilt}: its contexts are not known. {spoilt.problem.remedy}",
    )
