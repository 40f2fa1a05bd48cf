"""Verification: how far the evidence is after a change, in the recorded mesh and in ones made for a case each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from meshtui.mesh import changes, dumps, verification, ztunnels
from meshtui.mesh.changes import Create, Patch
from meshtui.mesh.kinds import DEPLOYMENT, GATEWAY, NAMESPACE, POD, STATEFULSET
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Answer, Phase, Problem, Ref, Scope, Snapshot, Source, Trouble
from meshtui.mesh.verification import Goal, Progress, State, Verification
from tests.mesh.made import NOW, made, pod, snapshot
from tests.recordings import snapshot as recorded

AMBIENT = {"istio.io/dataplane-mode": "ambient"}
ENABLED = {"ambient.istio.io/redirection": "enabled"}
ZTUNNEL = pod("ztunnel-1", "istio-system", labels={"app": "ztunnel"})
AGENT = pod("istio-cni-node-1", "istio-system", labels={"k8s-app": "istio-cni-node"})
STARTED = NOW - timedelta(seconds=30)
DENIED = Problem(Trouble.FORBIDDEN, "jane may not forward to pods")


def cart(name: str = "cart", **parts: Any) -> Raw:
    return pod(name, **parts)


def dump(*proxied: str, at: datetime = NOW - timedelta(seconds=5), hbone: bool = True) -> Answer:
    """What the ztunnel says of pods of "shop", by name."""
    protocol = "HBONE" if hbone else "TCP"
    body = {
        "workloadState": {
            f"Pod-shop-{name}": {"state": "Up", "info": {"namespace": "shop", "name": name}}
            for name in proxied
        },
        "workloads": [
            {"namespace": "shop", "name": name, "protocol": protocol} for name in proxied
        ],
    }
    return Answer(dumps.read_dump(json.dumps(body).encode()), at)


def mesh(
    *objects: Raw, labels: Mapping[str, str], said: Answer | None = None, **how: Any
) -> Snapshot:
    answers = {ztunnels.dump_probe(ZTUNNEL): said} if said is not None else {}
    namespace = made("Namespace", "shop", labels=labels)
    return snapshot(namespace, ZTUNNEL, AGENT, *objects, answers=answers, **how)


def change(before: Mapping[str, str], labels: Mapping[str, str | None]) -> Patch:
    it = made("Namespace", "shop", labels=before)
    patch = {"metadata": {"labels": dict(labels)}}
    return Patch(title="", target=Ref(NAMESPACE, "", "shop"), before=it, patch=patch)


ENROLL, LEAVE = change({}, AMBIENT), change(AMBIENT, {"istio.io/dataplane-mode": None})


def begun(it: Patch | Create, before: Snapshot) -> Verification:
    found = verification.begin(it, before, STARTED)
    assert found is not None
    assert found.until == STARTED + timedelta(seconds=60)
    return found


def enrolling(found: Snapshot, now: datetime = NOW) -> Progress:
    return verification.progress(begun(ENROLL, mesh(cart(), labels={})), found, now)


def leaving(found: Snapshot, now: datetime = NOW) -> Progress:
    return verification.progress(begun(LEAVE, mesh(cart(), labels=AMBIENT)), found, now)


def missing(progress: Progress) -> list[tuple[str, str]]:
    return [(each.name, each.missing) for each in progress.missing]


# Captured


def test_a_pod_is_captured_when_its_ztunnel_says_so_since_the_change() -> None:
    done = enrolling(mesh(cart(annotations=ENABLED), labels=AMBIENT, said=dump("cart")))
    assert (done.state, done.text, done.missing) == (State.DONE, "1 of 1 pod captured", ())
    assert (done.done, done.total) == (1, 1)


def test_what_a_ztunnel_said_before_the_change_proves_nothing() -> None:
    old = dump("cart", at=STARTED - timedelta(seconds=1))
    progress = enrolling(mesh(cart(annotations=ENABLED), labels=AMBIENT, said=old))
    assert (progress.state, missing(progress)) == (State.FOLLOWING, [("cart", "proxied")])


def test_a_ghost_is_named_with_its_link_and_the_restart_that_cures_it() -> None:
    ghost = mesh(cart(annotations=ENABLED), cart("pay", annotations=ENABLED), labels=AMBIENT)
    ghost = replace(ghost, answers={ztunnels.dump_probe(ZTUNNEL): dump("pay")})
    progress = enrolling(ghost)
    assert (progress.state, progress.text) == (State.FAILING, "1 of 2 pods captured")
    assert missing(progress) == [("cart", "proxied")]
    assert "Restart" in progress.remedy
    late = enrolling(ghost, STARTED + timedelta(seconds=60))
    assert (late.state, missing(late)) == (State.TIMED_OUT, [("cart", "proxied")])


@pytest.mark.parametrize(
    ("annotations", "link", "words"),
    [
        ({}, "annotated", "CNI agent of node-1"),
        ({"ambient.istio.io/redirection": "pending"}, "annotated", "ztunnel of node-1"),
    ],
)
def test_a_pod_that_is_not_taken_names_who_did_not(
    annotations: Mapping[str, str], link: str, words: str
) -> None:
    progress = enrolling(mesh(cart(annotations=annotations), labels=AMBIENT, said=dump()))
    assert (progress.state, missing(progress)) == (State.FAILING, [("cart", link)])
    assert words in progress.remedy


def test_just_after_the_change_nothing_is_held_against_a_pod() -> None:
    before = {"managedFields": [{"manager": "meshtui", "time": "2026-11-22T12:38:55Z"}]}
    namespace = made("Namespace", "shop", labels=AMBIENT, metadata=before)
    found = snapshot(namespace, ZTUNNEL, AGENT, cart())
    progress = enrolling(found)
    assert (progress.state, missing(progress)) == (State.FOLLOWING, [("cart", "annotated")])


def test_a_ztunnel_that_cannot_be_read_leaves_it_unproved() -> None:
    found = mesh(cart(annotations=ENABLED), labels=AMBIENT, said=Answer(problem=DENIED))
    progress = enrolling(found, STARTED + timedelta(minutes=2))
    assert (progress.state, missing(progress)) == (State.TIMED_OUT, [("cart", "proxied")])
    assert DENIED.text in progress.missing[0].verdict.reason
    assert "rbac" in progress.remedy


def test_pods_that_are_not_wanted_are_not_waited_for() -> None:
    host = cart("agent", spec={"hostNetwork": True})
    done = enrolling(mesh(cart(annotations=ENABLED), host, labels=AMBIENT, said=dump("cart")))
    assert (done.state, done.total) == (State.DONE, 1)
    alone = enrolling(mesh(host, labels=AMBIENT))
    assert alone.state is State.FAILING
    assert "hostNetwork" in alone.text


def test_a_namespace_without_pods_is_done_once_its_label_is_seen() -> None:
    assert enrolling(mesh(labels={})).state is State.FOLLOWING
    done = enrolling(mesh(labels=AMBIENT))
    assert (done.state, done.total) == (State.DONE, 0)


@pytest.mark.parametrize("phase", [Phase.STALE, Phase.FORBIDDEN, Phase.LOADING])
def test_lists_that_are_not_current_prove_nothing(phase: Phase) -> None:
    sources = {Scope(POD): Source(phase, problem=DENIED)}
    found = mesh(cart(annotations=ENABLED), labels=AMBIENT, said=dump("cart"), sources=sources)
    progress = enrolling(found, STARTED + timedelta(minutes=2))
    assert (progress.state, progress.text) == (State.TIMED_OUT, DENIED.text)


def test_a_label_that_somebody_put_back_is_not_done() -> None:
    found = mesh(cart(annotations=ENABLED), labels={}, said=dump("cart"))
    assert "put back" in enrolling(found).text
    assert enrolling(found).state is State.FOLLOWING


# Released


def test_a_pod_is_released_when_no_annotation_and_no_ztunnel_speaks_of_it() -> None:
    done = leaving(mesh(cart(), labels={}, said=dump()))
    assert (done.state, done.text) == (State.DONE, "1 of 1 pod released")


@pytest.mark.parametrize(
    ("annotations", "said", "link"),
    [
        (ENABLED, dump("cart"), "annotated"),
        ({}, dump("cart"), "listed"),
        ({}, dump("cart", hbone=False), "proxied"),
        ({}, dump(at=STARTED - timedelta(seconds=1)), "listed"),
        ({}, Answer(problem=DENIED), "listed"),
        ({}, None, "listed"),
    ],
)
def test_what_still_speaks_of_a_pod_is_named(
    annotations: Mapping[str, str], said: Answer | None, link: str
) -> None:
    progress = leaving(mesh(cart(annotations=annotations), labels={}, said=said))
    assert (progress.state, missing(progress)) == (State.FOLLOWING, [("cart", link)])


def test_a_pod_with_a_label_of_its_own_stays_in_and_is_not_waited_for() -> None:
    stays = cart("own", labels=AMBIENT, annotations=ENABLED)
    done = leaving(mesh(stays, cart(), labels={}, said=dump("own")))
    assert (done.state, done.total) == (State.DONE, 1)


# Replaced


def owned(name: str, uid: str, **parts: Any) -> Raw:
    owner = {"kind": "StatefulSet", "name": "cart", "controller": True}
    return cart(name, metadata={"uid": uid, "ownerReferences": [owner]}, **parts)


def restarted(replicas: int = 1) -> Patch:
    it = made(
        "StatefulSet", "cart", "shop", spec={"replicas": replicas, "template": {"metadata": {}}}
    )
    found = changes.restart(Ref(STATEFULSET, "shop", "cart"), it, STARTED)
    assert isinstance(found, Patch)
    return found


def test_a_restart_is_done_when_the_new_pods_are_captured() -> None:
    ghost = mesh(owned("cart-0", "old", annotations=ENABLED), labels=AMBIENT, said=dump())
    following = begun(restarted(), ghost)
    assert (following.goal, following.old) == (Goal.REPLACED, frozenset({"old"}))
    still = verification.progress(following, ghost, NOW)
    assert (still.state, missing(still)) == (State.FOLLOWING, [("cart-0", "replaced")])
    gone = verification.progress(following, mesh(labels=AMBIENT), NOW)
    assert (gone.state, gone.text) == (State.FOLLOWING, "0 of 1 pod replaced")
    new = owned("cart-0", "Pod-shop-cart-0", annotations=ENABLED)
    lost = verification.progress(following, mesh(new, labels=AMBIENT, said=dump()), NOW)
    assert missing(lost) == [("cart-0", "proxied")]
    cured = verification.progress(following, mesh(new, labels=AMBIENT, said=dump("cart-0")), NOW)
    assert (cured.state, cured.text) == (State.DONE, "1 of 1 pod replaced")


def test_outside_the_mesh_a_new_pod_has_to_be_ready_and_no_more() -> None:
    following = begun(restarted(), mesh(owned("cart-0", "old"), labels={}))
    done = verification.progress(following, mesh(owned("cart-0", "new"), labels={}), NOW)
    assert done.state is State.DONE
    unready = {"conditions": [{"type": "Ready", "status": "False"}]}
    waits = mesh(owned("cart-0", "new", status=unready), labels={})
    assert missing(verification.progress(following, waits, NOW)) == [("cart-0", "ready")]


# Bound


def service(name: str, said: str = "", *, bound: bool = True) -> Raw:
    condition = {
        "type": "istio.io/WaypointBound",
        "status": str(bound),
        "reason": "WaypointAccepted" if bound else "WaypointIsNotReady",
        "message": said,
    }
    return made("Service", name, "shop", status={"conditions": [condition] if said else []})


WAYPOINT = made(
    "Gateway",
    "wp",
    "shop",
    spec={"gatewayClassName": "istio-waypoint"},
    status={
        "addresses": [{"value": "10.0.0.1"}],
        "conditions": [{"type": "Programmed", "status": "True"}],
    },
)
READY = pod("wp-1", labels={"gateway.networking.k8s.io/gateway-name": "wp"})
BIND = change({}, {"istio.io/use-waypoint": "wp"})
CLEAR = change({"istio.io/use-waypoint": "wp"}, {"istio.io/use-waypoint": None})


@pytest.mark.parametrize(
    ("said", "bound", "state"),
    [
        ("Successfully attached to waypoint shop/wp", True, State.DONE),
        ("Successfully attached to waypoint shop/wp. Ingress traffic …", True, State.DONE),
        ("Successfully attached to waypoint shop/other", True, State.FOLLOWING),
        ('waypoint "shop/wp" is not ready', False, State.FAILING),
        ("", True, State.FOLLOWING),
    ],
)
def test_services_are_bound_when_istiod_says_so(said: str, bound: bool, state: State) -> None:
    following = begun(BIND, mesh(labels={}))
    labels = {"istio.io/use-waypoint": "wp"}
    found = mesh(WAYPOINT, READY, service("web", said, bound=bound), labels=labels)
    progress = verification.progress(following, found, NOW)
    assert (progress.state, following.goal) == (state, Goal.BOUND)
    assert missing(progress) == ([] if state is State.DONE else [("web", "bound")])


def test_services_are_without_a_waypoint_when_istiod_says_nothing_of_one() -> None:
    following = begun(CLEAR, mesh(labels={"istio.io/use-waypoint": "wp"}))
    still = mesh(service("web", "Successfully attached to waypoint shop/wp"), labels={})
    assert missing(verification.progress(following, still, NOW)) == [("web", "bound")]
    done = verification.progress(following, mesh(service("web"), labels={}), NOW)
    assert done.state is State.DONE


def test_a_new_waypoint_is_ready_when_programmed_with_a_ready_pod() -> None:
    following = begun(
        Create(title="", target=Ref(GATEWAY, "shop", "wp"), wanted={}), mesh(labels={})
    )
    for objects in ((), (WAYPOINT,), (READY,)):
        progress = verification.progress(following, mesh(*objects, labels={}), NOW)
        assert missing(progress) == [("wp", "ready")]
    done = verification.progress(following, mesh(WAYPOINT, READY, labels={}), NOW)
    assert done.state is State.DONE


# What is followed at all


def test_only_what_can_be_proved_is_followed() -> None:
    found = mesh(labels={})
    assert verification.begin(change({}, {"team": "web"}), found, STARTED) is None
    config = Create(title="", target=Ref(DEPLOYMENT, "shop", "x"), wanted={})
    assert verification.begin(config, found, STARTED) is None


def test_the_ztunnels_of_its_nodes_are_asked() -> None:
    found = mesh(cart(), pod("far", "other", node="node-2"), labels=AMBIENT)
    following = begun(ENROLL, found)
    assert verification.probes(following, found) == (ztunnels.dump_probe(ZTUNNEL),)


# The recorded mesh


@pytest.mark.parametrize(
    ("namespace", "text", "left"),
    [
        ("shop", "7 of 8 pods captured", [("checkout-5f686c4cb7-fz2sg", "proxied")]),
        ("payments", "3 of 3 pods captured", []),
        ("batch", "1 of 2 pods captured", [("reports-864dfcf76c-htxkg", "annotated")]),
    ],
)
def test_the_ghost_and_the_missed_pod_of_the_recorded_mesh_are_found(
    namespace: str, text: str, left: list[tuple[str, str]]
) -> None:
    found = recorded("shop")
    it = found.find(NAMESPACE, "", namespace)
    assert it is not None
    patch = {"metadata": {"labels": AMBIENT}}
    asked = Patch(title="", target=Ref(NAMESPACE, "", namespace), before=it, patch=patch)
    started = found.now - timedelta(seconds=10)
    until = started + timedelta(seconds=60)
    following = Verification(asked, Goal.CAPTURED, started, frozenset(), until)
    progress = verification.progress(following, found, found.now)
    assert progress.state is (State.FAILING if left else State.DONE)
    assert (progress.text, missing(progress)) == (text, left)
