"""Ztunnels: one row a node: its ztunnel and CNI agent, what it proxies of what it should, and what it holds."""

from __future__ import annotations

from collections.abc import Sequence

from meshtui.mesh import dumps, metrics, raw
from meshtui.mesh.kinds import POD
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Probe, Scope, Snapshot

ADMIN_PORT = 15000
"""Listens on the pod's localhost only: a port-forward reaches it, the API server's proxy does not."""
METRICS_PORT = 15020

SCOPE = Scope(POD, None, labels="app=ztunnel")
AGENT_SCOPE = Scope(POD, None, labels="k8s-app=istio-cni-node")


def pods(snapshot: Snapshot) -> Sequence[Raw]:
    """The ztunnel pods, in any namespace and under any name; not those that have ended for good."""
    return [it for it in snapshot.each(POD, _ztunnel) if it is not None]


def _ztunnel(it: Raw) -> Raw | None:
    ended = raw.text(it, "status", "phase") in ("Succeeded", "Failed")
    return it if raw.label(it, "app") == "ztunnel" and not ended else None


def metrics_probe(pod: Raw) -> Probe:
    """What the ztunnel counts: `Metrics`."""
    return Probe(raw.namespace(pod), raw.name(pod), METRICS_PORT, "/metrics", metrics.read_metrics)


def dump_probe(pod: Raw) -> Probe:
    """What it knows, as far as all nodes have to be known: `Dump`."""
    return Probe(
        raw.namespace(pod),
        raw.name(pod),
        ADMIN_PORT,
        "/config_dump",
        dumps.read_dump,
        share=dumps.share,
    )


def dump_detail_probe(pod: Raw) -> Probe:
    """The same with its lists, for the one that is looked at: `DumpDetail`."""
    return Probe(raw.namespace(pod), raw.name(pod), ADMIN_PORT, "/config_dump", dumps.read_detail)
