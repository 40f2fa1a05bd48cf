"""Webhooks (istioctl-analyze.md, webhook.Analyzer and externalcontrolplane.ExternalControlPlaneAnalyzer)."""

from __future__ import annotations

import pytest

from meshtui.mesh.kinds import SERVICE
from tests.mesh.doctor.written import Pairs, cluster, examined, found, narrowed, yaml

INVALID = "webhook.Analyzer"
ADDRESSES = "externalcontrolplane.ExternalControlPlaneAnalyzer"
ISTIOD = yaml("Service", "istiod", namespace="istio-system")
TO_ISTIOD = "clientConfig: {service: {name: istiod, namespace: istio-system}}"


def webhooks(name: str, *selectors: str, hook: str = "a.istio.io", revision: str = "") -> str:
    listed = ", ".join(f"{{name: {hook}, {TO_ISTIOD}, {each}}}" for each in selectors)
    labels = {"istio.io/rev": revision} if revision else {}
    return yaml("MutatingWebhookConfiguration", name, f"webhooks: [{listed}]", labels=labels)


def overlap(*names: str) -> Pairs:
    return {("IST0139", f"MutatingWebhookConfiguration {name}") for name in names}


def in_namespaces(labels: str = "", *expressions: str) -> str:
    asked = f"matchLabels: {{{labels}}}, matchExpressions: [{', '.join(expressions)}]"
    return f"namespaceSelector: {{{asked}}}"


def of_revision(revision: str) -> str:
    return in_namespaces("", f"{{key: istio.io/rev, operator: In, values: [{revision}]}}")


ENABLED = in_namespaces("istio-injection: enabled")
DISABLED = in_namespaces("istio-injection: disabled")
TEAM = in_namespaces("team: a")
CHOSEN = f"{ENABLED}, objectSelector: {{matchLabels: {{sidecar.istio.io/inject: 'true'}}}}"
REFUSED = f"{ENABLED}, objectSelector: {{matchLabels: {{sidecar.istio.io/inject: 'false'}}}}"
ODD = f"{ENABLED}, objectSelector: {{matchExpressions: [{{key: a, operator: Odd}}]}}"


@pytest.mark.parametrize(
    ("first", "second", "overlaps"),
    [
        (ENABLED, ENABLED, True),
        (ENABLED, DISABLED, False),
        ("rules: []", ENABLED, True),  # without selector it takes all
        (ENABLED, of_revision("canary"), True),  # a namespace may have both labels
        (
            in_namespaces(
                "istio-injection: enabled", "{key: istio.io/rev, operator: DoesNotExist}"
            ),
            of_revision("canary"),
            False,
        ),
        (of_revision("canary"), of_revision("stable"), False),
        (of_revision("canary"), of_revision("canary"), True),
        (CHOSEN, REFUSED, False),
        (CHOSEN, ENABLED, True),
        (ODD, ENABLED, False),
        (TEAM, TEAM, False),  # only Istio's own labels are tried
    ],
)
def test_webhooks_that_take_the_same_pods(first: str, second: str, overlaps: bool) -> None:
    apart = ISTIOD + webhooks("one", first) + webhooks("two", second)
    assert found(INVALID, apart) == (overlap("one", "two") if overlaps else set())
    together = ISTIOD + webhooks("one", first, second)
    assert found(INVALID, together) == (overlap("one") if overlaps else set())


def test_only_webhooks_of_istio_count() -> None:
    foreign = webhooks("two", ENABLED, hook="a.example.com")
    assert not found(INVALID, ISTIOD + webhooks("one", ENABLED) + foreign)
    tagged = webhooks("two", ENABLED, hook="a.example.com", revision="canary")
    assert found(INVALID, ISTIOD + webhooks("one", ENABLED) + tagged) == overlap("one", "two")


def test_a_webhook_that_leads_to_no_service() -> None:
    assert found(INVALID, webhooks("one", ENABLED)) == overlap("one")
    assert not found(INVALID, ISTIOD + webhooks("one", ENABLED))
    by_url = "webhooks: [{name: a.istio.io, clientConfig: {url: 'https://istiod.example.com'}}]"
    assert not found(INVALID, yaml("MutatingWebhookConfiguration", "one", by_url))
    written = cluster(webhooks("one", ENABLED))
    for unknown in (
        cluster(webhooks("one", ENABLED), unread=[SERVICE]),
        narrowed(written, SERVICE, "shop"),
    ):
        result = examined(INVALID, unknown)
        assert not result.findings
        assert result.unsure
    assert examined(INVALID, narrowed(written, SERVICE, "istio-system")).findings


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        ("{url: 'https://istiod.example.com:15017/inject'}", set()),
        ("{url: 'https://istiod.example.com/inject/cluster/c/net/n?a=%zz'}", set()),
        ("{service: {name: istiod}}", set()),
        ("{}", {"IST0163"}),
        ("null", {"IST0163"}),
        ("{url: ''}", {"IST0163"}),
        ("{url: 'https://10.0.0.1:15017/inject'}", {"IST0164"}),
        ("{url: 'https://[2001:db8::1]:15017/inject'}", {"IST0164"}),
        ("{url: '10.0.0.1:15017/inject'}", {"IST0163"}),
        ("{url: ':15017'}", {"IST0163"}),
        ("{url: 'https://istiod.example.com:port/'}", {"IST0163"}),
        ("{url: 'https://istiod.example.com:80:81/'}", {"IST0163"}),
        ("{url: 'https://istiod example.com/'}", {"IST0163"}),
        ("{url: 'https://[2001:db8::1/'}", {"IST0163"}),
        ("{url: 'https://istiod.example.com/%zz'}", {"IST0163"}),
        (r'{url: "https://istiod.example.com/\n"}', {"IST0163"}),
    ],
)
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("MutatingWebhookConfiguration", "istio-sidecar-injector"),
        ("MutatingWebhookConfiguration", "istio-sidecar-injector-canary"),
        ("ValidatingWebhookConfiguration", "istiod-default-validator"),
        ("ValidatingWebhookConfiguration", "istio-validator-istio-system"),
    ],
)
def test_addresses(kind: str, name: str, client: str, expected: set[str]) -> None:
    written = yaml(kind, name, f"webhooks: [{{name: a.istio.io, clientConfig: {client}}}]")
    assert found(ADDRESSES, written) == {(code, f"{kind} {name}") for code in expected}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("MutatingWebhookConfiguration", "istio-revision-tag-default"),
        ("ValidatingWebhookConfiguration", "istiod-default-validator-2"),
        ("ValidatingWebhookConfiguration", "istio-sidecar-injector"),
    ],
)
def test_addresses_of_other_webhooks_are_not_looked_at(kind: str, name: str) -> None:
    assert not found(ADDRESSES, yaml(kind, name, "webhooks: [{name: a.istio.io}]"))
