"""Level offers: the line of the mesh menu that sets how much proxies write into their logs, for a while."""

from __future__ import annotations

from collections.abc import Sequence

from meshtui.mesh.kinds import POD
from meshtui.mesh.log_levels import LASTS, LEVELS, LevelChange, Proxy
from meshtui.mesh.pods import Pod
from meshtui.mesh.snapshot import Ref
from meshtui.ui import times
from meshtui.ui.exchange import Offer


def of(pods: Sequence[Pod], proxy: Proxy) -> Sequence[Offer]:
    """For these pods, all of one kind of proxy; none where there is no pod."""
    there = [pod for pod in pods if not pod.finished]
    if not there:
        return ()
    how_long = f"for {times.duration(LASTS)}, then as before"
    return [Offer("set the log level", f"… {how_long}", more=lambda: _levels(there, proxy))]


def _levels(pods: Sequence[Pod], proxy: Proxy) -> Sequence[Offer]:
    return [
        Offer(
            level,
            words,
            levels=tuple(
                LevelChange(
                    target=Ref(POD, pod.namespace, pod.name), uid=pod.uid, proxy=proxy, level=level
                )
                for pod in pods
            ),
        )
        for level, words in LEVELS.items()
    ]
