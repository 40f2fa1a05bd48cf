"""Ztunnels: the recorded ones, and what a row says of a node that is not as it should be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from meshtui.mesh import raw, ztunnel_probes, ztunnels
from meshtui.mesh.dumps import Config, Dump, Proxied, Version
from meshtui.mesh.health import Health
from meshtui.mesh.identities import of_dump
from meshtui.mesh.kinds import NODE, POD
from meshtui.mesh.metrics import Metrics
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Answer, Phase, Probe, Problem, Scope, Snapshot, Source, Trouble
from meshtui.mesh.ztunnels import Ztunnel
from tests import recordings
from tests.anything import JSON, damaged
from tests.mesh.made import NOW, before, made, pod, snapshot

SHOP = recordings.snapshot("shop")
AMBIENT = made("Namespace", "shop", labels={"istio.io/dataplane-mode": "ambient"})
ENABLED = {"ambient.istio.io/redirection": "enabled"}


def rows(found: Snapshot) -> dict[str, Ztunnel]:
    """By node."""
    return {each.node: each for each in ztunnels.of(found)}


def ztunnel(name: str = "ztunnel", **more: Any) -> Raw:
    image = {"containers": [{"name": "istio-proxy", "image": "istio/ztunnel:1.31.0-distroless"}]}
    return pod(name, "istio-system", labels={"app": "ztunnel"}, spec=image, **more)


def agent(**more: Any) -> Raw:
    return pod("cni", "istio-system", labels={"k8s-app": "istio-cni-node"}, **more)


def dump(**proxied: str) -> Dump:
    states = {
        f"Pod-shop-{name}": Proxied("shop", name, "", state) for name, state in proxied.items()
    }
    return Dump(states, {}, of_dump([]), Version(), Config())


def said(
    value: Dump | None = None,
    counts: Metrics | None = None,
    earlier: Metrics | None = None,
    problem: Problem | None = None,
    name: str = "ztunnel",
) -> dict[Probe, Answer]:
    at = NOW - timedelta(seconds=4)
    answers = {}
    if value is not None or problem is not None:
        answers[ztunnel_probes.dump("istio-system", name)] = Answer(
            value, at if value else None, problem
        )
    if counts is not None:
        answers[ztunnel_probes.metrics("istio-system", name)] = Answer(
            counts, at, None, earlier, at - timedelta(seconds=60) if earlier else None
        )
    return answers


WELL = Metrics(active=1, pending=0, messages=2, version="1.31.0")
CART = pod(annotations=ENABLED)


def one(*objects: Raw, answers: dict[Probe, Answer] | None = None, **more: Any) -> Ztunnel:
    return rows(snapshot(*objects, AMBIENT, answers=answers, **more))["node-1"]


def test_the_recorded_ztunnels() -> None:
    found = rows(SHOP)
    assert {node: each.pod and each.pod.name for node, each in found.items()} == {
        "node-0": "ztunnel-68wn4",
        "node-1": "ztunnel-4rh2t",
        "node-2": "ztunnel-gnq4h",
    }
    assert {node: each.agent and each.agent.name for node, each in found.items()} == {
        "node-0": "istio-cni-node-5mgpv",
        "node-1": "istio-cni-node-f9pk6",
        "node-2": "istio-cni-node-twnxj",
    }
    counts = {
        node: (each.expected, each.proxied, each.pending, each.missing, each.certificates)
        for node, each in found.items()
    }
    assert counts == {
        "node-0": (0, None, None, None, None),
        "node-1": (6, 6, 0, 0, 6),
        "node-2": (6, 5, 0, 1, 6),
    }
    assert {node: each.verdict.health for node, each in found.items()} == {
        "node-0": Health.UNKNOWN,
        "node-1": Health.OK,
        "node-2": Health.BAD,
    }
    assert found["node-2"].verdict.reason == "checkout-5f686c4cb7-fz2sg is enrolled and not proxied"
    assert found["node-1"].read_at == recordings.Recording("shop").read_at


def test_recorded_certificates_are_renewed_at_half_of_their_life() -> None:
    # The first of node-1 are valid from 12:33:59 to 12:35:59 of the next day.
    assert rows(SHOP)["node-1"].renews == datetime(2026, 11, 23, 0, 34, 59, tzinfo=UTC)


def test_without_a_ca_the_proxies_are_up_and_the_certificates_are_not() -> None:
    found = rows(recordings.snapshot("no-ca"))["node-1"]
    assert (found.proxied, found.certificates, found.renews) == (5, 5, None)
    assert found.certificates_verdict.health is Health.BAD
    assert "client error (Connect)" in found.verdict.reason


def test_without_istiod_a_second_reading_tells() -> None:
    lost = recordings.snapshot("no-istiod")
    assert rows(lost)["node-1"].connected.health is Health.UNKNOWN
    probe = ztunnels.metrics_probe(
        next(each for each in ztunnels.pods(lost) if raw.name(each) == "ztunnel-7wx9t")
    )
    known = lost.answers[probe]
    fewer = replace(known.value, terminations={"ConnectionError": 6, "Reconnect": 1})
    answers = {**lost.answers, probe: replace(known, before=fewer, before_at=known.at)}
    found = rows(replace(lost, answers=answers))["node-1"]
    assert found.connected.health is Health.BAD
    assert found.verdict == found.connected


def test_a_ztunnel_that_does_all_it_should() -> None:
    found = one(ztunnel(), agent(), CART, answers=said(dump(cart="Up"), WELL))
    assert found.verdict.health is Health.OK
    assert (found.proxied, found.pending, found.missing, found.expected) == (1, 0, 0, 1)
    assert found.version == "1.31.0"
    assert found.connected.health is Health.OK
    assert found.troubles == ()


@pytest.mark.parametrize(
    ("objects", "answers", "health", "words"),
    [
        (
            (ztunnel(), agent(), CART),
            said(dump(), WELL),
            Health.BAD,
            "cart is enrolled and not proxied",
        ),
        (
            (ztunnel(), agent(), CART),
            said(dump(cart="Pending"), WELL),
            Health.WARN,
            "not taken over yet",
        ),
        # its counters alone are a suspicion, not a proof
        (
            (ztunnel(), agent(), CART),
            said(None, Metrics(active=0, pending=0, messages=2)),
            *(Health.WARN, "it counts 0 pods, and 1 on its node are annotated as captured"),
        ),
        ((ztunnel(), agent(), CART), {}, Health.UNKNOWN, "its dump was not read yet"),
        (
            (ztunnel(), agent(), CART),
            said(problem=Problem(Trouble.FORBIDDEN, "get pods/portforward is missing")),
            *(Health.UNKNOWN, "get pods/portforward is missing"),
        ),
        (
            (ztunnel(status={"conditions": []}), agent(), CART),
            said(dump(cart="Up"), WELL),
            *(Health.BAD, "ztunnel is not ready (Running)"),
        ),
        (
            (ztunnel(status={"conditions": []}, age=40), agent(age=50)),
            said(dump(), WELL),
            *(Health.UNKNOWN, "ztunnel is starting"),
        ),
        (
            (ztunnel(), agent(status={"conditions": []}), CART),
            said(dump(cart="Up"), WELL),
            *(Health.BAD, "CNI agent cni is not ready (Running)"),
        ),
        (
            (ztunnel(), CART),
            said(dump(cart="Up"), WELL),
            *(Health.BAD, "no CNI agent runs here: no pod here can be captured"),
        ),
        (
            (ztunnel(), agent(), CART),
            said(dump(cart="Up"), Metrics(active=1, pending=0)),
            *(Health.BAD, "it has received nothing from istiod"),
        ),
        (
            (ztunnel(), agent()),
            said(dump(), WELL),
            Health.OK,
            "no pod on its node is to be proxied",
        ),
    ],
)
def test_verdicts(
    objects: tuple[Raw, ...], answers: dict[Probe, Answer], health: Health, words: str
) -> None:
    found = one(*objects, answers=answers)
    assert found.verdict.health is health
    assert words in found.verdict.reason


def test_counters_stand_in_for_a_dump_that_was_not_read() -> None:
    found = one(ztunnel(), agent(), CART, answers=said(None, WELL))
    assert (found.proxied, found.pending, found.missing) == (1, 0, None)


@pytest.mark.parametrize(
    ("counts", "told", "version"),
    [
        ("1.31.0", "1.30.4", "1.31.0"),
        ("unknown", "1.30.4", "1.30.4"),
        ("unknown", "unknown", "1.31.0"),  # of the image
    ],
)
def test_the_version_is_what_it_says_itself(counts: str, told: str, version: str) -> None:
    answers = said(replace(dump(), version=Version(told)), replace(WELL, version=counts))
    assert one(ztunnel(), agent(), answers=answers).version == version


def test_nodes_without_a_ztunnel_are_rows_too() -> None:
    node, virtual = (
        made("Node", "node-1"),
        made("Node", "node-9", labels={"type": "virtual-kubelet"}),
    )
    found = rows(snapshot(node, virtual, agent(), CART, AMBIENT))
    assert found["node-1"].ref is None
    assert found["node-1"].verdict.health is Health.BAD
    assert (
        "no ztunnel runs here, and 1 pod here should be in the mesh"
        in found["node-1"].verdict.reason
    )
    assert found["node-9"].verdict.health is Health.NONE
    on_virtual = pod(node="node-9", annotations=ENABLED)
    found = rows(snapshot(virtual, on_virtual, AMBIENT))
    assert "a virtual node cannot run one" in found["node-9"].verdict.reason


def test_ztunnels_that_may_not_be_listed_are_not_missing() -> None:
    refused = Source(Phase.FORBIDDEN, problem=Problem(Trouble.FORBIDDEN, "you may not list pods"))
    sources = {Scope(POD): refused, Scope(POD, "shop"): Source(Phase.LIVE)}
    found = one(made("Node", "node-1"), CART, sources=sources)
    assert (found.verdict.health, found.verdict.reason) == (Health.UNKNOWN, "you may not list pods")


def test_of_pods_in_other_namespaces_nothing_is_claimed() -> None:
    """With `-n batch`, whose pods are all that is looked at beside the ztunnels and CNI agents."""
    narrowed = {
        Scope(POD): Source(Phase.LOADING),
        Scope(POD, "batch"): Source(Phase.LIVE),
        Scope(POD, labels="app=ztunnel"): Source(Phase.LIVE),
        Scope(POD, labels="k8s-app=istio-cni-node"): Source(Phase.LIVE),
    }
    answers = said(dump(cart="Up"), WELL)
    found = one(ztunnel(), agent(), answers=answers, sources=narrowed)
    assert (found.partial, found.proxied, found.expected) == (True, 1, 0)
    assert found.verdict.health is Health.OK
    assert (
        found.verdict.reason == "it proxies 1 pod, and of those that are looked at it misses none"
    )
    bare = one(made("Node", "node-1"), sources=narrowed)
    assert "none of the pods that are looked at is wanted" in bare.verdict.reason
    assert not one(ztunnel(), agent(), answers=answers).partial


def test_where_the_mesh_does_not_reach_no_cni_agent_is_missed() -> None:
    assert one(made("Node", "node-1")).agent_verdict.health is Health.NONE
    assert one(made("Node", "node-1"), ztunnel()).agent_verdict.health is Health.WARN
    assert one(made("Node", "node-1"), CART, AMBIENT).agent_verdict.health is Health.BAD


def test_two_on_a_node_while_it_is_upgraded() -> None:
    old = ztunnel("ztunnel-old", metadata={"deletionTimestamp": before(-20)})
    new = ztunnel("ztunnel-new", age=100)
    answers = said(dump(), WELL, name="ztunnel-old") | said(
        dump(cart="Up"), WELL, name="ztunnel-new"
    )
    found = {
        each.ref.name: each
        for each in ztunnels.of(snapshot(old, new, agent(), CART, AMBIENT, answers=answers))
        if each.ref
    }
    assert found["ztunnel-new"].verdict.health is Health.OK
    assert found["ztunnel-old"].verdict.health is Health.NONE
    assert found["ztunnel-old"].verdict.reason == "being replaced by ztunnel-new"
    assert len({each.key for each in found.values()}) == 2


def test_pods_are_found_by_label_in_any_namespace() -> None:
    other = pod("zt-abc", "mesh", labels={"app": "ztunnel"})
    ended = pod("zt-old", "mesh", labels={"app": "ztunnel"}, status={"phase": "Failed"})
    found = ztunnels.pods(snapshot(other, ended, pod("ztunnel-not", "shop")))
    assert [raw.name(each) for each in found] == ["zt-abc"]


def test_probes() -> None:
    it = ztunnel()
    metrics, dumped = ztunnels.metrics_probe(it), ztunnels.dump_probe(it)
    assert (metrics.namespace, metrics.pod, metrics.port, metrics.path) == (
        *("istio-system", "ztunnel"),
        *(15020, "/metrics"),
    )
    assert (dumped.port, dumped.path) == (15000, "/config_dump")
    assert dumped.share is not None
    assert ztunnels.dump_detail_probe(it) != dumped


@given(st.data())
@settings(deadline=None, derandomize=True)
def test_no_object_crashes_it(data: st.DataObject) -> None:
    objects: dict[Any, Any] = {**SHOP.objects}
    for kind, key in (
        (POD, "istio-system/ztunnel-gnq4h"),
        (POD, "istio-system/istio-cni-node-twnxj"),
        (NODE, "node-2"),
    ):
        objects[kind] = {**objects[kind], key: data.draw(damaged(objects[kind][key]))}
    objects[NODE] = {**objects[NODE], "odd": data.draw(JSON)}
    ztunnels.of(replace(SHOP, objects=objects))
