"""The Gateway API: policies that select its pods by label, and kinds of it that are too old (IST0166, IST0176)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from meshtui.mesh.doctor.configuration.membership import Alike, pods, selected
from meshtui.mesh.doctor.configuration.objects import (
    WARNING,
    analyzer,
    every,
    found,
    listed,
)
from meshtui.mesh.doctor.findings import Found, Rule
from meshtui.mesh.kinds import (
    AUTHORIZATION_POLICY,
    CRD,
    GATEWAY,
    GATEWAY_API,
    POD,
    REQUEST_AUTHENTICATION,
    TELEMETRY,
    WASM_PLUGIN,
)
from meshtui.mesh.raw import Raw, annotation, dig, name, namespace, strings
from meshtui.mesh.snapshot import Ref, Scope, Snapshot

BY_LABEL = Rule(
    "IST0166",
    "a policy selects the pods of a Gateway by label, which has no effect",
    WARNING,
    why="A gateway or waypoint takes only policies that name it: nothing of this one is in force there.",
    remedy="name the Gateway in targetRefs in place of the selector",
    link="docs/reference/config/analysis/ist0166/",
)
TOO_OLD = Rule(
    "IST0176",
    "a kind of the Gateway API is older than this Istio needs",
    WARNING,
    why="Istio passes over all objects of this kind, and their status says nothing of it.",
    remedy="upgrade the CRDs of the Gateway API",
    link="docs/tasks/traffic-management/ingress/gateway-api/",
)

_POLICIES = (AUTHORIZATION_POLICY, REQUEST_AUTHENTICATION, TELEMETRY, WASM_PLUGIN)
_NEEDED = {
    f"grpcroutes.{GATEWAY_API}": (1, 1, 0),
    f"backendtlspolicies.{GATEWAY_API}": (1, 4, 0),
    f"tlsroutes.{GATEWAY_API}": (1, 5, 0),
    f"tcproutes.{GATEWAY_API}": (1, 6, 0),
}
_VERSION = re.compile(
    r"v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?"
)


def by_label(snapshot: Snapshot) -> Iterator[Found]:
    gateways = _gateways(snapshot)
    for kind in _POLICIES if gateways else ():
        for policy in every(snapshot, kind):
            where = namespace(policy)
            if where not in gateways or not _selects(policy):
                continue
            wanted = strings(policy, "spec", "selector", "matchLabels")
            names = sorted({each.gateway for each in selected(wanted, gateways[where])})
            if names:
                says = f"it selects pods of Gateway {listed(names)}, which takes no selectors"
                pairs = ", ".join(f"{key}={value}" for key, value in sorted(wanted.items()))
                refs = [Ref(GATEWAY, where, each) for each in names]
                field = "spec.selector.matchLabels"
                yield found(BY_LABEL, kind, policy, says, field, pairs or "–", *refs)


def _gateways(snapshot: Snapshot) -> Mapping[str, list[Alike]]:
    """The pods of Gateways, by namespace."""
    inside = {
        where: [each for each in several if each.gateway]
        for where, several in pods(snapshot).items()
    }
    return {where: several for where, several in inside.items() if several}


def _selects(policy: Raw) -> bool:
    if isinstance(dig(policy, "spec", "targetRef"), Mapping):
        return False
    return isinstance(dig(policy, "spec", "selector"), Mapping)


def too_old(snapshot: Snapshot) -> Iterator[Found]:
    for crd in every(snapshot, CRD):
        needed = _NEEDED.get(name(crd))
        key = f"{GATEWAY_API}/bundle-version"
        written = annotation(crd, key)
        read = _VERSION.fullmatch(written)
        if needed and read and tuple(int(part or 0) for part in read.groups()) < needed:
            says = f"{name(crd)} is {written}, and Istio needs {'.'.join(map(str, needed))}"
            yield found(TOO_OLD, CRD, crd, says, f"metadata.annotations[{key}]", written)


ANALYZERS = (
    analyzer("k8sgateway.SelectorAnalyzer", (BY_LABEL,), (POD, *_POLICIES), by_label),
    analyzer(
        "k8sgateway.CRDVersionAnalyzer",
        (TOO_OLD,),
        tuple(Scope(CRD, None, fields=f"metadata.name={each}") for each in _NEEDED),
        too_old,
    ),
)
