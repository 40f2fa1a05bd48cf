"""Envoy: what is read of a real one, what the built-in cluster's say in the same form, and what is odd."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import h11
import msgspec
import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from meshtui.mesh import envoy
from meshtui.mesh.kinds import POD as POD_KIND
from meshtui.mesh.log_levels import LevelChange, Proxy
from meshtui.mesh.service_counters import Requests, read_requests
from meshtui.mesh.snapshot import Ref
from meshtui.sim import scenes
from meshtui.sim.behaviour.cluster import Cluster
from meshtui.sim.kinds import POD
from meshtui.sim.objects import labels
from tests import envoys
from tests.anything import JSON
from tests.envoys import Admin

PAGES = ("/clusters?format=json", "/listeners?format=json", "/certs", "/server_info")
READERS: dict[str, Callable[[bytes], Any]] = {
    "/clusters?format=json": envoy.read_clusters,
    "/listeners?format=json": envoy.read_listeners,
    "/certs": envoy.read_certificates,
    "/server_info": envoy.read_server_info,
}


@pytest.fixture(scope="module")
def admin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Admin]:
    with envoys.running(tmp_path_factory.mktemp("envoy")) as found:
        yield found


def test_the_clusters_of_a_real_one_with_the_endpoint_that_fails(admin: Admin) -> None:
    [cluster] = envoy.read_clusters(admin.get(PAGES[0]))
    assert cluster.told == (envoys.HOST, "8080")
    assert {each.address for each in cluster.endpoints} == {
        f"127.0.0.1:{admin.served}",
        f"127.0.0.1:{admin.dead}",
    }
    [failing] = cluster.unhealthy
    assert failing.address == f"127.0.0.1:{admin.dead}"
    assert "fails its health check" in failing.why


def test_the_listeners_of_a_real_one(admin: Admin) -> None:
    [listener] = envoy.read_listeners(admin.get(PAGES[1]))
    assert listener == envoy.Listener("connect_terminate", (f"127.0.0.1:{admin.served}",))


def test_the_certificates_of_a_real_one_are_those_that_it_was_given(admin: Admin) -> None:
    own, ca = envoy.read_certificates(admin.get(PAGES[2]))
    assert (own.trusted, ca.trusted) == (False, True)
    path = msgspec.json.decode(admin.get(PAGES[2]))["certificates"][0]["cert_chain"][0]["path"]
    with open(path, "rb") as file:  # noqa: PTH123
        given_ = x509.load_pem_x509_certificate(file.read())
    assert int(own.serial, 16) == given_.serial_number
    assert own.not_after == given_.not_valid_after_utc
    assert own.not_before == given_.not_valid_before_utc
    assert own.names


def test_how_a_real_one_was_started(admin: Admin) -> None:
    found = envoy.read_server_info(admin.get(PAGES[3]))
    assert (found.state, found.level, found.istio) == ("LIVE", "warning, misc=error", "1.31.0")
    assert found.version.count(".") == 2


def test_the_levels_of_a_real_one_are_set_and_set_back(admin: Admin) -> None:
    before = admin.get("/logging", "POST")
    change = LevelChange(
        target=Ref(POD_KIND, "shop", "waypoint"), uid="", proxy=Proxy.ENVOY, level="debug"
    ).known(before)
    assert change.before == "warning, misc=error"
    for target in change.posts:
        assert b"  misc: debug\n" in admin.get(target, "POST")
    for target in change.backwards.posts:
        admin.get(target, "POST")
    assert admin.get("/logging", "POST") == before


# The built-in cluster


@pytest.fixture(scope="module")
def shop() -> Cluster:
    now = datetime(2026, 11, 25, 14, 2, tzinfo=UTC)
    return scenes.load("shop", now=lambda: now)


def page(cluster: Cluster, labelled: str, target: str, port: int = 15000) -> bytes:
    """What a pod of that Gateway answers at its admin port, or another one."""
    [pod, *_] = [
        pod
        for pod in cluster.store.list(POD)
        if labels(pod).get("gateway.networking.k8s.io/gateway-name") == labelled
    ]
    handler = cluster.kubelet.port(pod["metadata"]["namespace"], pod["metadata"]["name"], port)
    assert handler is not None
    return asyncio.run(_asked(handler, target))


async def _asked(handler: Any, target: str) -> bytes:
    class Written(bytearray):
        def write(self, data: bytes) -> None:
            self.extend(data)

        async def drain(self) -> None: ...

        def close(self) -> None: ...

    reader, written = asyncio.StreamReader(), Written()
    reader.feed_data(
        f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    )
    reader.feed_eof()
    await handler(reader, written)
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target=target, headers=[("Host", "localhost")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(bytes(written))
    body, event = b"", connection.next_event()
    assert isinstance(event, h11.Response)
    assert event.status_code == 200
    while isinstance(event := connection.next_event(), h11.Data):
        body += bytes(event.data)
    return body


def shape(value: Any, path: str = "") -> set[str]:
    """The fields that a value has, with the type of each."""
    if isinstance(value, dict):
        return set().union(*(shape(it, f"{path}.{key}") for key, it in value.items()), {path})
    if isinstance(value, list):
        return set().union(*(shape(each, f"{path}[]") for each in value), {path})
    return {f"{path}: {type(value).__name__}"}


NOT_STATIC = (
    ".added_via_api", ".envoy_internal_address", ".pipe", ".node.", ".uri", ".listener_statuses[].local_address",
)  # fmt: skip
"""What an Envoy tells that takes its configuration from istiod; this one takes it from a file."""


@pytest.mark.parametrize("gateway", ["waypoint", "public"])
@pytest.mark.parametrize("target", PAGES)
def test_those_of_the_built_in_cluster_answer_in_the_form_of_a_real_one(
    admin: Admin, shop: Cluster, gateway: str, target: str
) -> None:
    real = shape(msgspec.json.decode(admin.get(target)))
    ours = shape(msgspec.json.decode(page(shop, gateway, target)))
    unknown = {each for each in ours - real if not any(some in each for some in NOT_STATIC)}
    assert unknown == set()
    assert READERS[target](page(shop, gateway, target))


def test_a_waypoint_has_the_services_that_are_bound_to_it(shop: Cluster) -> None:
    clusters = envoy.read_clusters(page(shop, "waypoint", PAGES[0]))
    hosts = {each.told[0] for each in clusters if each.told[1]}
    assert "reviews.shop.svc.cluster.local" in hosts
    assert not any(host.endswith(".payments.svc.cluster.local") for host in hosts)
    [certificate, _] = envoy.read_certificates(page(shop, "waypoint", PAGES[2]))
    assert certificate.names == ("spiffe://acmellc.local/ns/shop/sa/waypoint",)


def test_a_waypoint_counts_the_requests_that_pass_it_by_what_came_of_them() -> None:
    now = datetime(2026, 11, 25, 14, 2, tzinfo=UTC)
    cluster = scenes.load("shop", now=lambda: now)
    before = read_requests(page(cluster, "waypoint", "/stats/prometheus", 15020))
    for _ in range(60):
        now += timedelta(seconds=2)
        cluster.calls.look(("", ""))
    found = read_requests(page(cluster, "waypoint", "/stats/prometheus", 15020))
    risen = {key: count - before.get(key, 0) for key, count in found.items()}
    assert risen[Requests("shop", "reviews", "200")] > 5
    assert {key.namespace for key in found} == {"shop"}
    assert {key.code for key in found} <= {"200", "403", "404", "503"}


# Odd ones


@pytest.mark.parametrize("reader", READERS.values())
@given(it=JSON)
def test_no_answer_crashes_a_reader(reader: Callable[[bytes], Any], it: Any) -> None:
    names = (
        "cluster_statuses",
        "listener_statuses",
        "certificates",
        "command_line_options",
        "node",
        "version",
    )
    for body in (it, dict.fromkeys(names, it), {name: [it] for name in names}):
        try:
            reader(msgspec.json.encode(body))
        except ValueError:
            assert not isinstance(body, dict)


def test_clusters_among_which_something_is_odd_are_read_all_the_same(shop: Cluster) -> None:
    body = page(shop, "waypoint", PAGES[0])
    told = msgspec.json.decode(body)
    told["cluster_statuses"] += [None, 7, {"name": "odd", "host_statuses": {"address": 1}}]
    odd = envoy.read_clusters(msgspec.json.encode(told))
    assert odd == (*envoy.read_clusters(body), envoy.Cluster("odd", ()))


@pytest.mark.parametrize("reader", READERS.values())
@pytest.mark.parametrize("body", [b"", b"no clusters", b'{"a": ', b"[]", b"\xff"])
def test_what_is_no_json_object_says_so(reader: Callable[[bytes], Any], body: bytes) -> None:
    with pytest.raises(ValueError, match="JSON"):
        reader(body)


@given(st.binary(max_size=200))
def test_bytes_are_read_or_refused(body: bytes) -> None:
    for reader in READERS.values():
        try:
            reader(body)
        except ValueError:
            continue
