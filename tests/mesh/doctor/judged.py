"""What the ambient rules say of objects made for a test."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from meshtui.mesh import ztunnel_probes
from meshtui.mesh.doctor import ambient, examination
from meshtui.mesh.doctor.examination import INTERNAL, Examination
from meshtui.mesh.doctor.findings import Found
from meshtui.mesh.metrics import Metrics
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Answer, Snapshot
from tests.mesh.made import NOW, before, made, pod, snapshot
from tests.mesh.test_enrollment import AMBIENT, ENABLED, agent, ztunnel

NODE = made("Node", "node-1", labels={"kubernetes.io/os": "linux"})
SERVED = (AMBIENT, NODE, ztunnel(), agent())
"""The namespace shop in the mesh, and a node that serves it."""
CART = pod(annotations=ENABLED, labels={"app": "cart"})
"""A pod of it that was captured."""


def examined(found: Snapshot) -> Examination:
    """All ambient rules; none of them may fail."""
    result = examination.of(found, ambient.ANALYZERS)
    assert [each.found.says for each in result.findings if each.found.rule is INTERNAL] == []
    return result


def of(code: str, found: Snapshot | tuple[Raw, ...]) -> list[Found]:
    """What one rule finds in a snapshot, or in a cluster of these objects; symptoms too."""
    here = found if isinstance(found, Snapshot) else snapshot(*found)
    told = [
        each for finding in examined(here).findings for each in (finding.found, *finding.symptoms)
    ]
    return [each for each in told if each.rule.code == code]


def keys(found: Found) -> list[str]:
    """Its objects, such as "Pod shop/cart"."""
    return [f"{ref.kind.title} {ref.key}" for ref in found.objects]


def unsure(code: str, found: Snapshot) -> list[str]:
    """Why a rule is not sure."""
    return [each.missing for each in examined(found).unsure if each.rule.code == code]


def dumps(**by_node: Answer) -> dict[Any, Answer]:
    """What ztunnels by node (with "_" for "-") answered with their dumps."""
    return {
        ztunnel_probes.dump("istio-system", f"ztunnel-{node.replace('_', '-')}"): each
        for node, each in by_node.items()
    }


def counted(
    value: Metrics, earlier: Metrics | None = None, node: str = "node-1"
) -> Mapping[Any, Answer]:
    """What a ztunnel counts, and counted a minute before."""
    probe = ztunnel_probes.metrics("istio-system", f"ztunnel-{node}")
    return {
        probe: Answer(
            value, NOW, before=earlier, before_at=NOW - timedelta(minutes=1) if earlier else None
        )
    }


def service(name: str = "cart", *, ports: list[Raw] | None = None, **parts: Any) -> Raw:
    """A Service of shop."""
    spec = {
        "clusterIP": "10.96.0.7",
        "selector": {"app": name},
        "ports": ports or [{"port": 80, "name": "http"}],
    }
    return made("Service", name, "shop", spec=spec, **parts)


def endpoints(name: str = "cart", *, ready: bool = True, of: str = "") -> Raw:
    """Its EndpointSlice, with one pod of the same name."""
    return made(
        "EndpointSlice",
        f"{name}-1",
        "shop",
        labels={"kubernetes.io/service-name": name},
        endpoints=[
            {
                "addresses": ["10.0.0.7"],
                "conditions": {"ready": ready},
                "targetRef": {"kind": "Pod", "name": of or name},
            }
        ],
    )


def event(
    reason: str,
    message: str,
    *,
    kind: str = "Pod",
    name: str = "cart",
    namespace: str = "shop",
    age: float = 60,
) -> Raw:
    """An event about one object."""
    return made(
        "Event",
        f"{name}.{reason}",
        namespace,
        reason=reason,
        message=message,
        type="Warning",
        lastTimestamp=before(age),
        involvedObject={
            "kind": kind,
            "name": name,
            "namespace": namespace,
            "uid": f"{kind}-{namespace}-{name}",
        },
    )
