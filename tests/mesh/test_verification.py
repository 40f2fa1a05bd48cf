"""Verification: how far the evidence is after a change, in the recorded mesh and in ones made for a case each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from meshtui.mesh import changes, dumps, verification, ztunnels
from meshtui.mesh.changes import Create, Delete, Patch
from meshtui.mesh.kinds import DEPLOYMENT, GATEWAY, NAMESPACE, POD, SERVICE, STATEFULSET, Kind
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Answer, Phase, Problem, Ref, Scope, Snapshot, Source, Trouble
from meshtui.mesh.verification import Goal, Progress, State, Verification
from tests.mesh.made import NOW, before, config_map, made, pod, snapshot
from tests.recordings import snapshot as recorded

AMBIENT = {"istio.io/dataplane-mode": "ambient"}
OUT = {"istio.io/dataplane-mode": "none"}
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


def begun(it: Patch | Create | Delete, before: Snapshot) -> Verification:
    found = verification.begin(it, before, STARTED)
    assert found is not None
    patience = 90 if found.goal is Goal.READY else 60
    assert found.until == STARTED + timedelta(seconds=patience)
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
    assert (alone.state, missing(alone)) == (State.FAILING, [("agent", "wanted")])
    assert "hostNetwork" in alone.missing[0].verdict.reason
    assert alone.remedy


def test_a_namespace_that_the_cni_agent_leaves_out_fails_pod_by_pod_with_the_next_step() -> None:
    """EXCLUDE_NAMESPACES: the label has no effect (AMB-006 of doctor-rules.md)."""
    excluded = config_map(EXCLUDE_NAMESPACES="kube-system,shop")
    found = enrolling(mesh(cart(), cart("b"), excluded, labels=AMBIENT))
    assert (found.state, found.text) == (State.FAILING, "0 of 2 pods captured")
    assert missing(found) == [("b", "wanted"), ("cart", "wanted")]
    assert "excluded" in found.missing[0].verdict.reason
    assert "EXCLUDE_NAMESPACES" in found.remedy


def test_a_waypoint_alone_in_its_namespace_is_nothing_to_capture() -> None:
    own = {"gateway.networking.k8s.io/gateway-name": "waypoint", **OUT}
    found = enrolling(mesh(cart("waypoint", labels=own), labels=AMBIENT))
    assert (found.state, found.text) == (State.DONE, "there is no pod of shop to capture")


def test_a_waypoint_was_never_in_so_that_it_is_not_released() -> None:
    own = {"gateway.networking.k8s.io/gateway-name": "waypoint", **OUT}
    found = leaving(mesh(cart(), cart("waypoint", labels=own), labels={}, said=dump()))
    assert (found.state, found.text) == (State.DONE, "1 of 1 pod released")


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
CREATE = Create(title="", target=Ref(GATEWAY, "shop", "wp"), wanted={})
DELETE = Delete(title="", target=Ref(GATEWAY, "shop", "wp"), before=WAYPOINT)
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


def test_a_service_is_bound_by_itself() -> None:
    it = made("Service", "web", "shop")
    labels = {"metadata": {"labels": {"istio.io/use-waypoint": "wp"}}}
    target = Ref(SERVICE, "shop", "web")
    following = begun(Patch(title="", target=target, before=it, patch=labels), mesh(labels={}))
    assert following.goal is Goal.BOUND
    bound = service("web", "Successfully attached to waypoint shop/wp")
    bound["metadata"]["labels"] = {"istio.io/use-waypoint": "wp"}
    other = service("other", 'waypoint "shop/wp" is not ready', bound=False)
    found = mesh(WAYPOINT, READY, bound, other, labels={})
    progress = verification.progress(following, found, NOW)
    assert (progress.state, progress.text) == (State.DONE, "1 of 1 service as the labels ask")
    unlabelled = mesh(WAYPOINT, READY, service("web"), labels={})
    progress = verification.progress(following, unlabelled, NOW)
    assert progress.state is State.FOLLOWING
    assert "were not seen yet, or were put back" in progress.text


# A waypoint


def programmed(status: str, reason: str, **more: Any) -> Raw:
    said = {"type": "Programmed", "status": status, "reason": reason, "message": "why"}
    conditions = [said, *more.pop("conditions", ())]
    return {**WAYPOINT, "status": {**WAYPOINT["status"], "conditions": conditions, **more}}


WAITING = pod(
    "wp-1",
    labels={"gateway.networking.k8s.io/gateway-name": "wp"},
    status={"phase": "Pending", "conditions": [{"type": "Ready", "status": "False"}]},
)
REJECTED = {"type": "Accepted", "status": "False", "reason": "ListenersNotValid", "message": "x"}


@pytest.mark.parametrize(
    ("objects", "link", "state", "said"),
    [
        ((), "there", State.FOLLOWING, "it is not there yet"),
        ((READY,), "there", State.FOLLOWING, "it is not there yet"),
        ((WAYPOINT,), "pods", State.FOLLOWING, "it has no pods yet"),
        ((WAYPOINT, WAITING), "pods", State.FOLLOWING, "none of 1 pod is ready: wp-1: Pending"),
        (
            (programmed("False", "AddressNotAssigned", addresses=[]),),
            "programmed",
            State.FOLLOWING,
            "it is not programmed: AddressNotAssigned: why",
        ),
        (
            (programmed("False", "Invalid"), READY),
            "programmed",
            State.FAILING,
            "it is not programmed: Invalid: why",
        ),
        (
            (programmed("True", "Programmed", conditions=[REJECTED]), READY),
            "accepted",
            State.FAILING,
            "ListenersNotValid: x",
        ),
        (
            (programmed("True", "Programmed", addresses=None), READY),
            "address",
            State.FOLLOWING,
            "it has no address yet",
        ),
    ],
)
def test_a_new_waypoint_that_is_not_ready_names_the_link(
    objects: tuple[Raw, ...], link: str, state: State, said: str
) -> None:
    following = begun(CREATE, mesh(labels={}))
    progress = verification.progress(following, mesh(*objects, labels={}), NOW)
    assert (progress.state, missing(progress)) == (state, [("wp", link)])
    assert progress.missing[0].verdict.reason == said
    assert progress.remedy


def test_a_new_waypoint_is_ready_when_programmed_with_a_ready_pod() -> None:
    following = begun(CREATE, mesh(labels={}))
    assert following.goal is Goal.READY
    done = verification.progress(following, mesh(WAYPOINT, READY, labels={}), NOW)
    assert (done.state, done.text) == (State.DONE, "1 of 1 waypoint ready")
    links = [(link.title, link.text) for link in done.proofs[0].links]
    assert links[-1] == ("pods", "1 of 1 pod ready")


def test_a_deleted_waypoint_is_gone_when_its_pods_are() -> None:
    following = begun(DELETE, mesh(WAYPOINT, READY, labels={}))
    assert following.goal is Goal.GONE
    metadata = {
        **WAYPOINT["metadata"],
        "deletionTimestamp": before(5),
        "finalizers": ["example/keep"],
    }
    for objects, link, said in (
        ((WAYPOINT, READY), "deleted", "it is still there"),
        (({**WAYPOINT, "metadata": metadata},), "deleted", "and waits for example/keep"),
        ((READY,), "pods", "1 pod of it still there: wp-1"),
    ):
        progress = verification.progress(following, mesh(*objects, labels={}), NOW)
        assert (progress.state, missing(progress)) == (State.FOLLOWING, [("wp", link)])
        assert said in progress.missing[0].verdict.reason
    anew = {**WAYPOINT, "metadata": {**WAYPOINT["metadata"], "uid": "another"}}
    progress = verification.progress(following, mesh(anew, labels={}), NOW)
    assert progress.state is State.FAILING
    gone = verification.progress(following, mesh(labels={}), NOW)
    assert (gone.state, gone.text) == (State.DONE, "1 of 1 waypoint gone, with its pods")


@pytest.mark.parametrize("kind", [GATEWAY, POD])
def test_what_may_not_be_read_is_not_gone(kind: Kind) -> None:
    following = begun(DELETE, mesh(WAYPOINT, READY, labels={}))
    source = Source(Phase.FORBIDDEN, problem=DENIED)
    found = mesh(labels={}, sources={Scope(kind): source})
    progress = verification.progress(following, found, NOW)
    assert (progress.state, progress.text) == (State.FOLLOWING, DENIED.text)


# From sidecars

INJECTED = {"istio-injection": "enabled"}
SIDECAR = {"sidecar.istio.io/status": "{}"}


def moved(*awaited: str) -> Patch:
    it = change(INJECTED, {"istio-injection": None, **AMBIENT})
    return replace(it, awaits=frozenset(awaited))


def test_a_pod_that_keeps_its_sidecar_is_the_link_that_fails() -> None:
    old = owned("cart-0", "old", annotations=SIDECAR)
    following = begun(moved(), mesh(old, labels=INJECTED))
    assert following.goal is Goal.CAPTURED
    there = mesh(old, cart("web", annotations=ENABLED), labels=AMBIENT, said=dump("web"))
    progress = verification.progress(following, there, NOW)
    assert (progress.state, progress.text) == (State.FAILING, "1 of 2 pods captured")
    assert missing(progress) == [("cart-0", "sidecar")]
    assert "Restart StatefulSet/cart" in progress.remedy
    new = owned("cart-0", "Pod-shop-cart-0", annotations=ENABLED)
    captured = mesh(new, labels=AMBIENT, said=dump("cart-0"))
    assert verification.progress(following, captured, NOW).state is State.DONE


def test_pods_that_are_restarted_next_are_not_waited_for_and_are_named() -> None:
    old = owned("cart-0", "old", annotations=SIDECAR)
    following = begun(moved("old"), mesh(old, labels=INJECTED))
    progress = verification.progress(following, mesh(old, labels=AMBIENT), NOW)
    said = "its labels are written; 1 pod to be restarted next: cart-0"
    assert (progress.state, progress.text) == (State.DONE, said)
    put_back = verification.progress(following, mesh(old, labels=INJECTED), NOW)
    assert put_back.state is State.FOLLOWING


def test_a_restart_that_gives_a_pod_its_sidecar_again_is_not_done() -> None:
    old = owned("cart-0", "old", annotations=SIDECAR)
    following = begun(restarted(), mesh(old, labels=AMBIENT))
    again = owned("cart-0", "new", annotations=SIDECAR)
    progress = verification.progress(following, mesh(again, labels=AMBIENT), NOW)
    assert (progress.state, missing(progress)) == (State.FAILING, [("cart-0", "sidecar")])
    assert "sidecar.istio.io/inject" in progress.missing[0].verdict.reason
    both = mesh(again, labels={**AMBIENT, **INJECTED})
    assert verification.progress(following, both, NOW).state is State.DONE


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
