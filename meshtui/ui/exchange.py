"""What panes and the frame around them hand to each other: rows, places to go, wants, wishes, stamps, and where one
is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from meshtui.mesh.changes import Change, Refusal
from meshtui.mesh.health import Verdict
from meshtui.mesh.log_levels import LevelChange
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Probe, Ref, Scope, Snapshot, Tail
from meshtui.ui.spans import Line


class Row(Protocol):
    """What every row has: who it is, how it is and why, and the object behind it."""

    @property
    def key(self) -> str: ...
    @property
    def verdict(self) -> Verdict: ...
    @property
    def ref(self) -> Ref | None: ...


class Jump(Struct, frozen=True):
    """Where to go: a pane, narrowed to what belongs to something, with the cursor on a row."""

    pane: str
    within: str = ""
    """Narrows the pane, such as "namespace/shop"; "" for all of it."""
    key: str = ""
    """The row to put the cursor on, once it is there; "" for the first."""


class Wants(Struct, frozen=True):
    """What to ask the cluster beyond what is always watched."""

    scopes: tuple[Scope, ...] = ()
    probes: tuple[Probe, ...] = ()
    refs: tuple[Ref, ...] = ()
    tables: tuple[Scope, ...] = ()
    """Kinds as the server prints them."""
    tails: tuple[Tail, ...] = ()
    denials: bool = False
    """Whether the access logs of proxies are followed."""

    def __or__(self, other: Wants) -> Wants:
        return Wants(
            self.scopes + other.scopes,
            self.probes + other.probes,
            self.refs + other.refs,
            self.tables + other.tables,
            self.tails + other.tails,
            self.denials or other.denials,
        )


class Wish(Struct, frozen=True):
    """A change that somebody asks for: of which object, or for which one, and how it is made once that was read
    whole."""

    target: Ref
    build: Callable[[Raw, Snapshot], Change | Refusal]
    edited: bool = False
    """Somebody writes what is to be created in their editor before."""


class Offer(Struct, frozen=True):
    """One line of a menu of changes."""

    title: str
    words: str = ""
    wishes: tuple[Wish, ...] = ()
    """What it asks for, one after the other."""
    levels: tuple[LevelChange, ...] = ()
    """Log levels that it asks for, likewise."""
    more: Callable[[], Sequence[Offer]] | None = None
    """The menu that it opens, where it asks for nothing itself."""


class Stamp(Struct, frozen=True):
    """How the rows of a pane are and how far they can be trusted, for the frame to show."""

    shown: int = 0
    total: int = 0
    bad: int = 0
    warn: int = 0
    within: str = ""
    filter: str = ""
    faults: bool = False
    """Whether only faults are shown."""
    freshness: Line = ()


class Place(Struct, frozen=True):
    """Where one is and what one may do there."""

    context: str = ""
    colour: str = ""
    namespaces: tuple[str, ...] = ()
    favourites: tuple[tuple[str, ...], ...] = ()
    """What the keys 1 to 9 choose."""
    read_only: str = ""
    """Why nothing may be changed; "" where it may."""
    unlocked: datetime | None = None
    """Until when changes are allowed, where that was asked for; None where nothing ends them."""
    under_way: str = ""
    """What is being verified, "enroll plain 2 of 3", or for how long a server was waited for; "" for nothing."""
