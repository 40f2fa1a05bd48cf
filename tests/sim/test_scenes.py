"""The scenes: that they load, tell their story, are the same for the same seed, and agree with the recording."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import h11
import msgspec
import pytest

from meshtui.sim import scenes
from meshtui.sim.behaviour.cluster import Cluster
from meshtui.sim.kinds import (
    AUTHORIZATION_POLICY,
    DEPLOYMENT,
    EVENT,
    GATEWAY,
    GATEWAY_CLASS,
    GRPC_ROUTE,
    HTTP_ROUTE,
    KINDS,
    NAMESPACE,
    POD,
    SECRET,
    SERVICE,
    Kind,
)
from meshtui.sim.scenes.reading import duration
from tests.recordings import DATA
from tests.sim import recorded
from tests.sim.bench import redirection

Raw = dict[str, Any]
NOW = datetime(2026, 11, 25, 14, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def shop() -> Cluster:
    return scenes.load("shop", now=lambda: NOW)


@pytest.fixture
def ghost() -> Cluster:
    return scenes.load("ghost", now=lambda: NOW)


def dumps(cluster: Cluster) -> list[Raw]:
    return [msgspec.json.decode(each.dump()) for each in cluster.ztunnels]


def unproxied(cluster: Cluster) -> list[str]:
    """The pods that are annotated, HBONE in every dump, and proxied by no ztunnel."""
    found = dumps(cluster)
    up = {uid for dump in found for uid in dump["workloadState"]}
    listed = [{w["name"] for w in dump["workloads"] if w["protocol"] == "HBONE"} for dump in found]
    return [
        f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        for pod in cluster.store.list(POD)
        if redirection(pod) == "enabled"
        and all(pod["metadata"]["name"] in names for names in listed)
        and pod["metadata"]["uid"] not in up
    ]


def test_there_are_scenes_and_each_says_what_it_shows() -> None:
    assert set(scenes.names()) == {"shop", "calm", "ghost", "bypass", "blocked", "roots", "bare"}
    for name in scenes.names():
        assert 20 < len(scenes.about(name)) < 160
    with pytest.raises(LookupError, match=r'"nowhere".*ghost.*shop'):
        scenes.load("nowhere")


def test_durations_are_read_and_nonsense_is_refused() -> None:
    assert duration("41d") == timedelta(days=41)
    assert duration("90s") == timedelta(seconds=90)
    with pytest.raises(ValueError, match="no duration"):
        duration("soon")


def test_the_same_seed_and_time_give_the_same_cluster() -> None:
    def everything(seed: int) -> bytes:
        cluster = scenes.load("shop", now=lambda: NOW, seed=seed)
        objects = {
            str(kind): cluster.store.list(kind)
            for kind in KINDS
            if kind.group not in ("apiextensions.k8s.io", "rbac.authorization.k8s.io")
        }
        logs = [line.text for each in cluster.ztunnels for line in each.log.lines]
        text = json.dumps([objects, dumps(cluster), logs], sort_keys=True)
        return text.encode()

    assert everything(7) == everything(7)
    assert everything(7) != everything(8)


# Against the recording: objects of the same name and meaning have the same conditions

_SAME = [
    (SERVICE, "istio.io/WaypointBound"),
    (AUTHORIZATION_POLICY, ""),
    (GATEWAY_CLASS, ""),
]


def said(conditions: list[Raw]) -> list[tuple[Any, ...]]:
    return sorted((c["type"], c["status"], c["reason"], c["message"]) for c in conditions)


@pytest.mark.parametrize(("kind", "only"), _SAME, ids=str)
def test_conditions_are_those_of_the_recorded_mesh(shop: Cluster, kind: Kind, only: str) -> None:
    compared = 0
    for theirs in recorded.shop().list(kind):
        metadata = theirs["metadata"]
        ours = shop.store.get(kind, metadata.get("namespace", ""), metadata["name"])
        assert ours is not None, metadata["name"]
        known = theirs.get("status", {}).get("conditions", [])
        written = ours.get("status", {}).get("conditions", [])
        assert said(written) == said(known), metadata["name"]
        compared += len(known)
    assert compared


@pytest.mark.parametrize("kind", [HTTP_ROUTE, GRPC_ROUTE], ids=str)
def test_routes_say_what_those_of_the_recorded_mesh_say(shop: Cluster, kind: Kind) -> None:
    for theirs in recorded.shop().list(kind):
        ours = shop.store.need(kind, theirs["metadata"]["namespace"], theirs["metadata"]["name"])
        pairs = zip(ours["status"]["parents"], theirs["status"]["parents"], strict=True)
        for our_parent, their_parent in pairs:
            assert said(our_parent["conditions"]) == said(their_parent["conditions"])


def test_gateways_say_what_those_of_the_recorded_mesh_say(shop: Cluster) -> None:
    for theirs in recorded.shop().list(GATEWAY):
        metadata = theirs["metadata"]
        ours = shop.store.need(GATEWAY, metadata["namespace"], metadata["name"])["status"]
        for our_one, their_one in zip(
            ours["listeners"], theirs["status"]["listeners"], strict=True
        ):
            assert our_one["attachedRoutes"] == their_one["attachedRoutes"], metadata["name"]
            assert said(our_one["conditions"]) == said(their_one["conditions"])
        if metadata["name"] != "public":  # here a load balancer gives it an address
            assert said(ours["conditions"]) == said(theirs["status"]["conditions"])


# The shop


def test_the_shop_is_healthy_but_for_its_warts(shop: Cluster) -> None:
    pods = shop.store.list(POD)
    assert all(pod["status"]["phase"] == "Running" for pod in pods)
    assert unproxied(shop) == []
    captured = Counter((pod["metadata"]["namespace"], redirection(pod) is not None) for pod in pods)
    assert captured["payments", True] == 3
    assert captured["plain", True] == captured["legacy", True] == captured["edge", True] == 0
    assert (captured["batch", True], captured["batch", False]) == (1, 2), "missed, and opted out"
    assert captured["shop", False] == 1, "the waypoint"
    (httpbin,) = shop.store.list(POD, "legacy")
    assert "sidecar.istio.io/status" in httpbin["metadata"]["annotations"]


def test_one_ztunnel_of_the_shop_is_of_an_older_version(shop: Cluster) -> None:
    found = {dump["config"]["localNode"]: dump["version"]["istioVersion"] for dump in dumps(shop)}
    assert found == {"node-0": "1.31.0", "node-1": "1.31.0", "node-2": "1.30.4"}
    images = {
        container["image"].rpartition(":")[2]
        for deployment in shop.store.list(DEPLOYMENT)
        for container in deployment["spec"]["template"]["spec"]["containers"]
        if "proxyv2" in container["image"] or "pilot" in container["image"]
    }
    assert images == {"1.31.0-distroless"}, "istiod renders its gateways anew after an upgrade"


def test_the_shop_has_a_past(shop: Cluster) -> None:
    ages = {
        space["metadata"]["name"]: space["metadata"]["creationTimestamp"][:10]
        for space in shop.store.list(NAMESPACE)
    }
    assert ages["shop"] == "2026-10-15"
    assert ages["istio-system"] == "2026-04-27"
    assert shop.store.list(EVENT), "something happened within the last hour"
    assert all(
        event["metadata"]["creationTimestamp"] > "2026-11-25T13:02"
        for event in shop.store.list(EVENT)
    )


def test_nothing_holds_a_private_key(shop: Cluster) -> None:
    values = [
        (key, base64.b64decode(value))
        for secret in shop.store.list(SECRET)
        for key, value in secret["data"].items()
    ]
    assert {key for key, value in values if not value} == {"ca-key.pem", "tls.key"}
    for _, value in values:
        assert b"PRIVATE" not in value


def test_logs_tell_of_calls_and_refusals(shop: Cluster) -> None:
    lines = [
        line.text for each in shop.ztunnels for line in each.log.lines if "\taccess\t" in line.text
    ]
    refusals = [line for line in lines if "policy rejection" in line]
    assert len(lines) > 300
    assert 0.01 < len(refusals) / len(lines) < 0.2
    assert any("istio_converted_static_strict" in line for line in refusals)
    assert any("maybe a NetworkPolicy" in line for line in lines)


# The ghost


def test_the_ghost_is_enrolled_by_all_and_proxied_by_none(ghost: Cluster) -> None:
    (found,) = unproxied(ghost)
    assert found.startswith("shop/checkout-")
    pod = ghost.store.need(POD, *found.split("/"))
    ready = next(each for each in pod["status"]["conditions"] if each["type"] == "Ready")
    assert (pod["status"]["phase"], ready["status"]) == ("Running", "True")
    state = json.dumps(ghost.store.list(POD))
    assert "ghost" not in state
    assert "meshtui" not in state

    ghost.store.delete(POD, *found.split("/"))
    ghost.settle()
    assert unproxied(ghost) == []


# Many pods


def test_a_scene_can_be_filled() -> None:
    before = len(scenes.load("shop", now=lambda: NOW).store.list(POD))
    cluster = scenes.load("shop", pods=420, now=lambda: NOW)
    ours = [
        pod for pod in cluster.store.list(POD) if pod["metadata"]["namespace"].startswith("team-")
    ]
    waypoints = [pod for pod in ours if pod["metadata"]["name"].startswith("waypoint")]
    assert len(ours) - len(waypoints) == 420
    assert len(cluster.store.list(POD)) > before + 420, "and what runs on the new nodes"
    assert unproxied(cluster) == []
    spaces = {pod["metadata"]["namespace"] for pod in ours}
    assert len(spaces) == 12
    captured = Counter(redirection(pod) for pod in ours if pod not in waypoints)
    assert captured["enabled"] > 0.8 * 420
    assert len(dumps(cluster)) == 3 + 12


# What is reached in pods


async def get(
    cluster: Cluster, namespace: str, pod: str, port: int, path: str
) -> tuple[int, bytes]:
    handler = cluster.kubelet.port(namespace, pod, port)
    assert handler is not None, "connection refused"
    client, wire, answer = h11.Connection(h11.CLIENT), asyncio.StreamReader(), Wire()
    request = h11.Request(method="GET", target=path, headers=[("Host", "localhost")])
    wire.feed_data((client.send(request) or b"") + (client.send(h11.EndOfMessage()) or b""))
    wire.feed_eof()
    await handler(wire, answer)
    client.receive_data(bytes(answer.sent))
    status, body = 0, b""
    while not isinstance(event := client.next_event(), h11.EndOfMessage):
        if isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
    return status, body


class Wire:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.sent = bytearray()

    def write(self, data: bytes) -> None:
        self.sent += data

    async def drain(self) -> None: ...
    def close(self) -> None: ...


def name_of(cluster: Cluster, namespace: str, label: str, value: str) -> str:
    found: str = next(
        pod["metadata"]["name"]
        for pod in cluster.store.list(POD, namespace)
        if pod["metadata"]["labels"].get(label) == value
    )
    return found


async def test_ports_answer_as_those_of_the_real_programs(shop: Cluster) -> None:
    system = "istio-system"
    ztunnel = name_of(shop, system, "app", "ztunnel")
    status, body = await get(shop, system, ztunnel, 15000, "/config_dump")
    assert status == 200
    assert msgspec.json.decode(body)["config"]["ztunnelWorkload"]["name"] == ztunnel
    status, body = await get(shop, system, ztunnel, 15020, "/metrics")
    assert (status, body.splitlines()[-1]) == (200, b"# EOF")
    assert await get(shop, system, ztunnel, 15021, "/healthz/ready") == (200, b"ready\n")
    assert (await get(shop, system, ztunnel, 15000, "/certs"))[0] == 404
    assert (await get(shop, system, ztunnel, 15000, "/logging"))[0] == 405
    assert shop.kubelet.port(system, ztunnel, 8080) is None

    istiod = name_of(shop, system, "app", "istiod")
    status, body = await get(shop, system, istiod, 15014, "/version")
    # reference istio-ambient.md, 3.4: VERSION-GITSHA-STATUS, split from the right
    assert body.decode().rsplit("-", 2)[0] == "1.31.0"
    agent = name_of(shop, system, "k8s-app", "istio-cni-node")
    status, body = await get(shop, system, agent, 15014, "/metrics")
    assert b"\nztunnel_connected 1\n" in body
    web = name_of(shop, "shop", "app", "storefront")
    assert (await get(shop, "shop", web, 8080, "/"))[0] == 200
    assert shop.kubelet.port("shop", web, 15000) is None


async def test_every_proxy_is_connected_to_one_istiod(shop: Cluster) -> None:
    found: list[Raw] = []
    for pod in shop.store.list(POD, "istio-system"):
        if pod["metadata"]["labels"].get("app") == "istiod":
            name = pod["metadata"]["name"]
            _, body = await get(shop, "istio-system", name, 15014, "/debug/syncz")
            found += msgspec.json.decode(body)
    kinds = Counter(each["proxy_type"] for each in found)
    assert kinds == {"ztunnel": 3, "waypoint": 2, "router": 1, "sidecar": 1}
    (known,) = json.loads((DATA / "shop" / "istiod.debug.syncz.json").read_bytes())
    one = next(each for each in found if each["proxy_type"] == "ztunnel")
    assert known.keys() <= one.keys()
    assert known["resources"].keys() == one["resources"].keys()
    for kind, sync in known["resources"].items():
        assert one["resources"][kind].keys() == sync.keys()


def test_logs_are_those_of_the_containers(shop: Cluster) -> None:
    ztunnel = name_of(shop, "istio-system", "app", "ztunnel")
    log = shop.kubelet.log("istio-system", ztunnel, "istio-proxy", previous=False)
    assert log is not None
    assert "version.BuildInfo" in log.lines[0].text
    web = name_of(shop, "shop", "app", "storefront")
    log = shop.kubelet.log("shop", web, "app", previous=False)
    assert log is not None
    assert log.lines
    assert shop.kubelet.log("shop", web, "other", previous=False) is None
    assert shop.kubelet.log("shop", web, "app", previous=True) is None
