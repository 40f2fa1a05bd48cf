"""Listings: how the ztunnels were told to reach each pod, over all dumps that were read (step 3 of derivation C2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from msgspec import Struct

from meshtui.mesh import nodes
from meshtui.mesh.dumps import HBONE, Dump, Listing
from meshtui.mesh.nodes import Reading
from meshtui.mesh.pods import Pod
from meshtui.mesh.snapshot import Snapshot

_MARGIN = timedelta(seconds=2)
"""The API server's times are whole seconds, and a dump is a little older than the moment at which it had come."""


def newer(at: datetime | None, than: datetime | None) -> bool:
    """Whether what was read at `at` speaks of what was so `than`. Nothing speaks of what is not known."""
    return at is not None and (than is None or at > than + _MARGIN)


class Listed(Enum):
    """What the dumps say of one pod, in one word: all a verdict needs, and the same while more dumps come in."""

    HBONE = "HBONE"
    """In at least one of them."""
    TCP = "TCP"
    ABSENT = "absent"
    """In none of them, though they are newer than the pod."""
    OLD = "old"
    """The dumps are older than the pod's last change, and say nothing good."""
    UNREAD = "unread"
    """No dump was read."""


class Told(NamedTuple):
    """What some ztunnels, alike, were told of the pods of a namespace."""

    listing: Listing
    at: datetime
    """When the newest of their dumps was read."""
    dumps: int


class Listings(Struct, frozen=True, eq=False):
    """All that was told, by namespace."""

    told: Mapping[str, tuple[Told, ...]]
    read: int
    """Dumps that were read."""
    newest: datetime | None
    """When the newest of them was."""
    unread: str
    """Why others, or all, were not."""

    def of(self, pod: Pod) -> Listed:
        """Good news may be older than the pod's last change, but not than the pod: names come again."""
        found, created = False, pod.created
        for listing, at, _ in self.told.get(pod.namespace, ()):
            protocol = listing.protocols.get(pod.name)
            if protocol == HBONE and (created is None or created < at):
                return Listed.HBONE
            found = found or (protocol is not None and newer(at, pod.since))
        if found:
            return Listed.TCP
        if newer(self.newest, pod.since):
            return Listed.ABSENT
        return Listed.OLD if self.read else Listed.UNREAD

    def words(self, pod: Pod) -> tuple[str, datetime | None]:
        """What the dumps say of the pod, and when the newest that says it was read."""
        listed = self.of(pod)
        if listed is Listed.UNREAD:
            return f"not known: {self.unread}", None
        if listed is Listed.OLD:
            return "the dumps were read before it last changed", self.newest
        dumps = _count(self.read, "dump")
        if listed is Listed.ABSENT:
            return f"in none of {dumps}", self.newest
        saying = [
            each
            for each in self.told.get(pod.namespace, ())
            if each.listing.protocols.get(pod.name) == listed.value
        ]
        times = max((each.at for each in saying), default=None)
        return f"{listed.value} in {sum(each.dumps for each in saying)} of {dumps}", times


def of(snapshot: Snapshot) -> Listings:
    """What all ztunnels of the snapshot were told, as far as they were read."""
    found = nodes.of(snapshot).values()
    unlisted = next((node.unread for node in found if node.unread), "")
    readings = (each.reading for node in found for each in node.ztunnels)
    return snapshot.once(_listings, unlisted, *readings)


def _listings(unlisted: str, *readings: Reading) -> Listings:
    read = [(dump, at) for dump, at, _ in readings if dump and at and dump.listings]
    problem = next((each.problem.text for each in readings if each.problem is not None), unlisted)
    return Listings(
        told=_told(read),
        read=len(read),
        newest=max((at for _, at in read), default=None),
        unread=problem or ("no ztunnel was read yet" if readings else "there is no ztunnel"),
    )


def _told(read: Iterable[tuple[Dump, datetime]]) -> Mapping[str, tuple[Told, ...]]:
    """By namespace. Nodes that were told the same share their listings, so first by those: one where all is well."""
    alike: dict[int, list[tuple[Dump, datetime]]] = {}
    for dump, at in read:
        alike.setdefault(id(dump.listings), []).append((dump, at))
    told: dict[str, dict[bytes, Told]] = {}
    for group in alike.values():
        newest = max(at for _, at in group)
        for namespace, listing in group[0][0].listings.items():
            same = told.setdefault(namespace, {})
            before = same.get(listing.digest, Told(listing, newest, 0))
            at = max(before.at, newest)
            same[listing.digest] = Told(before.listing, at, before.dumps + len(group))
    return {namespace: tuple(same.values()) for namespace, same in told.items()}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
