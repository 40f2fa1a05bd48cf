"""Istiod metrics: what an istiod counts of the certificates that it is asked for (`/metrics`, port 15014; reference
istio-ambient.md, 6.5)."""

from __future__ import annotations

import re
from typing import NamedTuple

from meshtui.mesh import components
from meshtui.mesh.pods import Pod
from meshtui.mesh.snapshot import Probe, Snapshot

_PORT = 15014
_COUNTED = re.compile(
    rb"^citadel_server_(csr_sign_err_count|authentication_failure_count)(?:\{[^}\n]*\})? ([0-9.eE+-]+)",
    re.MULTILINE,
)


class Signing(NamedTuple):
    """Requests for certificates that came to nothing since it started. A counter that never rose is not printed."""

    unsigned: int = 0
    unauthenticated: int = 0


def read(body: bytes) -> Signing:
    """Raises ValueError where there is nothing of an istiod in it."""
    if b"\npilot_info{" not in body and b"\ncitadel_server_" not in body:
        raise ValueError("no metrics of an istiod in the answer")
    times = {b"csr_sign_err_count": 0, b"authentication_failure_count": 0}
    for name, value in _COUNTED.findall(body):
        try:
            times[name] += int(float(value))
        except (ValueError, OverflowError):
            continue
    return Signing(times[b"csr_sign_err_count"], times[b"authentication_failure_count"])


def probe(pod: Pod) -> Probe:
    return Probe(pod.namespace, pod.name, _PORT, "/metrics", read)


def pods(snapshot: Snapshot) -> list[Pod]:
    """The istiods that can be asked."""
    running = components.running(snapshot)
    return [pod for pod in running if components.is_istiod(pod.labels) and pod.healthy]
