"""The recorded mesh as a store of the built-in cluster, to hold what its controllers write against what was written."""

from __future__ import annotations

import json
from typing import Any

from meshtui.sim.kinds import KINDS
from meshtui.sim.store import Store
from tests.recordings import DATA

Raw = dict[str, Any]


def shop() -> Store:
    """Every object of the recording, with the status it had."""
    store = Store()
    for file in sorted((DATA / "shop" / "objects").glob("*.json")):
        plural, _, group = file.stem.partition(".")
        kind = next(each for each in KINDS if (each.group, each.plural) == (group, plural))
        for item in json.loads(file.read_bytes())["items"]:
            store.create(kind, item)
    return store


def dump(node: str = "node-1", mesh: str = "shop") -> Raw:
    """`/config_dump` of a recorded ztunnel."""
    found: Raw = json.loads((DATA / mesh / f"ztunnel-{node}.config_dump.json").read_bytes())
    return found


def timeless(value: Any) -> Any:
    """Without the times of conditions."""
    if isinstance(value, list):
        return [timeless(each) for each in value]
    if isinstance(value, dict):
        return {k: timeless(v) for k, v in value.items() if k != "lastTransitionTime"}
    return value
