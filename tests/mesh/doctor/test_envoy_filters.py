"""EnvoyFilters and what is deprecated (istioctl-analyze.md, envoyfilter.EnvoyPatchAnalyzer and
deprecation.DeprecationAnalyzer)."""

from __future__ import annotations

import pytest

from tests.mesh.doctor.written import found, yaml

PATCHES, DEPRECATED = "envoyfilter.EnvoyPatchAnalyzer", "deprecation.DeprecationAnalyzer"


def envoy_filter(*patches: str, name: str = "f", spec: str = "") -> str:
    body = f"spec: {{configPatches: [{', '.join(patches)}] {spec}}}"
    return yaml("EnvoyFilter", name, body, namespace="shop")


def patch(operation: str, applied: str, *, value: str = "{name: a}", match: str = "{}") -> str:
    told = f"patch: {{operation: {operation}, value: {value}}}"
    return f"{{applyTo: {applied}, match: {match}, {told}}}"


@pytest.mark.parametrize(
    ("operation", "applied", "expected"),
    [
        ("ADD", "ROUTE_CONFIGURATION", "IST0153"),
        ("ADD", "HTTP_ROUTE", "IST0153"),
        ("ADD", "CLUSTER", ""),
        ("REMOVE", "ROUTE_CONFIGURATION", "IST0154"),
        ("REMOVE", "HTTP_ROUTE", "IST0154"),
        ("REMOVE", "HTTP_FILTER", "IST0151"),
        ("REPLACE", "CLUSTER", "IST0152"),
        ("REPLACE", "HTTP_ROUTE", "IST0152"),
        ("REPLACE", "HTTP_FILTER", "IST0151"),
        ("REPLACE", "NETWORK_FILTER", "IST0151"),
        ("REPLACE", "VIRTUAL_HOST", "IST0151"),
        ("INSERT_BEFORE", "HTTP_FILTER", "IST0151"),
        ("INSERT_AFTER", "HTTP_ROUTE", "IST0151"),
        ("INSERT_FIRST", "HTTP_FILTER", ""),
        ("MERGE", "CLUSTER", ""),
        ("INVALID", "CLUSTER", ""),
    ],
)
def test_operations(operation: str, applied: str, expected: str) -> None:
    wanted = {(expected, "EnvoyFilter shop/f")} if expected else set()
    assert found(PATCHES, envoy_filter(patch(operation, applied))) == wanted
    with_priority = envoy_filter(patch(operation, applied), spec=", priority: -10")
    assert found(PATCHES, with_priority) == (wanted if expected != "IST0151" else set())
    assert found(PATCHES, envoy_filter(patch(operation, applied), spec=", priority: 0")) == wanted


BOUND = "{proxy: {proxyVersion: '1.30'}}"
BY_CHAIN = "{listener: {filterChain: {filter: {name: b}}}}"
BOUND_CHAIN = "{proxy: {proxyVersion: '1.30'}, listener: {filterChain: {filter: {name: b}}}}"
OTHER = patch("INSERT_AFTER", "CLUSTER", value="{name: b}")


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (patch("ADD", "CLUSTER", match=BOUND), patch("INSERT_AFTER", "CLUSTER"), "IST0155"),
        (patch("ADD", "CLUSTER"), patch("INSERT_AFTER", "CLUSTER"), "IST0151"),
        (patch("ADD", "CLUSTER", match=BOUND), OTHER, "IST0151"),
        (  # where the value has no name, the match's filter names it
            patch("ADD", "CLUSTER", value="{x: 1}", match=BOUND_CHAIN),
            patch("INSERT_AFTER", "CLUSTER", value="{x: 1}", match=BY_CHAIN),
            "IST0155",
        ),
        (  # Istio compares what the value is named as protobuf prints it: never the name of a match
            patch("ADD", "CLUSTER", value="{name: b}", match=BOUND),
            patch("INSERT_AFTER", "CLUSTER", value="{x: 1}", match=BY_CHAIN),
            "IST0151",
        ),
        (  # a patch without value has no name at all
            patch("ADD", "CLUSTER", value="{name: b}", match=BOUND),
            patch("INSERT_AFTER", "CLUSTER", value="{}", match=BY_CHAIN),
            "IST0151",
        ),
    ],
)
def test_a_patch_after_one_for_a_proxy_version(first: str, second: str, expected: str) -> None:
    assert found(PATCHES, envoy_filter(first, second)) == {(expected, "EnvoyFilter shop/f")}
    apart = envoy_filter(first, name="a") + envoy_filter(second, name="b")
    assert found(PATCHES, apart) == {(expected, "EnvoyFilter shop/b")}


def test_a_patch_for_a_version_is_not_bound_to_itself() -> None:
    assert found(PATCHES, envoy_filter(patch("INSERT_AFTER", "CLUSTER", match=BOUND))) == {
        ("IST0151", "EnvoyFilter shop/f")
    }


def test_nothing_behind_an_entry_without_patch_is_looked_at() -> None:
    odd = "{applyTo: CLUSTER}"
    assert not found(PATCHES, envoy_filter(odd, patch("ADD", "HTTP_ROUTE")))
    assert found(PATCHES, envoy_filter(patch("ADD", "HTTP_ROUTE"), odd))


@pytest.mark.parametrize(
    ("written", "is_found"),
    [
        ("VirtualService {http: [{fault: {delay: {percent: 5}}}]}", True),
        ("VirtualService {http: [{fault: {delay: {percent: 0}}}]}", False),
        ("VirtualService {http: [{fault: {delay: {percentage: {value: 5}}}}]}", False),
        ("VirtualService {tcp: [{fault: {delay: {percent: 5}}}]}", False),
        ("Sidecar {outboundTrafficPolicy: {egressProxy: {host: a}}}", True),
        ("Sidecar {outboundTrafficPolicy: {mode: ALLOW_ANY}}", False),
        ("CustomResourceDefinition {group: rbac.istio.io, names: {kind: ServiceRole}}", True),
        ("CustomResourceDefinition {group: rbac.istio.io, names: {kind: Role}}", False),
        ("CustomResourceDefinition {group: example.com, names: {kind: ServiceRole}}", False),
    ],
)
def test_what_is_deprecated(written: str, is_found: bool) -> None:
    kind, _, spec = written.partition(" ")
    it = yaml(kind, "it", f"spec: {spec}")
    assert found(DEPRECATED, it) == ({("IST0002", f"{kind} it")} if is_found else set())
