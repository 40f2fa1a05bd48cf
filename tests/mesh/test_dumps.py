"""A ztunnel's dump: what is read of the recorded ones, and what becomes of one that is broken."""

from __future__ import annotations

import json
import pickle
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.json import encode

from meshtui.mesh import dumps
from tests.anything import JSON, damaged
from tests.recordings import Recording

SHOP = Recording("shop")


def test_who_is_proxied_on_node_2() -> None:
    dump = dumps.read_dump(SHOP.dump("node-2"))
    assert dump.proxied is not None
    assert {f"{pod.namespace}/{pod.name}" for pod in dump.proxied.values()} == {
        "batch/reports-864dfcf76c-5m94h",
        "payments/ledger-669657bc95-cvfm7",
        "shop/catalog-f5bc4b466-csxch",
        "shop/reviews-v2-5b699f6d87-v4t9n",
        "shop/storefront-79968d5cff-jbfb7",
    }
    assert {pod.state for pod in dump.proxied.values()} == {dumps.UP}
    reports = dump.proxied["3fe37478-ff79-4d7f-bde6-9fb172a097cc"]
    assert (reports.account, reports.inbound, reports.outbound) == ("reports", 0, 0)
    # the ghost: istiod lists it, this ztunnel has its certificate, and it is not proxied
    assert dump.protocol("shop", "checkout-5f686c4cb7-fz2sg") == dumps.HBONE
    assert "spiffe://cluster.local/ns/shop/sa/checkout" in {each.uri for each in dump.identities}


def test_open_connections_are_counted() -> None:
    proxied = dumps.read_dump(SHOP.dump("node-1")).proxied
    assert proxied is not None
    checkout = proxied["7953c18e-4483-421e-a5c4-42c9a7691a3c"]
    ledger = proxied["ceaeeaea-3d2a-4ad8-bda3-48e4f377465b"]
    assert (checkout.inbound, checkout.outbound) == (0, 1)
    assert (ledger.inbound, ledger.outbound) == (1, 0)


def test_what_it_was_told_of_all_pods() -> None:
    dump = dumps.read_dump(SHOP.dump("node-1"))
    assert dump.protocol("batch", "opted-out-79c9876f8-jvcb9") == "TCP"
    assert dump.protocol("batch", "reports-864dfcf76c-5m94h") == "HBONE"
    assert dump.protocol("batch", "reports-864dfcf76c-htxkg") == "TCP"
    assert dump.protocol("shop", "nobody") == ""
    assert dump.protocol("nowhere", "nobody") == ""


def test_what_it_was_started_with() -> None:
    dump = dumps.read_dump(Recording("acme").dump("node-1"))
    assert dump.config == dumps.Config(
        node="node-1",
        cluster="Kubernetes",
        network="",
        trust_domain="acmellc.local",
        ca="https://localhost:15012",
        xds="https://localhost:15012",
    )
    assert dump.version == dumps.Version(
        "unknown", "62d826530e5ce85764e309170205b293efcbc80b-dirty"
    )


@pytest.mark.parametrize("identity", ["spiffe://example.org/ns/a/sa/b", "", None])
def test_the_trust_domain_of_builds_that_do_not_tell_their_identity(identity: str | None) -> None:
    workloads = [{"trustDomain": domain} for domain in ("cluster.local", "x", "x", "")]
    body = json.dumps({"config": {"ztunnelIdentity": identity}, "workloads": workloads}).encode()
    assert dumps.read_dump(body).config.trust_domain == ("example.org" if identity else "x")


def test_certificates_that_are_unavailable() -> None:
    dump = dumps.read_dump(Recording("no-ca").dump("node-1"))
    assert dump.proxied is not None
    assert {pod.state for pod in dump.proxied.values()} == {dumps.UP}
    assert {each.state for each in dump.identities} == {
        "Unavailable: signing gRPC error (Unknown error): client error (Connect)"
    }


def test_nodes_that_were_told_the_same_share_it() -> None:
    one, two = (dumps.read_dump(SHOP.dump(node)) for node in ("node-1", "node-2"))
    shared = dumps.share(two, [one])
    assert shared.listings is one.listings
    assert shared.proxied is two.proxied


def test_what_differs_is_not_shared() -> None:
    one = dumps.read_dump(SHOP.dump("node-1"))
    raw = json.loads(SHOP.dump("node-2"))
    for workload in raw["workloads"]:
        if workload["namespace"] == "batch":
            workload["protocol"] = "TCP"
    shared = dumps.share(dumps.read_dump(json.dumps(raw).encode()), [one])
    assert shared.protocol("batch", "reports-864dfcf76c-5m94h") == "TCP"
    assert shared.listings["shop"] is one.listings["shop"]


def test_the_detail_of_node_1() -> None:
    detail = dumps.read_detail(SHOP.dump("node-1"))
    raw = json.loads(SHOP.dump("node-1"))
    assert detail.listed == len(raw["workloads"]) == 26
    assert {each.name for each in detail.workloads} == {
        each["name"] for each in raw["workloads"] if each["node"] == "node-1"
    }
    ledger = next(each for each in detail.workloads if each.name.startswith("ledger-"))
    assert ledger.policies == (
        "payments/allow-checkout",
        "istio-system/istio_converted_static_strict",
    )
    catalog = next(each for each in detail.services if each.name == "catalog")
    assert catalog == dumps.ListedService(
        namespace="shop",
        name="catalog",
        hostname="catalog.shop.svc.cluster.local",
        addresses=("/10.96.7.44",),
        ports=("9000→9000",),
        endpoints=1,
        waypoint="shop/waypoint.shop.svc.cluster.local",
    )
    strict = next(each for each in detail.policies if each.name == "istio_converted_static_strict")
    assert (strict.scope, strict.action, strict.rules) == ("WorkloadSelector", "Deny", 1)
    assert {(each.pod.partition("-")[0], each.direction) for each in detail.connections} == {
        ("checkout", "outbound"),
        ("ledger", "inbound"),
    }
    out = next(each for each in detail.connections if each.direction == "outbound")
    assert (out.source, out.original, out.actual, out.protocol) == (
        "10.244.0.15:54074",
        "10.244.0.20:8080",
        "10.244.0.20:15008",
        "HBONE",
    )


