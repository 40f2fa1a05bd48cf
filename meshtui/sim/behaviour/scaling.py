"""A deployment that grows and shrinks with its load, as an autoscaler lets it: so that pods come and go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from meshtui.sim.behaviour.world import World
from meshtui.sim.kinds import DEPLOYMENT
from meshtui.sim.objects import mapping
from meshtui.sim.store import Change, Key

_TICK = 5.0
_FIRST = 10.0


class Swing(Struct, eq=False):
    """One deployment, and the numbers of replicas that it goes through."""

    deployment: Key
    replicas: Sequence[int]
    every: float
    """Seconds from one number to the next."""
    due: datetime | None = None


class Scaling:
    """Scales deployments as their time comes."""

    kinds = ()

    def __init__(self, world: World, swings: Sequence[Swing]) -> None:
        self._world = world
        self._swings = swings

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        return ()

    def look(self, key: Key) -> float:
        now = self._world.clock()
        for swing in self._swings:
            if swing.due is not None and swing.due <= now:
                self._scale(swing)
            if swing.due is None:
                swing.due = now + timedelta(seconds=_FIRST)
            elif swing.due <= now:
                swing.due = now + timedelta(seconds=swing.every)
        return _TICK

    def _scale(self, swing: Swing) -> None:
        """To the next number, if it is at one of them: what a person has set stays."""
        found = self._world.store.get(DEPLOYMENT, *swing.deployment)
        spec = mapping(found, "spec")
        if found is None or spec.get("replicas") not in swing.replicas:
            return
        at = swing.replicas.index(spec["replicas"])
        wanted = swing.replicas[(at + 1) % len(swing.replicas)]
        self._world.write(DEPLOYMENT, found, spec={**spec, "replicas": wanted})
