"""Events: what controllers and kubelets said of an object lately. A server keeps them for about an hour."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct

from meshtui.mesh import raw
from meshtui.mesh.kinds import EVENT
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Ref, Scope, Snapshot


class Event(Struct, frozen=True):
    """One event, with how often it was repeated."""

    reason: str
    message: str
    warning: bool
    count: int
    last: datetime | None
    source: str
    """Who said it, such as "kubelet"."""


def scope(ref: Ref, uid: str) -> Scope:
    """The events of one object; those of an object of the cluster stand in the namespace "default"."""
    return Scope(EVENT, ref.namespace or "default", fields=f"involvedObject.uid={uid}")


def of(snapshot: Snapshot, uid: str) -> tuple[Event, ...]:
    """The events of one object that are at hand, newest first."""
    found = [
        read(each)
        for each in snapshot.raw(EVENT)
        if uid and raw.text(each, "involvedObject", "uid") == uid
    ]
    return tuple(sorted(found, key=lambda event: event.last or _EVER, reverse=True))


_EVER = datetime.min.replace(tzinfo=UTC)


def read(event: Raw) -> Event:
    """One event, in either form: core/v1 counts and stamps it itself, events.k8s.io/v1 keeps a series beside it."""
    return Event(
        reason=raw.text(event, "reason"),
        message=raw.text(event, "message"),
        warning=raw.text(event, "type") == "Warning",
        count=raw.number(event, "series", "count") or raw.number(event, "count") or 1,
        last=raw.moment(event, "series", "lastObservedTime")
        or raw.moment(event, "lastTimestamp")
        or raw.moment(event, "eventTime")
        or raw.created(event),
        source=raw.text(event, "reportingComponent") or raw.text(event, "source", "component"),
    )