@pytest.mark.parametrize("part", [0.0, 0.2, 0.5, 0.99])
def test_a_dump_cut_off_is_unreadable_and_says_so(part: float) -> None:
    body = SHOP.dump("node-1")
    for read in (dumps.read_dump, dumps.read_detail):
        with pytest.raises(ValueError, match="cut off"):
            read(body[: int(len(body) * part)])


@pytest.mark.parametrize("body", [b"[]", b"null", b'"it"', b"\xff\xfe", b"[" * 100_000, b"<html>"])
def test_what_is_no_dump_is_unreadable(body: bytes) -> None:
    with pytest.raises(ValueError, match="dump"):
        dumps.read_dump(body)


def test_a_dump_without_its_state_does_not_say_that_nobody_is_proxied() -> None:
    assert dumps.read_dump(b"{}").proxied is None
    assert dumps.read_dump(b'{"workloadState": []}').proxied is None
    assert dumps.read_dump(b'{"workloadState": {}}').proxied == {}


def test_the_lists_that_a_dump_does_not_have_are_not_empty_but_unknown() -> None:
    whole = json.loads(SHOP.dump("node-1"))
    assert dumps.read_detail(json.dumps(whole).encode()).lacks == set()
    for state in whole["workloadState"].values():
        del state["connections"]
    assert dumps.read_detail(json.dumps(whole).encode()).lacks == {"connections"}
    del whole["workloadState"], whole["policies"]
    old = dumps.read_detail(json.dumps(whole).encode())
    assert old.lacks == {"workloadState", "connections", "policies"}
    assert dumps.read_detail(b'{"workloadState": {}}').lacks == {
        *("certificates", "workloads", "services", "policies")
    }


def test_very_old_builds_had_maps() -> None:
    workload = {"namespace": "shop", "name": "cart", "protocol": "HBONE"}
    body = json.dumps({"workloads": {"10.0.0.1": workload, "10.0.0.2": None}}).encode()
    assert dumps.read_dump(body).protocol("shop", "cart") == "HBONE"


@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ["workloads", "services", "policies", "certificates", "workloadState", "config"], JSON
        ),
    )
)
@settings(deadline=None, derandomize=True)
def test_no_object_crashes_the_readers(dump: dict[str, Any]) -> None:
    body = json.dumps(dump).encode()
    read = dumps.read_dump(body)
    dumps.share(read, [read])
    dumps.read_detail(body)


def whole(dump: dict[str, Any]) -> bytes:
    """A dump that has something odd in it which says nothing, so that all of it has to be looked at."""
    return json.dumps({**dump, "workloads": [*dump["workloads"], None]}).encode()


@pytest.mark.parametrize("name", ["shop", "acme", "no-ca", "no-istiod"])
def test_what_is_named_says_the_same_as_the_whole(name: str) -> None:
    """Of a dump in which nothing is odd only what is named is built."""
    for node in Recording(name).nodes():
        body = Recording(name).dump(node)
        for read in (dumps.read_dump, dumps.read_detail):
            assert encode(read(body)) == encode(read(whole(json.loads(body))))


@given(damaged(json.loads(SHOP.dump("node-1"))))
@settings(deadline=None, derandomize=True)
def test_no_odd_field_crashes_the_readers_or_makes_them_say_something_else(dump: Any) -> None:
    body = json.dumps(dump).encode()
    for read in (dumps.read_dump, dumps.read_detail):
        found = read(body)
        if isinstance(dump.get("workloads"), list):
            assert encode(found) == encode(read(whole(dump)))


@pytest.mark.parametrize("odd", [None, 7, [], {}])
@pytest.mark.parametrize("field", ["namespace", "name", "protocol", "trustDomain", "workloadIps"])
def test_an_odd_field_of_a_workload_is_empty_and_the_others_are_read(field: str, odd: Any) -> None:
    one = {"namespace": "shop", "name": "cart", "protocol": "HBONE", "trustDomain": "a"}
    dump = dumps.read_dump(json.dumps({"workloads": [{**one, field: odd}, one]}).encode())
    assert dump.protocol("shop", "cart") == "HBONE"
    assert dump.config.trust_domain == "a"
    assert [*dump.listings] == (["", "shop"] if field == "namespace" else ["shop"])


def test_a_dump_of_nine_megabytes_is_read_fast_and_comes_out_small() -> None:
    raw = json.loads(SHOP.dump("node-1"))
    like = next(each for each in raw["workloads"] if each["name"].startswith("checkout"))
    raw["workloads"] = [
        {**like, "namespace": f"ns-{n % 100}", "name": f"app-{n}", "uid": f"K//Pod/{n}"}
        for n in range(13_000)
    ]
    body = json.dumps(raw, indent=2).encode()
    assert len(body) > 9_000_000
    took = []
    for _ in range(3):
        start = time.thread_time()
        dump = dumps.read_dump(body)
        took.append(time.thread_time() - start)
    assert min(took) < 0.1  # of CPU; 0.01 s on an idle machine
    assert len(pickle.dumps(dump)) < 1_000_000
