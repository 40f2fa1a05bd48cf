"""Runner: what it tells its controllers of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from meshtui.sim.behaviour.clock import Clock
from meshtui.sim.behaviour.names import Names
from meshtui.sim.behaviour.runner import Runner
from meshtui.sim.behaviour.world import World
from meshtui.sim.kinds import CONFIGMAP, NAMESPACE
from meshtui.sim.store import Change, Key, Store

NOW = datetime(2026, 11, 26, tzinfo=UTC)


@dataclass(eq=False)
class Looks:
    """A controller that notes what it looks at."""

    kinds = (CONFIGMAP,)
    at: list[str] = field(default_factory=list)

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        metadata = change.object["metadata"]
        yield (metadata["namespace"], metadata["name"]), 0

    def look(self, key: Key) -> None:
        self.at.append(key[1])


def test_more_changes_at_once_than_are_remembered_are_all_looked_at() -> None:
    store, looks = Store((NAMESPACE, CONFIGMAP), history=3), Looks()
    store.create(NAMESPACE, {"metadata": {"name": "shop"}})
    runner = Runner(World(store, Clock(lambda: NOW), Names(1), lambda: NOW), [looks])
    runner.settle()
    names = [f"map-{number}" for number in range(5)]
    for name in names:
        store.create(CONFIGMAP, {"metadata": {"name": name, "namespace": "shop"}})
    runner.settle()
    assert sorted(looks.at) == names
