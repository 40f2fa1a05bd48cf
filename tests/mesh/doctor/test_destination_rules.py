"""DestinationRules: TLS without a CA, subsets without pods, unknown hosts (destinationrule.* of the reference)."""

from __future__ import annotations

from typing import Any

import pytest

from meshtui.mesh.doctor.examination import Outcome
from meshtui.mesh.kinds import DESTINATION_RULE, NODE, POD, SERVICE_ENTRY
from meshtui.mesh.snapshot import Phase, Problem, Scope, Source, Trouble
from tests.mesh.doctor.analyzing import Thing, cluster, examined, found, pod, service, thing

CA, SUBSETS = "destinationrule.CaCertificateAnalyzer", "destinationrule.SubsetSelectPodAnalyzer"
RULE = "shop/r"


def rule(**spec: Any) -> Thing:
    return thing(DESTINATION_RULE, "r", **{"host": "reviews", **spec})


def tls(mode: Any, **more: Any) -> dict[str, Any]:
    return {"tls": {"mode": mode, **more}}


@pytest.mark.parametrize(
    ("spec", "codes"),
    [
        ({"trafficPolicy": tls("SIMPLE")}, {"IST0128"}),
        ({"trafficPolicy": tls("MUTUAL")}, {"IST0128"}),
        ({"trafficPolicy": tls("ISTIO_MUTUAL")}, set()),
        ({"trafficPolicy": tls("DISABLE")}, set()),
        ({"trafficPolicy": tls("SIMPLE", caCertificates="system")}, set()),
        ({"trafficPolicy": tls("SIMPLE", credentialName="ca")}, {"IST0128"}),
        (
            {
                "trafficPolicy": tls("SIMPLE", credentialName="ca"),
                "workloadSelector": {"matchLabels": {"app": "egress"}},
            },
            set(),
        ),
        ({"trafficPolicy": {"portLevelSettings": [tls("MUTUAL")]}}, {"IST0129"}),
        (
            {"trafficPolicy": {"portLevelSettings": [tls("MUTUAL", caCertificates="/ca.pem")]}},
            set(),
        ),
        (
            {"trafficPolicy": {**tls("SIMPLE"), "portLevelSettings": [tls("SIMPLE")]}},
            {"IST0128", "IST0129"},
        ),
        ({"subsets": [{"name": "v1", "trafficPolicy": tls("SIMPLE")}]}, set()),
        ({"trafficPolicy": None}, set()),
    ],
)
def test_tls_that_nothing_is_checked_by(spec: dict[str, Any], codes: set[str]) -> None:
    assert found(CA, rule(**spec)) == {(code, RULE) for code in codes}


ZONE = thing(
    NODE,
    "n1",
    "",
    labels={"topology.kubernetes.io/region": "eu", "topology.istio.io/subzone": "s"},
)


@pytest.mark.parametrize(
    ("labels", "selects"),
    [
        ({"version": "v1"}, True),
        ({"version": "v2"}, False),
        ({"version": "v1", "app": "reviews"}, False),
        ({}, True),
        (None, True),
        ({"kubernetes.io/hostname": "n1"}, True),
        ({"topology.kubernetes.io/region": "eu", "version": "v1"}, True),
        ({"topology.istio.io/subzone": "s"}, False),
        ({"topology.kubernetes.io/zone": ""}, False),
        ({"part": "dns"}, False),
    ],
)
def test_a_subset_selects_some_pod_of_any_namespace(labels: Any, selects: bool) -> None:
    subset = rule(subsets=[{"name": "s", "labels": labels}])
    things = [
        service("reviews", 80),
        pod("far", "elsewhere", "n1", version="v1"),
        pod("dns", "kube-system", part="dns"),
        ZONE,
    ]
    assert found(SUBSETS, subset, *things) == (set() if selects else {("IST0173", RULE)})


def test_a_subset_without_labels_needs_a_pod_too() -> None:
    assert found(SUBSETS, rule(subsets=[{"name": "s"}]), service("reviews", 80)) == {
        ("IST0173", RULE)
    }


@pytest.mark.parametrize(("app", "selects"), [("vm", True), ("other", False)])
def test_a_subset_of_a_service_entry_has_its_workload_selector_too(app: str, selects: bool) -> None:
    selector = {"labels": {"app": "vm", "version": "any"}}
    entry = thing(SERVICE_ENTRY, "e", hosts=["reviews"], workloadSelector=selector)
    subset = rule(subsets=[{"name": "s", "labels": {"version": "v1"}}])
    result = found(SUBSETS, subset, entry, pod(app=app, version="v1"))
    assert result == (set() if selects else {("IST0173", RULE)})


def test_of_a_rule_for_an_unknown_host_nothing_else_is_said() -> None:
    assert found(SUBSETS, rule(subsets=[{"name": "s"}])) == {("IST0174", RULE)}


def test_where_the_pods_may_not_be_listed_subsets_are_not_judged() -> None:
    refused = Source(Phase.FORBIDDEN, problem=Problem(Trouble.FORBIDDEN, "you may not list pods"))
    subset = rule(subsets=[{"name": "s", "labels": {"version": "v1"}}])
    snapshot = cluster(subset, service("reviews", 80), sources={Scope(POD): refused})
    result = examined(SUBSETS, snapshot)
    assert not result.findings
    assert result.outcomes["IST0173"] is Outcome.UNKNOWN
    assert {each.missing for each in result.unsure} == {"you may not list pods"}
