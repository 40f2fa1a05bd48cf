"""Whether a pod is really in the mesh: the chain of derivation C2 and the holding back of C8 (doctor-rules.md)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from meshtui.mesh import workloads, ztunnel_probes
from meshtui.mesh.dumps import Config, Dump, DumpDetail, Listing, Proxied, Version
from meshtui.mesh.enrollment import State
from meshtui.mesh.health import Health
from meshtui.mesh.identities import of_dump
from meshtui.mesh.kinds import CONFIGMAP, POD
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Answer, Phase, Problem, Scope, Snapshot, Source, Trouble
from meshtui.mesh.workloads import Workload
from tests.mesh.made import NOW, before, config_map, made, pod, snapshot

MARKS = {Health.OK: "✓", Health.BAD: "✗", Health.UNKNOWN: "?", Health.NONE: "·", Health.WARN: "!"}
AMBIENT = made("Namespace", "shop", labels={"istio.io/dataplane-mode": "ambient"})
ENABLED = {"ambient.istio.io/redirection": "enabled"}
PENDING = {"ambient.istio.io/redirection": "pending"}
UID = "Pod-shop-cart"
NO_RIGHT = Problem(Trouble.FORBIDDEN, "get pods/portforward is missing in istio-system")


def ztunnel(node: str = "node-1", *, name: str = "", age: float = 3600, **more: Any) -> Raw:
    return pod(
        name or f"ztunnel-{node}",
        "istio-system",
        node=node,
        age=age,
        labels={"app": "ztunnel"},
        **more,
    )


def agent(node: str = "node-1", *, ready: str = "True", age: float = 3600) -> Raw:
    return pod(
        f"istio-cni-{node}",
        "istio-system",
        node=node,
        age=age,
        labels={"k8s-app": "istio-cni-node"},
        status={"conditions": [{"type": "Ready", "status": ready}]},
    )


def dump(
    proxied: dict[str, str] | None, protocol: str | None = "HBONE", name: str = "cart"
) -> Dump:
    """A dump that proxies these UIDs in these states, and was told this protocol for shop/cart."""
    protocols = {name: protocol} if protocol else {"other": "TCP"}
    return Dump(
        proxied=None
        if proxied is None
        else {uid: Proxied("shop", "cart", "cart", state) for uid, state in proxied.items()},
        listings={"shop": Listing(repr(protocols).encode(), protocols)},
        identities=of_dump([]),
        version=Version(),
        config=Config(),
    )


def answer(value: Dump | None, age: float = 4, problem: Problem | None = None) -> Answer:
    return Answer(value, NOW - timedelta(seconds=age) if value else None, problem)


def cluster(
    cart: Raw,
    answers: dict[str, Answer] | None = None,
    namespace: Raw | None = AMBIENT,
    others: tuple[Raw, ...] = (),
    sources: dict[Scope, Source] | None = None,
) -> Snapshot:
    """A pod shop/cart on node-1 with a ztunnel and a CNI agent, and what ztunnels by node answered."""
    servers = others or (ztunnel(), agent())
    return snapshot(
        cart,
        *servers,
        *([namespace] if namespace else []),
        config_map(),
        answers={
            ztunnel_probes.dump("istio-system", f"ztunnel-{node}"): each
            for node, each in (answers or {}).items()
        },
        sources=sources,
    )


def row(found: Snapshot) -> Workload:
    return next(each for each in workloads.of(found) if each.ref.name == "cart")


def marks(found: Snapshot) -> str:
    return "".join(MARKS[link.health] for link in workloads.chain(found, row(found)))


UP = {UID: "Up"}
CAPTURED = pod(annotations=ENABLED)


@pytest.mark.parametrize(
    ("cart", "answers", "state", "chain"),
    [
        (CAPTURED, {"node-1": answer(dump(UP))}, State.CAPTURED, "✓✓✓✓"),
        # Kubernetes and istiod say enabled, nobody proxies: the dangerous one
        (CAPTURED, {"node-1": answer(dump({}))}, State.NOT_PROXIED, "✓✓✓✗"),
        (CAPTURED, {"node-1": answer(dump({"another": "Up"}))}, State.NOT_PROXIED, "✓✓✓✗"),
        (CAPTURED, {"node-1": answer(dump({UID: "Pending"}))}, State.PENDING, "✓✓✓✗"),
        (CAPTURED, {"node-1": answer(dump({UID: ""}))}, State.PENDING, "✓✓✓✗"),
        # never touched by the CNI agent: what follows from that is no failure of its own
        (pod(), {"node-1": answer(dump({}, "TCP"))}, State.NOT_ANNOTATED, "✓✗··"),
        (
            pod(annotations=PENDING),
            *({"node-1": answer(dump({}, "TCP"))}, State.PENDING, "✓✗·✗"),
        ),
        (
            pod(annotations={"ambient.istio.io/redirection": "on"}),
            *({"node-1": answer(dump({}, "TCP"))}, State.NOT_ANNOTATED, "✓✗·✗"),
        ),
        # istiod has not told it
        (CAPTURED, {"node-1": answer(dump(UP, "TCP"))}, State.NOT_LISTED, "✓✓✗✓"),
        (CAPTURED, {"node-1": answer(dump(UP, None))}, State.NOT_LISTED, "✓✓✗✓"),
        # not read
        (CAPTURED, {}, State.UNSEEN, "✓✓??"),
        (CAPTURED, {"node-1": answer(None, problem=NO_RIGHT)}, State.UNSEEN, "✓✓??"),
        (CAPTURED, {"node-1": answer(dump(None))}, State.UNSEEN, "✓✓✓?"),
        # a dump that is older than the pod says nothing of it
        (
            pod(annotations=ENABLED, age=100),
            *({"node-1": answer(dump({}), age=101)}, State.UNSEEN, "✓✓??"),
        ),
        (
            pod(annotations=ENABLED, age=100),
            *({"node-1": answer(dump({}), age=90)}, State.NOT_PROXIED, "✓✓✓✗"),
        ),
        # after a failed attempt the older dump stands, with its age
        (CAPTURED, {"node-1": answer(dump(UP), problem=NO_RIGHT)}, State.CAPTURED, "✓✓✓✓"),
        # wanted no more, or not at all
        (pod(labels={"istio.io/dataplane-mode": "none"}), {}, State.OUTSIDE, "····"),
        (
            pod(annotations=ENABLED, labels={"istio.io/dataplane-mode": "none"}),
            *({"node-1": answer(dump(UP))}, State.UNASKED, "·!✓✓"),
        ),
        (
            pod(annotations={"sidecar.istio.io/status": "{}"}),
            *({"node-1": answer(dump({}, "TCP"))}, State.SIDECAR, "····"),
        ),
        # no address yet: the agent waits for one
        (pod(status={"podIP": "", "phase": "Pending"}), {}, State.WAITING, "✓✗??"),
        (pod(annotations=ENABLED, status={"phase": "Succeeded"}), {}, State.ENDED, "✓✓??"),
        (
            pod(annotations=ENABLED, metadata={"deletionTimestamp": before(-20)}),
            *({"node-1": answer(dump({}))}, State.ENDED, "✓✓✓✗"),
        ),
    ],
)
def test_chains(cart: Raw, answers: dict[str, Answer], state: State, chain: str) -> None:
    found = cluster(cart, answers)
    assert row(found).enrolled.state is state
    assert marks(found) == chain


def test_the_ghost_names_its_ztunnel_and_what_was_looked_for() -> None:
    ghost = row(cluster(CAPTURED, {"node-1": answer(dump({"another": "Up"}))}))
    assert ghost.verdict.health is Health.BAD
    assert ghost.verdict.reason == (
        "Kubernetes and istiod call it enrolled, but no ztunnel of node-1 proxies it: "
        "absent from workloadState of ztunnel-node-1 (1 pod)"
    )
    assert ghost.enrolled.ztunnel == "istio-system/ztunnel-node-1"


def test_a_missing_right_is_told_and_is_no_failure() -> None:
    other = dump(UP)
    found = cluster(
        CAPTURED,
        {"node-1": answer(None, problem=NO_RIGHT), "node-2": answer(other)},
        others=(ztunnel(), agent(), ztunnel("node-2")),
    )
    enrolled = row(found).enrolled
    assert enrolled.word == "3 of 4 links"
    assert enrolled.verdict.health is Health.UNKNOWN
    assert enrolled.reason.startswith("3 of 4 links seen: ")
    assert "get pods/portforward is missing in istio-system" in enrolled.reason


def test_listed_counts_the_dumps() -> None:
    found = cluster(
        CAPTURED,
        {
            "node-1": answer(dump(UP)),
            "node-2": answer(dump({}), age=60),
            "node-3": answer(dump({}, "TCP")),
            "node-4": answer(None, problem=NO_RIGHT),
        },
        others=(ztunnel(), agent(), *(ztunnel(f"node-{n}") for n in (2, 3, 4))),
    )
    listed = workloads.chain(found, row(found))[2]
    assert listed.text == "HBONE in 2 of 3 dumps"
    assert listed.at == NOW - timedelta(seconds=4)
    assert row(found).protocol == "HBONE"


def test_links_name_object_field_and_value() -> None:
    found = cluster(CAPTURED, {"node-1": answer(dump(UP))})
    assert [(link.title, link.text, link.at) for link in workloads.chain(found, row(found))] == [
        ("wanted", "label istio.io/dataplane-mode=ambient of namespace shop", None),
        ("annotated", "annotation ambient.istio.io/redirection=enabled", None),
        ("listed", "HBONE in 1 of 1 dump", NOW - timedelta(seconds=4)),
        (
            "proxied",
            "Up in workloadState of ztunnel-node-1",
            NOW - timedelta(seconds=4),
        ),
    ]


def test_the_annotation_is_as_old_as_the_agents_last_write() -> None:
    written = {"managedFields": [{"manager": "install-cni", "time": before(50)}]}
    found = cluster(pod(annotations=ENABLED, metadata=written), {"node-1": answer(dump(UP))})
    assert workloads.chain(found, row(found))[1].at == NOW - timedelta(seconds=50)


@pytest.mark.parametrize(
    ("servers", "words"),
    [
        ((ztunnel(), agent()), "never captured by istio-cni-node-1 of node-1 (ready)"),
        ((ztunnel(), agent(ready="False")), "istio-cni-node-1 of node-1 (Running, not ready)"),
        ((ztunnel(),), "a CNI agent: none is known on node-1"),
    ],
)
def test_who_never_captured_it(servers: tuple[Raw, ...], words: str) -> None:
    assert words in row(cluster(pod(), others=servers)).enrolled.reason


def test_a_node_without_a_ztunnel_is_a_failure_and_one_that_was_not_looked_at_is_not() -> None:
    elsewhere = (ztunnel("node-2"), agent())
    assert row(cluster(CAPTURED, others=elsewhere)).enrolled.state is State.NOT_PROXIED
    refused = Source(Phase.FORBIDDEN, problem=Problem(Trouble.FORBIDDEN, "you may not list pods"))
    part = {Scope(POD): refused, Scope(POD, "shop"): Source(Phase.LIVE)}
    unknown = row(cluster(CAPTURED, others=(agent(),), sources=part)).enrolled
    assert unknown.state is State.UNSEEN
    assert "you may not list pods" in unknown.reason
    narrowed = cluster(CAPTURED, others=(agent(),), sources=part)
    assert workloads.chain(narrowed, row(narrowed))[2].text == "not known: you may not list pods"
    none = cluster(CAPTURED, others=(agent(),))
    assert workloads.chain(none, row(none))[2].text == "not known: there is no ztunnel"


def test_two_ztunnels_on_a_node_while_it_is_upgraded() -> None:
    old, new = ztunnel(name="ztunnel-old"), ztunnel(name="ztunnel-new")

    def state(of_old: Answer, of_new: Answer) -> State:
        answers = {
            ztunnel_probes.dump("istio-system", "ztunnel-old"): of_old,
            ztunnel_probes.dump("istio-system", "ztunnel-new"): of_new,
        }
        return row(snapshot(CAPTURED, old, new, agent(), AMBIENT, answers=answers)).enrolled.state

    empty = answer(dump({}))
    assert state(answer(dump(UP)), empty) is State.CAPTURED
    assert state(empty, answer(dump(UP))) is State.CAPTURED
    assert state(empty, answer(None)) is State.UNSEEN
    assert state(empty, empty) is State.NOT_PROXIED


def test_a_dump_from_before_the_ztunnel_was_started_anew_is_no_evidence() -> None:
    restarted = {
        "containerStatuses": [
            {"name": "istio-proxy", "ready": True, "state": {"running": {"startedAt": before(60)}}}
        ]
    }
    servers = (ztunnel(status=restarted), agent())
    found = row(cluster(CAPTURED, {"node-1": answer(dump(UP), age=100)}, others=servers))
    assert found.enrolled.state is State.UNSEEN
    assert "started anew" in found.enrolled.reason
    found = row(cluster(CAPTURED, {"node-1": answer(dump(UP), age=10)}, others=servers))
    assert found.enrolled.state is State.CAPTURED


def test_the_newer_of_sweep_and_screen_counts() -> None:
    found = cluster(CAPTURED, {"node-1": answer(dump({}), age=40)})
    assert row(found).enrolled.state is State.NOT_PROXIED
    detail = DumpDetail(dump(UP), (), 0, (), (), ())
    probe = ztunnel_probes.detail("istio-system", "ztunnel-node-1")
    newer = Answer(detail, NOW - timedelta(seconds=4))
    seen = replace(found, answers={**found.answers, probe: newer})
    assert row(seen).enrolled.state is State.CAPTURED
    older = Answer(detail, NOW - timedelta(seconds=60))
    seen = replace(found, answers={**found.answers, probe: older})
    assert row(seen).enrolled.state is State.NOT_PROXIED


def test_an_unknown_namespace_is_no_answer() -> None:
    found = row(cluster(pod(), namespace=None))
    assert found.enrolled.state is State.UNSEEN
    assert found.enrolled.wanted is None
    assert "labels of namespace shop could not be read" in found.enrolled.reason


def test_an_assumed_configuration_is_said() -> None:
    found = cluster(CAPTURED)
    refused = Source(Phase.FORBIDDEN, problem=Problem(Trouble.FORBIDDEN, "you may not read it"))
    objects = {**found.objects, CONFIGMAP: {}}
    sources = {**found.sources, Scope(CONFIGMAP): refused}
    assumed = replace(found, objects=objects, sources=sources)
    assert "you may not read it" in workloads.chain(assumed, row(assumed))[0].text


def _written(seconds: float) -> dict[str, Any]:
    return {"managedFields": [{"manager": "kubectl", "time": before(seconds)}]}


@pytest.mark.parametrize(
    ("cart", "namespace", "servers", "held"),
    [
        (pod(), AMBIENT, (ztunnel(), agent()), False),
        (pod(age=29), AMBIENT, (ztunnel(), agent()), True),
        (pod(age=31), AMBIENT, (ztunnel(), agent()), False),
        (pod(metadata=_written(14)), AMBIENT, (ztunnel(), agent()), True),
        (pod(metadata=_written(16)), AMBIENT, (ztunnel(), agent()), False),
        # the label of the namespace, just written
        (
            pod(),
            {**AMBIENT, "metadata": {**AMBIENT["metadata"], **_written(5)}},
            *((ztunnel(), agent()), True),
        ),
        # what serves it is being rolled out, on this node
        (pod(), AMBIENT, (ztunnel(age=20), agent()), True),
        (pod(), AMBIENT, (ztunnel(), agent(age=20)), True),
        (pod(), AMBIENT, (ztunnel(), agent(), ztunnel("node-2", age=20)), False),
    ],
)
def test_failures_are_held_back_while_a_change_may_explain_them(
    cart: Raw, namespace: Raw, servers: tuple[Raw, ...], held: bool
) -> None:
    found = row(cluster(cart, namespace=namespace, others=servers))
    assert found.enrolled.state is (State.SETTLING if held else State.NOT_ANNOTATED)
    assert found.verdict.health is (Health.UNKNOWN if held else Health.BAD)


def test_time_alone_ends_the_holding_back() -> None:
    found = cluster(pod(age=10))
    assert row(found).enrolled.state is State.SETTLING
    later = replace(found, now=NOW + timedelta(seconds=21))
    assert row(later).enrolled.state is State.NOT_ANNOTATED
    assert row(replace(found, now=NOW)).enrolled.state is State.SETTLING


def test_what_is_well_is_not_held_back() -> None:
    young = pod(annotations=ENABLED, age=10)
    assert row(cluster(young, {"node-1": answer(dump(UP))})).enrolled.state is State.CAPTURED


def test_a_name_that_comes_again_is_another_pod() -> None:
    # A StatefulSet's cart-0 was listed as HBONE; the new pod of that name is younger than the dump.
    again = pod(annotations=ENABLED, age=40)
    found = cluster(again, {"node-1": answer(dump({"old uid": "Up"}), age=50)})
    assert row(found).enrolled.state is State.UNSEEN
    assert marks(found) == "✓✓??"
