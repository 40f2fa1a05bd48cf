"""Successors: the pods that come in the place of others, of the same controller, while something is watched."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, Self

from msgspec import Struct

from meshtui.mesh import pods
from meshtui.mesh.kinds import POD
from meshtui.mesh.pods import Pod
from meshtui.mesh.snapshot import Ref, Snapshot


class _Place(NamedTuple):
    """What a pod and the one after it have in common."""

    namespace: str
    controller: str
    node: str
    """Of a DaemonSet's, which replaces each where it is; "" for others."""


class Watched(Struct, frozen=True):
    """Some pods, and all that were there when one began to watch them."""

    places: frozenset[_Place]
    before: frozenset[str]

    @classmethod
    def of(cls, snapshot: Snapshot, watched: Collection[Ref]) -> Self:
        every = pods.of(snapshot)
        found = (every[ref.key] for ref in watched if ref.key in every)
        return cls(frozenset(_place(pod) for pod in found if pod.controller), frozenset(every))

    def successors(self, snapshot: Snapshot) -> Sequence[Ref]:
        """Those that came since and run, by name."""
        return [
            Ref(POD, pod.namespace, pod.name)
            for key, pod in sorted(pods.of(snapshot).items())
            if key not in self.before and pod.started is not None and _place(pod) in self.places
        ]


def _place(pod: Pod) -> _Place:
    of_node = pod.controller.startswith("DaemonSet/")
    return _Place(pod.namespace, pod.controller, pod.node if of_node else "")
