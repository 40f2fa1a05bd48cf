"""The logs of all containers, for as long as their pods are there."""

from __future__ import annotations

from collections.abc import Iterable

from meshtui.sim.kinds import POD
from meshtui.sim.kubelet import Log
from meshtui.sim.objects import Raw, uid
from meshtui.sim.store import Change, Key


class Logs:
    """Logs by pod and container; a pod's end is theirs."""

    kinds = (POD,)

    def __init__(self) -> None:
        self._logs: dict[str, dict[str, Log]] = {}

    def of(self, pod: Raw, container: str) -> Log:
        """The log of a container, empty at first."""
        return self._logs.setdefault(uid(pod), {}).setdefault(container, Log())

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        if change.after is None:
            for log in self._logs.pop(uid(change.object), {}).values():
                log.end()
        return ()

    def look(self, key: Key) -> None:
        """Never asked for."""
