"""Ztunnels: one row a node: its ztunnel and CNI agent, what it proxies of what it should, and what it holds."""

from __future__ import annotations

from collections.abc import Sequence

from meshtui.mesh import nodes, raw, ztunnel_probes
from meshtui.mesh.kinds import POD
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Probe, Snapshot

SCOPE = nodes.ZTUNNELS
"""The ztunnel pods, in any namespace and under any name."""


def pods(snapshot: Snapshot) -> Sequence[Raw]:
    """The ztunnel pods, in any namespace and under any name; not those that have ended for good."""
    return [it for it in snapshot.each(POD, _ztunnel) if it is not None]


def _ztunnel(it: Raw) -> Raw | None:
    ended = raw.text(it, "status", "phase") in ("Succeeded", "Failed")
    return it if raw.label(it, "app") == "ztunnel" and not ended else None


def metrics_probe(pod: Raw) -> Probe:
    """What the ztunnel counts: `Metrics`."""
    return ztunnel_probes.metrics(raw.namespace(pod), raw.name(pod))


def dump_probe(pod: Raw) -> Probe:
    """What it knows, as far as all nodes have to be known: `Dump`."""
    return ztunnel_probes.dump(raw.namespace(pod), raw.name(pod))


def dump_detail_probe(pod: Raw) -> Probe:
    """The same with its lists, for the one that is looked at: `DumpDetail`."""
    return ztunnel_probes.detail(raw.namespace(pod), raw.name(pod))
