"""Switches: whether a proxy's access log is on, by Telemetry and mesh config (istio-ambient.md, 5.5)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from hypothesis import given

from meshtui.mesh import meshconfig, raw
from meshtui.mesh.access import switches
from meshtui.mesh.access.switches import State
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import CONFIGMAP, POD, TELEMETRY, Kind
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Phase, Problem, Scope, Snapshot, Source, Trouble
from tests.anything import damaged
from tests.recordings import snapshot as recorded

WAYPOINT = {
    "metadata": {
        "name": "waypoint-1",
        "namespace": "shop",
        "labels": {
            "gateway.networking.k8s.io/gateway-name": "waypoint",
            "gateway.istio.io/managed": "istio.io-mesh-controller",
        },
    }
}
GATEWAY = {
    "metadata": {
        "name": "public-1",
        "namespace": "shop",
        "labels": {
            "gateway.networking.k8s.io/gateway-name": "public",
            "gateway.istio.io/managed": "istio.io-gateway-controller",
            "app": "public",
        },
    }
}


def telemetry(namespace: str, spec: str, name: str = "logs", day: int = 1) -> Raw:
    created = f"2026-01-{day:02}T00:00:00Z"
    metadata = {"name": name, "namespace": namespace, "creationTimestamp": created}
    return {"metadata": metadata, "spec": yaml.safe_load(spec)}


def cluster(*telemetries: Raw, mesh: str = "{}", pods: tuple[Raw, ...] = (WAYPOINT,)) -> Snapshot:
    config = {
        "metadata": {"name": "istio", "namespace": "istio-system"},
        "data": {"mesh": mesh},
    }
    objects: dict[Kind, list[Raw]] = {
        POD: list(pods),
        TELEMETRY: list(telemetries),
        CONFIGMAP: [config],
    }
    sources = [Scope(POD), Scope(TELEMETRY), meshconfig.SCOPE]
    return Snapshot(
        datetime(2026, 1, 9, tzinfo=UTC),
        objects={kind: {raw.key(it): it for it in found} for kind, found in objects.items()},
        sources={scope: Source(Phase.LIVE) for scope in sources},
    )


def state(found: Snapshot) -> State:
    (switch,) = switches.of(found)
    return switch.state


ENVOY = "accessLogging: [{providers: [{name: envoy}]}]"
DISABLED = "accessLogging: [{disabled: true}]"
MINE = "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: waypoint}]\n"


@pytest.mark.parametrize(
    ("mesh", "expected"),
    [
        ("{}", State.OFF),
        ('accessLogFile: ""', State.OFF),
        ("accessLogFile: /dev/stdout", State.ON),
        ("accessLogFile: /var/log/it", State.OFF),
        ("{accessLogFile: /dev/stdout, accessLogEncoding: JSON}", State.ON),
        ("{accessLogFile: /dev/stdout, accessLogFormat: '%PATH%'}", State.PART),
        ("defaultProviders: {accessLogging: [envoy]}", State.ON),
        ("[", State.UNKNOWN),
    ],
)
def test_mesh_config_decides_where_no_telemetry_does(mesh: str, expected: State) -> None:
    assert state(cluster(mesh=mesh)) is expected


def test_each_level_outweighs_the_one_before() -> None:
    of_mesh, of_namespace = telemetry("istio-system", ENVOY), telemetry("shop", DISABLED)
    own = telemetry("shop", MINE + ENVOY, "own")
    assert state(cluster(of_mesh)) is State.ON
    assert state(cluster(of_mesh, of_namespace)) is State.OFF
    assert state(cluster(of_mesh, of_namespace, own)) is State.ON
    assert state(cluster(telemetry("payments", ENVOY))) is State.OFF


def test_of_two_at_one_level_the_oldest_holds() -> None:
    older, younger = telemetry("shop", ENVOY, "z", 1), telemetry("shop", DISABLED, "a", 2)
    assert state(cluster(older, younger)) is State.ON


def test_a_selector_takes_a_gateway_and_no_waypoint() -> None:
    selecting = telemetry("shop", "selector: {matchLabels: {app: public}}\n" + ENVOY)
    assert state(cluster(selecting, pods=(GATEWAY,))) is State.ON
    labels = {**WAYPOINT["metadata"]["labels"], "app": "public"}  # type: ignore[dict-item]
    waypoint = {"metadata": {**WAYPOINT["metadata"], "labels": labels}}
    assert state(cluster(selecting, pods=(waypoint,))) is State.OFF


def test_what_is_sent_elsewhere_is_not_in_the_log() -> None:
    mesh = """
    accessLogFile: /dev/stdout
    extensionProviders:
    - {name: otel, envoyOtelAls: {service: otel.svc, port: 4317}}
    - {name: text, envoyFileAccessLog: {path: /dev/stdout}}
    - {name: own, envoyFileAccessLog: {path: /dev/stdout, logFormat: {text: "%PATH%"}}}
    """
    expected = {"otel": State.OFF, "text": State.ON, "own": State.PART, "gone": State.OFF}
    for provider, wanted in expected.items():
        asked = telemetry("shop", ENVOY.replace("envoy", provider))
        assert state(cluster(asked, mesh=mesh)) is wanted


def test_a_filter_leaves_some_out() -> None:
    spec = (
        "accessLogging: [{providers: [{name: envoy}], filter: {expression: response.code >= 500}}]"
    )
    (switch,) = switches.of(cluster(telemetry("shop", spec)))
    assert switch.state is State.PART
    assert switch.verdict.health is Health.UNKNOWN


def test_what_could_not_be_read_decides_nothing() -> None:
    found = cluster(telemetry("shop", ENVOY))
    problem = Problem(Trouble.FORBIDDEN, "jane may not list telemetries")
    found.sources[Scope(TELEMETRY)] = Source(Phase.FORBIDDEN, problem=problem)  # type: ignore[index]
    (switch,) = switches.of(found)
    assert (switch.state, switch.says) == (State.UNKNOWN, problem.text)


def test_telemetry_need_not_be_installed() -> None:
    found = cluster(mesh="accessLogFile: /dev/stdout")
    found.sources[Scope(TELEMETRY)] = Source(Phase.ABSENT)  # type: ignore[index]
    assert state(found) is State.ON


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("", State.ON),
        ("info", State.ON),
        ("warn", State.ON),  # a failure is an error
        ("access=off,info", State.OFF),
        ("off,access=info", State.ON),
        ("off", State.OFF),
    ],
)
def test_a_ztunnel_writes_unless_it_is_told_not_to(level: str, expected: State) -> None:
    ztunnel = {
        "metadata": {"name": "z", "namespace": "istio-system", "labels": {"app": "ztunnel"}},
        "spec": {"containers": [{"env": [{"name": "RUST_LOG", "value": level}]}]},
    }
    assert state(cluster(pods=(ztunnel,))) is expected


def test_the_recorded_mesh_has_the_ztunnels_on_and_the_rest_off() -> None:
    """The mesh config that was recorded says nothing of access logs."""
    found = switches.of(recorded("shop"))
    assert {(each.part, each.state) for each in found if each.part == "ztunnel"} == {
        ("ztunnel", State.ON)
    }
    rest = [each for each in found if each.part != "ztunnel"]
    assert {each.part for each in rest} == {"waypoint", "gateway"}


@given(damaged(telemetry("shop", MINE + ENVOY)))
def test_no_telemetry_breaks_it(written: Any) -> None:
    if isinstance(written, dict):
        for each in switches.of(cluster(written, pods=(WAYPOINT, GATEWAY))):
            assert each.says
