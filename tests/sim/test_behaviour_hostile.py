"""What people write into objects may be anything: no controller of the built-in cluster falls over it."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshtui.sim.kinds import (
    AUTHORIZATION_POLICY,
    BACKEND_TLS_POLICY,
    CONFIGMAP,
    DAEMONSET,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    GATEWAY,
    HTTP_ROUTE,
    LISTENER_SET,
    NAMESPACE,
    NETWORK_POLICY,
    NODE,
    PEER_AUTHENTICATION,
    POD,
    REFERENCE_GRANT,
    REPLICASET,
    SERVICE,
    STATEFULSET,
    Kind,
)
from meshtui.sim.store import Store
from tests.sim.recorded import shop
from tests.sim.test_ztunnel import FLOWS, mesh

Raw = dict[str, Any]

KINDS = (
    POD,
    SERVICE,
    DEPLOYMENT,
    REPLICASET,
    DAEMONSET,
    STATEFULSET,
    ENDPOINT_SLICE,
    GATEWAY,
    LISTENER_SET,
    HTTP_ROUTE,
    REFERENCE_GRANT,
    BACKEND_TLS_POLICY,
    AUTHORIZATION_POLICY,
    PEER_AUTHENTICATION,
    NETWORK_POLICY,
    NAMESPACE,
    NODE,
    CONFIGMAP,
)
JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, 0, -1, True, "", "x", "[bold]\x1b[31m", [], [None], ["x"], {}, {"x": None}, [{}], [[]]]
)
RECORDED: Store = shop()
RECORDED.create(
    LISTENER_SET,
    {
        "metadata": {"name": "more", "namespace": "edge", "labels": {}, "annotations": {}},
        "spec": {
            "parentRef": {"name": "public", "namespace": "edge"},
            "listeners": [
                {
                    "name": "more",
                    "port": 443,
                    "protocol": "HTTPS",
                    "hostname": "more.acme.example",
                    "allowedRoutes": {"namespaces": {"from": "Same"}, "kinds": [{"kind": "x"}]},
                    "tls": {"certificateRefs": [{"name": "absent"}], "options": {"x": "y"}},
                }
            ],
        },
        "status": {"conditions": [{"type": "Accepted", "status": "True"}]},
    },
)
RECORDED.create(
    BACKEND_TLS_POLICY,
    {
        "metadata": {"name": "tls", "namespace": "shop", "labels": {}, "annotations": {}},
        "spec": {
            "targetRefs": [{"group": "", "kind": "Service", "name": "catalog"}],
            "validation": {
                "hostname": "catalog",
                "caCertificateRefs": [
                    {"group": "", "kind": "ConfigMap", "name": "istio-ca-root-cert"}
                ],
            },
        },
        "status": {"ancestors": [{"ancestorRef": {}, "controllerName": "x", "conditions": []}]},
    },
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to everything inside a value."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, each in value.items():
            found += places(each, (*path, key))
    elif isinstance(value, list):
        for at, each in enumerate(value):
            found += places(each, (*path, at))
    return found


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    """A copy with something else at the end of a path."""
    if not path:
        return by
    if isinstance(value, dict):
        return {k: replaced(v, path[1:], by) if k == path[0] else v for k, v in value.items()}
    return [replaced(v, path[1:], by) if at == path[0] else v for at, v in enumerate(value)]


@st.composite
def spoilt(draw: st.DrawFn) -> tuple[Kind, Raw]:
    """A recorded object, or one with labels, annotations, spec and status, with junk in up to three places."""
    kind = draw(st.sampled_from(KINDS))
    known = RECORDED.list(kind)
    plain = {"metadata": {"name": "odd", "labels": {}, "annotations": {}}, "spec": {}, "status": {}}
    obj: Raw = draw(st.sampled_from(known)) if known else plain
    if kind.namespaced:
        obj = {**obj, "metadata": {**obj["metadata"], "namespace": "shop", "name": "odd"}}
    obj = {**obj, "metadata": {k: v for k, v in obj["metadata"].items() if k in _KEPT}}
    for _ in range(draw(st.integers(1, 3))):
        inside = [path for path in places(obj) if path[-1] not in _FIXED and path != ("metadata",)]
        if inside:
            obj = replaced(obj, draw(st.sampled_from(inside)), draw(JUNK))
    return kind, obj


_KEPT = {"name", "namespace", "labels", "annotations", "ownerReferences"}
_FIXED = {"name", "namespace", "kind", "apiVersion"}


@settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
@given(st.lists(spoilt(), min_size=1, max_size=4))
def test_nothing_falls_over_what_someone_wrote(objects: list[tuple[Kind, Raw]]) -> None:
    bench = mesh()
    for kind, obj in objects:
        metadata = obj["metadata"]
        space = metadata.get("namespace", "") if kind.namespaced else ""
        if bench.store.get(kind, space, metadata["name"]) is None:
            bench.store.create(kind, obj)
        else:
            bench.store.update(kind, obj)
        bench.settle()
    for flow in FLOWS:
        flow.due = None
    bench.cluster.calls.look(("", ""))
    for ztunnel in bench.cluster.ztunnels:
        msgspec.json.decode(ztunnel.dump())
        ztunnel.metrics()
