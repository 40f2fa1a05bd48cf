"""Sidecars and Telemetries (istioctl-analyze.md, sidecar.SelectorAnalyzer and telemetry.*)."""

from __future__ import annotations

import pytest

from meshtui.mesh.kinds import NAMESPACE, POD, Kind
from tests.mesh.doctor.written import Pairs, cluster, examined, found, yaml

SIDECARS, TELEMETRIES = "sidecar.SelectorAnalyzer", "telemetry.SelectorAnalyzer"
WIDE = "telemetry.DefaultSelectorAnalyzer"
PROVIDERS, LIGHTSTEP = "telemetry.ProviderAnalyzer", "telemetry.LightstepAnalyzer"
LABELS = {"app": "cart", "version": "v1"}
AMBIENT = {"istio.io/dataplane-mode": "ambient"}
CART = yaml("Pod", "cart", namespace="shop", labels=LABELS)
REDIRECTED = yaml(
    "Pod",
    "cart",
    namespace="shop",
    labels=LABELS,
    annotations={"ambient.istio.io/redirection": "enabled"},
)


def sidecar(name: str, labels: str = "", namespace: str = "shop") -> str:
    spec = f"{{workloadSelector: {{labels: {labels}}}}}" if labels else "{}"
    return yaml("Sidecar", name, f"spec: {spec}", namespace=namespace)


def telemetry(name: str, spec: str, namespace: str = "shop") -> str:
    return yaml("Telemetry", name, f"spec: {spec}", namespace=namespace)


def shop(**labels: str) -> str:
    return yaml("Namespace", "shop", labels={**AMBIENT, **labels})


def each(code: str, kind: str, *names: str) -> Pairs:
    return {(code, f"{kind} shop/{name}") for name in names}


BOTH = sidecar("a", "{app: cart}") + sidecar("b", "{version: v1}")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (CART + sidecar("a", "{app: cart}"), set()),
        (CART + sidecar("a", "{app: card}"), each("IST0101", "Sidecar", "a")),
        (sidecar("a", "{app: cart}"), each("IST0101", "Sidecar", "a")),
        (CART + BOTH, each("IST0110", "Sidecar", "a", "b")),
        (
            CART + sidecar("a", "{app: cart}") + sidecar("b", "{version: v2}"),
            each("IST0101", "Sidecar", "b"),
        ),
        (CART + sidecar("a", "{app: cart}") + sidecar("b"), set()),
        (REDIRECTED + sidecar("a", "{app: cart}"), each("IST0167", "Sidecar", "a")),
        (REDIRECTED + BOTH, each("IST0167", "Sidecar", "a", "b")),  # and they do not clash
        (sidecar("a"), set()),
        (sidecar("a") + sidecar("b", namespace="other"), set()),
        (sidecar("a") + sidecar("b", "{}"), each("IST0111", "Sidecar", "a", "b")),
        (shop() + sidecar("a"), each("IST0167", "Sidecar", "a")),
        (
            shop(**{"istio-injection": "enabled"}) + sidecar("a") + sidecar("b"),
            each("IST0111", "Sidecar", "a", "b"),
        ),
        (shop(**{"istio.io/rev": "canary"}) + sidecar("a"), set()),
    ],
)
def test_sidecars(written: str, expected: Pairs) -> None:
    other = yaml("Pod", "elsewhere", namespace="other", labels={"app": "card"})
    assert found(SIDECARS, written + other) == expected


@pytest.mark.parametrize("unread", [POD, NAMESPACE], ids=str)
def test_nothing_is_missed_while_not_all_is_known(unread: Kind) -> None:
    written = sidecar("a", "{app: cart}") + sidecar("b") + sidecar("c")
    result = examined(SIDECARS, cluster(written, unread=[unread]))
    assert not result.findings
    assert {it.rule.code for it in result.unsure} == {"IST0101", "IST0110", "IST0111", "IST0167"}


BY_APP = telemetry("a", "{selector: {matchLabels: {app: cart}}}")
BY_VERSION = telemetry("b", "{selector: {matchLabels: {version: v1}}}")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (CART + BY_APP, set()),
        (BY_APP, each("IST0101", "Telemetry", "a")),
        (telemetry("a", "{selector: {}}"), set()),
        (CART + BY_APP + BY_VERSION, each("IST0159", "Telemetry", "a", "b")),
        (REDIRECTED + BY_APP + BY_VERSION, each("IST0159", "Telemetry", "a", "b")),
        (CART + BY_APP + telemetry("b", "{}"), set()),
    ],
)
def test_telemetries_that_select(written: str, expected: Pairs) -> None:
    assert found(TELEMETRIES, written) == expected


def test_telemetries_of_a_whole_namespace() -> None:
    one, other = telemetry("a", "{}"), telemetry("b", "{tracing: []}")
    assert found(WIDE, one + other) == each("IST0160", "Telemetry", "a", "b")
    assert not found(WIDE, one + telemetry("b", "{}", namespace="other"))
    assert not found(WIDE, one + telemetry("b", "{selector: {}}"))


@pytest.mark.parametrize(
    ("spec", "is_found"),
    [
        ("{accessLogging: [{}]}", True),
        ("{accessLogging: [{providers: []}]}", True),
        ("{accessLogging: [{providers: [{name: envoy}]}]}", False),
        ("{accessLogging: [{disabled: true}]}", False),
        ("{accessLogging: [{disabled: false}]}", True),
        ("{accessLogging: [{providers: [{name: envoy}]}, {}]}", True),
        ("{accessLogging: []}", False),
        ("{tracing: [{}]}", False),
    ],
)
def test_access_logs_without_provider(spec: str, is_found: bool) -> None:
    expected = each("IST0157", "Telemetry", "a") if is_found else set()
    assert found(PROVIDERS, telemetry("a", spec)) == expected
    assert found(PROVIDERS, telemetry("a", spec), "defaultProviders: {tracing: [a]}") == expected
    assert not found(PROVIDERS, telemetry("a", spec), "defaultProviders: {accessLogging: [envoy]}")


@pytest.mark.parametrize(
    ("provider", "is_found"), [("old", True), ("new", False), ("missing", False)]
)
def test_lightstep(provider: str, is_found: bool) -> None:
    mesh = "extensionProviders: [{name: old, lightstep: {port: 1}}, {name: new, zipkin: {port: 1}}]"
    it = telemetry("a", f"{{tracing: [{{providers: [{{name: {provider}}}]}}]}}")
    assert found(LIGHTSTEP, it, mesh) == (each("IST0002", "Telemetry", "a") if is_found else set())
    assert not found(LIGHTSTEP, it)
