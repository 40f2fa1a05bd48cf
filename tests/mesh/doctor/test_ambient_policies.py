"""AMB-028 to AMB-030, AMB-033, AMB-040: policies that come to something else than is written, and who they refuse
(doctor-rules.md, D5; what a ztunnel makes of L7 rules is istio-ambient.md, 7.5)."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from meshtui.mesh import ztunnel_rules
from meshtui.mesh.kinds import SERVICE
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Phase, Scope, Source
from tests.mesh.doctor.judged import CART, SERVED, endpoints, examined, keys, of, service
from tests.mesh.made import made, pod, snapshot
from tests.mesh.test_enrollment import ENABLED
from tests.mesh.test_waypoints import USE, gateway, proxy

GET = {"to": [{"operation": {"methods": ["GET"]}}]}
PORT = {"to": [{"operation": {"ports": ["80"]}}]}
TARGET: dict[str, Any] = {"targetRefs": [{"kind": "Service", "name": "cart"}]}


def policy(*rules: Raw, action: str = "ALLOW", said: Raw | None = None, **parts: Any) -> Raw:
    annotations = parts.pop("annotations", {})
    status = {"conditions": [said]} if said else {}
    spec = {"action": action, "rules": [*rules], **parts}
    return made(
        "AuthorizationPolicy", "p", "shop", spec=spec, status=status, annotations=annotations
    )


@pytest.mark.parametrize(
    ("rules", "action", "effect"),
    [
        ([GET], "ALLOW", "everything is refused"),
        ([GET, PORT], "ALLOW", "1 rule of 2 dropped: more is refused"),
        ([GET], "DENY", "no effect"),
        (
            [{"to": [{"operation": {"ports": ["80"], "methods": ["GET"]}}]}],
            "DENY",
            "more is refused",
        ),
        (
            [
                {
                    "from": [{"source": {"principals": ["x"]}}],
                    "when": [{"key": "request.headers[a]", "values": ["b"]}],
                }
            ],
            "DENY",
            "no effect",
        ),
        ([GET, PORT], "DENY", "1 rule of 2 without effect"),
        ([{"from": [{"source": {"requestPrincipals": ["*"]}}]}], "ALLOW", "everything is refused"),
        ([{"from": [{"source": {"remoteIpBlocks": ["10.0.0.0/8"]}}]}], "DENY", "no effect"),
    ],
)
def test_l7_rules_at_a_ztunnel(rules: list[Raw], action: str, effect: str) -> None:
    (found,) = of("AMB-028", (CART, *SERVED, policy(*rules, action=action)))
    assert keys(found) == ["AuthorizationPolicy shop/p"]
    assert effect in found.says
    assert found.evidence[0].field.startswith("spec.rules[0].")


@pytest.mark.parametrize(
    "it",
    [
        policy(GET, **TARGET),  # near miss: the same policy with targetRefs
        policy(PORT),
        policy({"when": [{"key": "source.ip", "values": ["10.0.0.0/8"]}]}),
        policy(GET, selector={"matchLabels": {"app": "till"}}),  # it selects no pod in the mesh
        policy(),
    ],
)
def test_policies_that_a_ztunnel_reads_whole(it: Raw) -> None:
    assert of("AMB-028", (CART, *SERVED, service(), it)) == []


def test_l7_rules_for_pods_outside_the_mesh_are_for_their_sidecars() -> None:
    outside = pod(labels={"istio.io/dataplane-mode": "none"})
    assert of("AMB-028", (outside, *SERVED, policy(GET))) == []


def test_the_recorded_condition_agrees_with_what_is_derived() -> None:
    """istiod's own words about payments/l7-at-ztunnel: "found: methods"."""
    from tests import recordings

    (found,) = of("AMB-028", recordings.snapshot("shop"))
    condition = found.evidence[-1]
    assert "found: methods" in condition.value
    assert condition.value.startswith("True (UnsupportedValue")  # its status alone does not tell


def test_parts_name_the_field_where_they_stand() -> None:
    rules = [
        PORT,
        {"to": [{"operation": {"ports": ["80"]}}, {"operation": {"paths": ["/a", "/b"]}}]},
    ]
    (part,) = ztunnel_rules.unseen(policy(*rules))
    assert (part.field, part.value) == ("spec.rules[1].to[1].operation.paths", "/a, /b")


def accepted(status: str, reason: str) -> Raw:
    return {"type": "WaypointAccepted", "status": status, "reason": reason, "message": "m"}


