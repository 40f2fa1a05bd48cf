"""What is asked of a ztunnel, by the name of its pod."""

from __future__ import annotations

from meshtui.mesh import dumps, open_since
from meshtui.mesh.metrics import kept, read_metrics
from meshtui.mesh.snapshot import Probe

ADMIN_PORT = 15000
"""Listens on the pod's localhost only: a port-forward reaches it, the API server's proxy does not."""
METRICS_PORT = 15020


def metrics(namespace: str, pod: str) -> Probe:
    """What it counts: `Metrics`."""
    return Probe(namespace, pod, METRICS_PORT, "/metrics", read_metrics, keep=kept)


def dump(namespace: str, pod: str) -> Probe:
    """What it knows, as far as all nodes have to be known: `Dump`."""
    return Probe(namespace, pod, ADMIN_PORT, "/config_dump", dumps.read_dump, share=dumps.share)


def detail(namespace: str, pod: str) -> Probe:
    """The same with its lists, for the one that is looked at: `DumpDetail`."""
    return Probe(
        namespace, pod, ADMIN_PORT, "/config_dump", dumps.read_detail, keep=open_since.kept
    )
