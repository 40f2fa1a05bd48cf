"""Route checks: which routes would have no effect any more once traffic goes round the waypoint that follows them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from meshtui.mesh import route_targets
from meshtui.mesh.checks import Check, count, failing, listed, unknown
from meshtui.mesh.snapshot import Snapshot


def of(services: Iterable[str], snapshot: Snapshot, around: str) -> Iterator[Check]:
    """The routes that decide the traffic to these Services, by "namespace/name"; `around` says what comes of that."""
    keys = list(services)
    if not keys:
        return
    targets = route_targets.of(snapshot)
    lost = {each.route for key in keys for each in targets.get(key, ()) if each.before}
    if lost:
        names = listed([f"{each.kind.title} {each.key}" for each in lost])
        said = f"{count(len(lost), 'route')} ({names}) would have no effect: {around}"
        yield failing(said, "Make sure that nothing relies on them, or keep a waypoint there.")
    if unread := route_targets.unread(snapshot):
        yield unknown(f"which routes would have no effect is not known: {unread}")