NAMED = made("Namespace", "shop", labels={"istio.io/dataplane-mode": "ambient", USE: "waypoint"})
TILL = pod("till", annotations=ENABLED, labels={"app": "till"})


@pytest.mark.parametrize(
    ("it", "says"),
    [
        (policy(GET, said=accepted("False", "AncestorNotBound"), **TARGET), "AncestorNotBound"),
        (policy(GET, said=accepted("True", "PartiallyInvalid"), **TARGET), "in part"),
        (policy(GET, **TARGET), "Service cart has no waypoint"),
        (policy(GET, targetRefs=[{"kind": "Service", "name": "gone"}]), "there is no Service gone"),
        (
            policy(GET, targetRefs=[{"kind": "Service", "name": "cart", "namespace": "other"}]),
            "another namespace",
        ),
        (policy(PORT, selector={"matchLabels": {"app": "nobody"}}), "selects no pod"),
    ],
)
def test_a_policy_that_nobody_enforces(it: Raw, says: str) -> None:
    """AMB-029."""
    (found,) = of("AMB-029", (CART, *SERVED, service(), it))
    assert keys(found) == ["AuthorizationPolicy shop/p"]
    assert says in found.says


@pytest.mark.parametrize(
    "objects",
    [
        (NAMED, gateway(), proxy(), policy(GET, **TARGET)),
        (NAMED, gateway(), proxy(ready="False"), policy(GET, **TARGET)),  # it fails closed
        (NAMED, gateway(), proxy(), policy(GET, said=accepted("True", "Accepted"), **TARGET)),
        (SERVED[0], policy(PORT, selector={"matchLabels": {"app": "cart"}})),
        (
            SERVED[0],
            policy(
                PORT, selector={"matchLabels": {"app": "idle"}}
            ),  # of a workload that is scaled to nothing
            made(
                "Deployment",
                "idle",
                "shop",
                spec={"replicas": 0, "template": {"metadata": {"labels": {"app": "idle"}}}},
            ),
        ),
    ],
)
def test_a_policy_that_somebody_enforces(objects: tuple[Raw, ...]) -> None:
    assert of("AMB-029", (CART, *SERVED[1:], service(), *objects)) == []


def test_a_missing_waypoint_explains_the_policy() -> None:
    refused = policy(GET, said=accepted("False", "AncestorNotBound"), **TARGET)
    every = examined(snapshot(CART, NAMED, *SERVED[1:], service(), refused)).findings
    (found,) = [each for each in every if each.found.rule.code == "AMB-019"]
    assert "AMB-029" in [each.rule.code for each in found.symptoms]


@pytest.mark.parametrize(
    ("it", "found"),
    [
        (policy(PORT, action="CUSTOM"), True),
        (policy(PORT, action="AUDIT"), True),
        (policy(PORT, annotations={"istio.io/dry-run": "true"}), True),
        (policy(PORT, action="CUSTOM", **TARGET), False),
        (policy(PORT, annotations={"istio.io/dry-run": "false"}), False),
        (policy(PORT, action="CUSTOM", selector={"matchLabels": {"app": "till"}}), False),
    ],
)
def test_what_a_ztunnel_does_not_do(it: Raw, found: bool) -> None:
    """AMB-030."""
    assert bool(of("AMB-030", (CART, *SERVED, it))) is found


def istiod(**environment: str) -> Raw:
    env = [{"name": key, "value": value} for key, value in environment.items()]
    spec = {
        "replicas": 1,
        "template": {"spec": {"containers": [{"name": "discovery", "env": env}]}},
    }
    status = {"readyReplicas": 1}
    return made(
        "Deployment", "istiod", "istio-system", labels={"app": "istiod"}, spec=spec, status=status
    )


def test_a_dry_run_that_istiod_is_told_to_send() -> None:
    dry = policy(PORT, annotations={"istio.io/dry-run": "true"})
    assert (
        of(
            "AMB-030",
            (CART, *SERVED, dry, istiod(AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY="true")),
        )
        == []
    )


def principals(*names: str, **more: list[str]) -> Raw:
    return {"from": [{"source": {**({"principals": [*names]} if names else {}), **more}}]}


BEHIND = (CART, NAMED, *SERVED[1:], service(), endpoints(), gateway(), proxy())
SELECTED: dict[str, Any] = {"selector": {"matchLabels": {"app": "cart"}}}
CALLER = principals("cluster.local/ns/shop/sa/till")


def test_a_policy_that_does_not_admit_the_waypoint() -> None:
    """AMB-033."""
    (found,) = of("AMB-033", (*BEHIND, policy(CALLER, **SELECTED)))
    assert keys(found) == ["AuthorizationPolicy shop/p", "Service shop/cart"]
    assert "cluster.local/ns/shop/sa/waypoint-1" in found.step  # the account of its pod


