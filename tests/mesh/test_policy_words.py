"""Policy words: the recorded policies reviewed one by one, and what a ztunnel makes of a rule against what a real
istiod sent to a real ztunnel (tests/data/recordings/verdicts.json)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshtui.mesh import authorization_rules, policy_rows, policy_words, ztunnel_rules
from meshtui.mesh.kinds import AUTHORIZATION_POLICY, PEER_AUTHENTICATION, Kind
from meshtui.mesh.policy_words import Mesh
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Scope
from tests.anything import JSON, damaged
from tests.mesh.made import _KINDS, made
from tests.recordings import DATA

CASES: list[Raw] = json.loads((DATA / "verdicts.json").read_bytes())["cases"]
MESH = Mesh("istio-system", "cluster.local")
KINDS = {need.kind if isinstance(need, Scope) else need for need in policy_rows.KINDS[:9]}

RECORDED = {
    "allow-nothing": ["nobody may reach ledger"],
    "deny-all": ["nobody may reach ledger"],
    "allow-principal": ["only shop/storefront may reach ledger"],
    "allow-principal-suffix": ["only */sa/storefront may reach ledger"],
    "allow-principal-any": ["only callers with an identity may reach ledger"],
    "allow-namespace": ["only callers in namespace shop may reach ledger"],
    "allow-service-account": ["only shop/storefront may reach ledger"],
    "allow-service-account-own-namespace": ["only payments/refunds may reach ledger"],
    "allow-ip": ["only callers at 10.244.0.19 may reach ledger"],
    "allow-not-ip": ["only callers not at 10.244.0.19/32 may reach ledger"],
    "allow-port": ["ledger may be reached only on 8080"],
    "allow-not-port": ["ledger may be reached only on any port but 8080"],
    "allow-two-sources": ["only shop/storefront or callers in namespace payments may reach ledger"],
    "allow-when-port": ["ledger may be reached only when destination.port is 8080"],
    "allow-l7-method-with-principal": ["only shop/storefront may reach ledger with GET"],
    "allow-l7-path-and-l4-rule": [
        "ledger may be reached only by anybody for /x, or by shop/catalog"
    ],
    "allow-host": ["ledger may be reached only at host ledger"],
    "deny-principal": ["shop/storefront may not reach ledger"],
    "deny-not-any-principal": ["callers without an identity may not reach ledger"],
    "deny-not-namespace": ["callers outside namespace shop may not reach ledger"],
    "deny-port": ["nobody may reach ledger on 9090"],
    "deny-l7-method-with-principal": ["shop/storefront may not reach ledger with DELETE"],
    "deny-l7-path-and-l4-rule": [
        "ledger may not be reached by anybody for /x, nor by shop/catalog"
    ],
    "deny-l7-header-with-port": [
        "nobody may reach ledger on 8080 when request.headers[x] is a",
    ],
    "allow-all-but-deny-one": ["anybody may reach ledger", "shop/catalog may not reach ledger"],
    "root-and-workload-allow": [
        "only shop/storefront may reach anything in the mesh",
        "only shop/catalog may reach ledger",
    ],
    "custom": ["provider ext decides who may reach ledger: shop/storefront"],
    "dry-run-deny": ["as a trial: nobody may reach ledger"],
    "target-ref-service": ["only shop/storefront may reach ledger"],
    "strict-namespace": ["anything in payments takes mTLS only"],
    "strict-root": ["anything in the mesh takes mTLS only"],
    "unset-port-strict": ["ledger takes what the level above says; on port 9090 strict"],
}
"""Written by hand from the policies."""


def kind_of(it: Raw) -> Kind:
    return AUTHORIZATION_POLICY if it["kind"] == "AuthorizationPolicy" else PEER_AUTHENTICATION


@pytest.mark.parametrize("case", RECORDED)
def test_a_recorded_policy_in_words(case: str) -> None:
    [found] = [each for each in CASES if each["id"] == case]
    said = [policy_words.of(kind_of(each), each, MESH) for each in found["policies"]]
    assert said == RECORDED[case]


def alive(rule: list[list[Raw]]) -> bool:
    """Whether a rule as the ztunnel has it can match: a clause of nothing but empty matches never does."""
    return all(any(match for match in clause) for clause in rule)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_as_many_rules_are_left_at_the_ztunnel_as_it_was_sent(case: Raw) -> None:
    """Of the policies that were sent: CUSTOM, trials and those with targets are not."""
    sent = {(each["namespace"], each["name"]): each["rules"] for each in case["ztunnel"]}
    for policy in case["policies"]:
        name = policy["metadata"]["namespace"], policy["metadata"]["name"]
        if policy["kind"] != "AuthorizationPolicy" or name not in sent:
            continue
        action = policy["spec"].get("action", "ALLOW")
        rules = authorization_rules.of(policy)
        kept = [each for each in rules if ztunnel_rules.at_ztunnel(action, each) is not None]
        assert len(kept) == sum(alive(rule) for rule in sent[name])


def test_attributes_that_a_ztunnel_cannot_see_are_those_that_istiod_names() -> None:
    named = 0
    for case in CASES:
        for policy in case["policies"]:
            key = f"{policy['kind']}/{policy['metadata']['namespace']}/{policy['metadata']['name']}"
            for condition in case["conditions"].get(key, ()):
                _, found, rest = condition["message"].partition("(found: ")
                rules = authorization_rules.of(policy)
                own = dict.fromkeys(
                    name for rule in rules for name in ztunnel_rules.http_attributes(rule)
                )
                if found:
                    assert ", ".join(own) == rest.partition(")")[0]
                    named += 1
                elif condition["reason"] == "Accepted" and condition["type"] == "ZtunnelAccepted":
                    assert not own
    assert named > 5


def allow(*rules: Raw, action: str = "ALLOW", **spec: Any) -> Raw:
    given = {"action": action, "selector": {"matchLabels": {"app": "ledger"}}, "rules": [*rules]}
    return made("AuthorizationPolicy", "p", "payments", spec={**given, **spec})


def source(**fields: Any) -> Raw:
    return {"from": [{"source": fields}]}


def operation(**fields: Any) -> Raw:
    return {"to": [{"operation": fields}]}


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (allow(), "nobody may reach ledger"),
        (allow({}), "anybody may reach ledger"),
        (allow({"from": []}), "anybody may reach ledger"),
        (allow(action="DENY"), "refuses nobody who reaches ledger"),
        (
            allow(source(principals=["acme.example/ns/shop/sa/web"])),
            "only shop/web of acme.example may reach ledger",
        ),
        (
            allow(source(principals=["spiffe://cluster.local/ns/shop/sa/web"])),
            "only spiffe://cluster.local/ns/shop/sa/web may reach ledger",  # which is nobody
        ),
        (
            allow(source(requestPrincipals=["*"]), action="DENY"),
            "callers with a valid token may not reach ledger",
        ),
        (
            allow(source(notRequestPrincipals=["*"]), action="DENY"),
            "callers without a valid token may not reach ledger",
        ),
        (
            allow(source(namespaces=["a", "b", "c", "d", "e", "f"])),
            "only callers in namespace a, b, c, d or 2 others may reach ledger",
        ),
        (allow(source()), "only an empty source may reach ledger"),
        (allow(source(principals=7)), "only ? may reach ledger"),
        (allow(source(newField=["x"])), "only callers with newField x may reach ledger"),
        (
            allow({**source(namespaces=["shop"]), **operation(methods=["GET"], paths=["/pay"])}),
            "only callers in namespace shop may reach ledger with GET for /pay",
        ),
        (
            allow(operation(hosts=["a"], ports=["80"], notPaths=["/x"])),
            "ledger may be reached only on 80 for any path but /x at host a",
        ),
        (
            allow(
                {"when": [{"key": "source.ip", "values": ["1.2.3.4"], "notValues": ["1.1.1.1"]}]}
            ),
            "ledger may be reached only when source.ip is 1.2.3.4 and is not 1.1.1.1",
        ),
        (allow(action="KILL"), "action KILL, which Istio does not know, for ledger"),
        (
            allow(selector={"matchLabels": {"app": "ledger", "tier": "db"}}),
            "nobody may reach pods with app=ledger,tier=db",
        ),
        (allow(selector=None), "nobody may reach anything in payments"),
        (
            allow(
                targetRefs=[
                    {"kind": "Gateway", "group": "gateway.networking.k8s.io", "name": "waypoint"}
                ]
            ),
            "nobody may reach all that goes through waypoint",
        ),
    ],
)
def test_the_words_of_an_authorization_policy(policy: Raw, words: str) -> None:
    assert policy_words.of(AUTHORIZATION_POLICY, policy, MESH) == words


def test_the_trust_domain_of_the_mesh_goes_without_saying_and_no_other_does() -> None:
    acme = Mesh("istio-system", "acme.example")
    principals = ["acme.example/ns/shop/sa/web", "cluster.local/ns/shop/sa/web"]
    said = policy_words.of(AUTHORIZATION_POLICY, allow(source(principals=principals)), acme)
    assert said == "only shop/web or shop/web of cluster.local may reach ledger"


@pytest.mark.parametrize(
    ("action", "rule", "words"),
    [
        ("ALLOW", operation(ports=["80"]), "ledger may be reached only on 80"),
        ("ALLOW", operation(ports=["80"], methods=["GET"]), "nobody may reach ledger"),
        ("DENY", operation(methods=["GET"]), "refuses nobody who reaches ledger"),
        ("DENY", operation(ports=["80"], methods=["GET"]), "nobody may reach ledger on 80"),
        (
            "DENY",
            {
                **source(principals=["x"]),
                "when": [{"key": "request.headers[a]", "values": ["b"]}],
            },
            "refuses nobody who reaches ledger",
        ),
        ("ALLOW", source(trustDomains=["a"], namespaces=["b"]), "only callers in namespace b may reach ledger"),
        ("ALLOW", source(trustDomains=["a"]), "nobody may reach ledger"),
    ],
)  # fmt: skip
def test_what_a_ztunnel_makes_of_it(action: str, rule: Raw, words: str) -> None:
    """The examples of istio-ambient.md, 7.5, and what is dropped without a word."""
    assert policy_words.in_force_at_ztunnel(allow(rule, action=action), MESH) == words


@pytest.mark.parametrize(
    ("kind", "spec", "words"),
    [
        ("PeerAuthentication", {}, "anything in shop takes what the level above says"),
        (
            "PeerAuthentication",
            {"mtls": {"mode": "PERMISSIVE"}},
            "anything in shop takes mTLS and plain text",
        ),
        (
            "RequestAuthentication",
            {"jwtRules": [{"issuer": "https://a"}, {"issuer": "https://b"}]},
            "tokens sent to anything in shop must be of https://a or https://b; calls without one pass",
        ),
        ("RequestAuthentication", {}, "tokens sent to anything in shop are not looked at"),
        (
            "Telemetry",
            {
                "accessLogging": [{"providers": [{"name": "envoy"}]}],
                "tracing": [{"randomSamplingPercentage": 10}],
            },
            "access log by envoy and traces of 10 % of anything in shop",
        ),
        (
            "DestinationRule",
            {
                "host": "cart",
                "trafficPolicy": {"tls": {"mode": "SIMPLE"}, "outlierDetection": {}},
                "subsets": [{"name": "v1"}, {"name": "v2"}],
            },
            "calls to cart: outlier detection, TLS SIMPLE and subsets v1 and v2",
        ),
        (
            "ServiceEntry",
            {
                "hosts": ["api.example"],
                "ports": [{"number": 443, "protocol": "TLS"}],
                "resolution": "DNS",
            },
            "makes api.example known on 443 TLS, outside, resolved by DNS",
        ),
        ("Sidecar", {"egress": [{"hosts": ["./*"]}]}, "sidecars of anything in shop see ./*"),
        (
            "EnvoyFilter",
            {
                "workloadSelector": {"labels": {"app": "cart"}},
                "configPatches": [{"applyTo": "HTTP_FILTER"}],
            },
            "1 patch of Envoy's configuration (HTTP_FILTER) for cart",
        ),
        (
            "WasmPlugin",
            {"url": "oci://a/b", "phase": "AUTHN"},
            "runs oci://a/b at AUTHN for anything in shop",
        ),
    ],
)
def test_the_words_of_others(kind: str, spec: Raw, words: str) -> None:
    assert policy_words.of(_KINDS[kind], made(kind, "p", "shop", spec=spec), MESH) == words


@given(st.sampled_from(sorted(KINDS, key=str)), JSON)
@settings(deadline=None, derandomize=True)
def test_no_spec_crashes_it(kind: Kind, spec: Any) -> None:
    policy_words.of(kind, {"spec": spec}, MESH)
    policy_words.of(kind, spec, MESH)


@given(
    damaged(CASES[12]["policies"][0])
    | st.sampled_from(CASES).flatmap(lambda case: damaged(case["policies"][0], 3))
)
@settings(deadline=None, derandomize=True)
def test_no_damaged_policy_crashes_it(it: Any) -> None:
    for kind in KINDS:
        assert isinstance(policy_words.of(kind, it, MESH), str)
    assert isinstance(policy_words.in_force_at_ztunnel(it, MESH), str)
