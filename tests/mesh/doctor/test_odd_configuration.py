"""Whatever an object holds: each analyzer says what it finds, and none of them fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from meshtui.mesh.doctor import examination
from meshtui.mesh.doctor.examination import INTERNAL
from meshtui.mesh.doctor.rules import ANALYZERS
from meshtui.mesh.kinds import Kind
from meshtui.mesh.memo import Memo
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Snapshot
from tests.anything import JSON, damaged
from tests.mesh.doctor.written import KINDS, cluster, yaml

FULL = """
  selector: {matchLabels: {app: a}}
  workloadSelector: {labels: {app: a}}
  targetRef: {kind: Gateway, name: a}
  group: rbac.istio.io
  names: {kind: ServiceRole}
  image: {imageType: distroless}
  accessLogging: [{providers: [{name: a}]}]
  tracing: [{providers: [{name: a}]}]
  outboundTrafficPolicy: {egressProxy: {host: a}}
  http: [{fault: {delay: {percent: 1}}}]
  rules: [{from: [{source: {namespaces: [a], notNamespaces: [b*]}}]}]
  priority: 0
  configPatches:
  - applyTo: HTTP_FILTER
    match: {proxy: {proxyVersion: "1"}, listener: {filterChain: {filter: {name: a}}}}
    patch: {operation: REPLACE, value: {name: a}}
  ports: [{port: 80, targetPort: 80, protocol: TCP, name: http}]
  securityContext: {runAsUser: 1337}
  containers: [{name: istio-proxy, image: auto, env: [{name: a, value: b}]}]
  initContainers: [{name: istio-init, image: a}]
  template:
    metadata: {labels: {app: a}}
    spec: {containers: [{name: istio-proxy, image: auto, securityContext: {runAsUser: 1337}}]}
webhooks:
- name: a.istio.io
  clientConfig: {url: "https://10.0.0.1:80/", service: {name: a, namespace: a}}
  namespaceSelector: {matchLabels: {istio.io/rev: a}}
  objectSelector: {matchExpressions: [{key: istio.io/rev, operator: In, values: [a]}]}
data:
  mesh: "rootNamespace: a"
  meshNetworks: "networks: {a: {endpoints: [{fromRegistry: a}]}}"
  values: '{"global": {"hub": "a", "tag": 1, "proxy": {"image": "a"}}}'
"""
LABELS = {
    "app": "istiod",
    "gateway.networking.k8s.io/gateway-name": "a",
    "istio-injection": "enabled",
    "istio.io/rev": "a",
    "istio/multiCluster": "true",
}
ANNOTATIONS = {
    "ambient.istio.io/redirection": "enabled",
    "gateway.networking.k8s.io/bundle-version": "v1.0.0",
    "proxy.istio.io/config": "image: {imageType: a}",
    "sidecar.istio.io/proxyCPU": "1",
    "sidecar.istio.io/unknown": "a",
}
NAMES = {
    "ConfigMap": ("istio", "istio-sidecar-injector"),
    "Namespace": ("a",),
    "CustomResourceDefinition": ("grpcroutes.gateway.networking.k8s.io",),
    "MutatingWebhookConfiguration": ("istio-sidecar-injector",),
    "ValidatingWebhookConfiguration": ("istiod-default-validator",),
}


def written(kind: Kind) -> str:
    """Objects of a kind with every field that any rule reads, of whatever kind."""
    where = {"namespace": "a"} if kind.namespaced else {}
    body = f"spec:{FULL}"
    metadata = {"labels": LABELS, "annotations": ANNOTATIONS, **where}
    return "".join(yaml(kind.title, name, body, **metadata) for name in NAMES.get(kind.title, "ab"))


WHOLE = cluster("".join(written(each) for each in KINDS if not each.title.startswith("Istio ")))
HARMED = [
    st.tuples(st.just(kind), st.just(key), damaged(it, times=4))
    for kind, several in WHOLE.objects.items()
    for key, it in several.items()
]
ODD = st.tuples(
    st.sampled_from(list(WHOLE.objects)),
    st.just("odd"),
    JSON.map(lambda it: {"metadata": it, "spec": it}),
)


def failures(snapshot: Snapshot) -> list[str]:
    result = examination.of(replace(snapshot, memo=Memo()), ANALYZERS)
    return [each.found.says for each in result.findings if each.found.rule is INTERNAL]


def test_nearly_every_analyzer_has_something_to_say_of_the_whole_objects() -> None:
    result = examination.of(WHOLE, ANALYZERS)
    assert not failures(WHOLE)
    assert len({each.found.rule.code for each in result.findings}) > 15


@given(st.lists(st.one_of(*HARMED, ODD), min_size=1, max_size=3))
@settings(deadline=None, derandomize=True)
def test_no_object_makes_an_analyzer_fail(harmed: list[tuple[Kind, str, Any]]) -> None:
    objects: dict[Kind, Mapping[str, Raw]] = dict(WHOLE.objects)
    for kind, key, it in harmed:
        objects[kind] = {**objects[kind], key: it}
    assert not failures(replace(WHOLE, objects=objects))
