"""The lines of the overview, and the places they lead to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct, field

from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.snapshot import Ref


class Place(Struct, frozen=True):
    """A row of a pane."""

    pane: str
    key: str = ""
    """"" for the pane as such."""
    within: str = ""
    """What the pane is narrowed to, such as "namespace/shop"; "" for all of it."""


class Item(Struct, frozen=True):
    """One line."""

    key: str
    verdict: Verdict
    text: str
    value: str
    jump: Place | None = None
    ref: Ref | None = None
    when: datetime | None = None
    """The value happens at that time; how long until then is told when it is drawn."""
    share: tuple[int, int] | None = None
    """So many of how many, for a bar."""
    counts: Mapping[Health, int] = field(default_factory=dict)
    """How many of what it stands for are how, from worst to best."""
    series: tuple[int | None, ...] = ()
    """The same over time, the latest last, for a sparkline; None where it is not known."""


class Section(Struct, frozen=True):
    """Lines that belong together."""

    title: str
    items: tuple[Item, ...]


def brief(items: Sequence[Item], most: int = 12) -> Sequence[Item]:
    """The items of a section; where one pane lists them all, only the worst of too many, and how many more there
    are."""
    panes = {item.jump.pane if item.jump else "" for item in items}
    if len(items) <= most or len(panes) > 1 or "" in panes:
        return items
    (pane,) = panes
    ranked = sorted(items, key=lambda each: -each.verdict.health.rank)[: most - 1]
    rest = Item(
        key=f"{items[0].key}/more",
        verdict=Verdict(Health.NONE, "enter lists them all"),
        text=f"and {len(items) - len(ranked):,} more",
        value="",
        jump=Place(pane),
    )
    return [*ranked, rest]
