"""Fields and kinds that Istio has given up (IST0002)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from meshtui.mesh.doctor.configuration.objects import WARNING, analyzer, every, found
from meshtui.mesh.doctor.findings import Found, Rule
from meshtui.mesh.kinds import CRD, SIDECAR, VIRTUAL_SERVICE
from meshtui.mesh.raw import dig, entries, name, text
from meshtui.mesh.snapshot import Scope, Snapshot

DEPRECATED = Rule(
    "IST0002",
    "something is used that Istio has given up",
    WARNING,
    why="It still works or is passed over already; a later Istio drops it without a word.",
    remedy="use what Istio's documentation names in its place, before the next upgrade",
    link="docs/reference/config/analysis/ist0002/",
)

_GROUP = "rbac.istio.io"
_OLD_KINDS = {
    "ClusterRbacConfig": "clusterrbacconfigs",
    "RbacConfig": "rbacconfigs",
    "ServiceRole": "serviceroles",
    "ServiceRoleBinding": "servicerolebindings",
}


def deprecated(snapshot: Snapshot) -> Iterator[Found]:
    for it in every(snapshot, VIRTUAL_SERVICE):
        for route in entries(it, "spec", "http"):
            percent = dig(route, "fault", "delay", "percent")
            if _is_positive(percent):
                says = "fault.delay.percent gave way to fault.delay.percentage"
                field = "spec.http[].fault.delay.percent"
                yield found(DEPRECATED, VIRTUAL_SERVICE, it, says, field, str(percent))
    for it in every(snapshot, SIDECAR):
        if dig(it, "spec", "outboundTrafficPolicy", "egressProxy") is not None:
            says = "outboundTrafficPolicy.egressProxy is given up"
            field = "spec.outboundTrafficPolicy.egressProxy"
            yield found(DEPRECATED, SIDECAR, it, says, field, "set")
    for it in every(snapshot, CRD):
        kind = text(it, "spec", "names", "kind")
        if text(it, "spec", "group") == _GROUP and kind in _OLD_KINDS:
            says = f"kind {kind} gave way to AuthorizationPolicy: {name(it)} is left over"
            yield found(DEPRECATED, CRD, it, says, "spec.names.kind", kind)


def _is_positive(percent: Any) -> bool:
    return isinstance(percent, (int, float)) and not isinstance(percent, bool) and percent > 0


_CRDS = tuple(
    Scope(CRD, None, fields=f"metadata.name={plural}.{_GROUP}") for plural in _OLD_KINDS.values()
)

ANALYZERS = (
    analyzer(
        "deprecation.DeprecationAnalyzer",
        (DEPRECATED,),
        (VIRTUAL_SERVICE, SIDECAR, *_CRDS),
        deprecated,
    ),
)