@pytest.mark.parametrize(
    "rule",
    [
        principals("cluster.local/ns/shop/sa/till", "cluster.local/ns/shop/sa/waypoint-1"),
        principals("*/sa/waypoint-1"),
        principals("cluster.local/ns/shop/*"),
        principals(namespaces=["shop"]),
        principals(serviceAccounts=["waypoint-1"]),
        principals(notPrincipals=["cluster.local/ns/shop/sa/mallory"]),
        PORT,
        {},
    ],
)
def test_a_policy_that_admits_the_waypoint(rule: Raw) -> None:
    assert of("AMB-033", (*BEHIND, policy(rule, **SELECTED))) == []


@pytest.mark.parametrize(
    "objects",
    [
        (*BEHIND, policy(CALLER, action="DENY", **SELECTED)),
        (
            *BEHIND,
            policy(CALLER, **TARGET),
        ),  # near miss: the waypoint enforces it, and sees the caller
        (CART, *SERVED, service(), endpoints(), policy(CALLER, **SELECTED)),  # no waypoint
        (
            *BEHIND,
            policy(CALLER, **SELECTED),
            istiod(ENABLE_LAYERED_WAYPOINT_AUTHORIZATION_POLICIES="true"),
        ),
    ],
)
def test_a_policy_that_need_not_admit_it(objects: tuple[Raw, ...]) -> None:
    assert of("AMB-033", objects) == []


STRICT = made("PeerAuthentication", "default", "shop", spec={"mtls": {"mode": "STRICT"}})
WEBHOOK = made(
    "ValidatingWebhookConfiguration",
    "cart",
    webhooks=[
        {
            "name": "a",
            "clientConfig": {"service": {"name": "cart", "namespace": "shop", "port": 443}},
        }
    ],
)
ON_443 = service(ports=[{"port": 443, "targetPort": 9443}])


def test_a_webhook_whose_server_takes_mtls_alone() -> None:
    """AMB-040."""
    (found,) = of("AMB-040", (CART, *SERVED, ON_443, endpoints(), STRICT, WEBHOOK))
    assert keys(found)[:2] == ["Service shop/cart", "ValidatingWebhookConfiguration cart"]
    assert of("AMB-040", (CART, *SERVED, ON_443, endpoints(), WEBHOOK)) == []
    exempt = made(
        "PeerAuthentication",
        "cart",
        "shop",
        spec={
            "selector": {"matchLabels": {"app": "cart"}},
            "portLevelMtls": {"9443": {"mode": "PERMISSIVE"}},
        },
    )
    assert of("AMB-040", (CART, *SERVED, ON_443, endpoints(), STRICT, exempt, WEBHOOK)) == []


def test_a_scraper_outside_the_mesh() -> None:
    scraped = pod(
        annotations={**ENABLED, "prometheus.io/scrape": "true", "prometheus.io/port": "9090"}
    )
    scraper = pod("prometheus", "monitoring", labels={"app.kubernetes.io/name": "prometheus"})
    outside = made("Namespace", "monitoring")
    (found,) = of("AMB-040", (scraped, *SERVED, STRICT, scraper, outside))
    assert keys(found) == ["Pod shop/cart", "Pod monitoring/prometheus"]
    inside = made("Namespace", "monitoring", labels={"istio.io/dataplane-mode": "ambient"})
    enrolled = pod(
        "prometheus",
        "monitoring",
        labels={"app.kubernetes.io/name": "prometheus"},
        annotations=ENABLED,
    )
    assert of("AMB-040", (scraped, *SERVED, STRICT, enrolled, inside)) == []
    assert of("AMB-040", (CART, *SERVED, STRICT, scraper, outside)) == []


def test_nothing_is_missing_in_namespaces_that_were_not_asked_for() -> None:
    """With `-n shop` the Services of another namespace are not known, whatever a policy there names."""
    elsewhere = made(
        "AuthorizationPolicy",
        "p",
        "other",
        spec={"targetRefs": [{"kind": "Service", "name": "gone"}]},
    )
    found = snapshot(CART, *SERVED, service(), elsewhere)
    assert len(of("AMB-029", found)) == 1
    sources = {scope: each for scope, each in found.sources.items() if scope != Scope(SERVICE)}
    narrowed = {**sources, Scope(SERVICE, "shop"): Source(Phase.LIVE, 1)}
    assert of("AMB-029", replace(found, sources=narrowed)) == []
