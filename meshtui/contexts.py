"""Contexts: which cluster is looked at, and the way to another."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import App

from meshtui.clusters import Clusters
from meshtui.kube import background
from meshtui.kube.errors import KubeError
from meshtui.kube.exec_plugin import Suspend
from meshtui.ui import notices
from meshtui.ui.pick import Pick
from meshtui.ui.spans import Tone


class Contexts:
    """Those of the kubeconfig, and the one of them that is chosen."""

    def __init__(
        self,
        app: App[int],
        clusters: Clusters,
        chosen: str,
        tell: Callable[[str, Tone], None],
    ) -> None:
        self._app = app
        self._tell = tell
        self.clusters = clusters
        self.chosen = chosen or clusters.current

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.clusters.contexts]

    async def choose(self, name: str, suspend: Suspend) -> bool:
        """Lets a person pick one where no name is given; whether one is chosen."""
        await self._read()
        if not name and self.names:
            pick = Pick("Contexts", self.clusters.contexts, self.chosen)
            name = await self._app.push_screen_wait(pick)
            if not name:
                return False
        if name not in self.names:
            self._tell(self._why_not(name, suspend), Tone.WARN)
            return False
        self.chosen = name
        return True

    async def begin_again(self) -> None:
        """Once more from the kubeconfig, which led nowhere."""
        await self._read()
        self.chosen = self.chosen or self.clusters.current

    def _why_not(self, context: str, suspend: Suspend) -> str:
        """Why a context cannot be chosen that the kubeconfig does not name."""
        try:
            self.clusters.open(context, suspend)
        except KubeError as failure:
            return notices.sentences(failure.problem)
        return f"there is no context {context}"

    async def _read(self) -> None:
        if self.clusters.again is not None:
            found = await background.start(self.clusters.again)
            if found.contexts or not self.clusters.contexts:  # it may have been a pipe, or is gone
                self.clusters = found
