"""What the controllers of Deployments, Jobs and the like have in common: each is for objects that own others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from meshtui.sim.behaviour import pods
from meshtui.sim.behaviour.world import World
from meshtui.sim.kinds import Kind
from meshtui.sim.objects import Raw, controller, namespace, text
from meshtui.sim.store import Change, Key, key_of

_AFTER = 0.02


class Owners(ABC):
    """Looks at an object when that, or something that it controls, has changed."""

    kinds: tuple[Kind, ...]
    """The kind of the owners first, then what else matters to them."""

    def __init__(self, world: World) -> None:
        self._world = world

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        own, obj = self.kinds[0], change.object
        if change.kind == own:
            if change.after is not None:
                yield key_of(obj), _AFTER
        elif (owner := controller(obj)).get("kind") == own.name:
            yield (namespace(obj), text(owner, "name")), _AFTER

    def look(self, key: Key) -> None:
        found = self._world.store.get(self.kinds[0], *key)
        if found is not None and not pods.terminating(found) and self._world.open(key[0]):
            self._keep(found)

    @abstractmethod
    def _keep(self, found: Raw) -> None:
        """See that what an object is to own is there, and say so in its status."""
