"""The mTLS mode in force: levels and precedence of istio-ambient.md, 7.6, and the recorded namespaces."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from meshtui.mesh import peer_authentication
from meshtui.mesh.kinds import NAMESPACE, PEER_AUTHENTICATION, Kind
from meshtui.mesh.peer_authentication import Mode, Mtls
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Phase, Problem, Scope, Snapshot, Source, Trouble
from tests import recordings
from tests.anything import JSON
from tests.mesh.made import NOW, made, pod, snapshot

ROOT = "istio-system"


def policy(
    name: str,
    namespace: str,
    mode: str = "",
    *,
    age: float = 100,
    app: str = "",
    ports: dict[str, str] | None = None,
) -> Raw:
    spec: dict[str, Any] = {"mtls": {"mode": mode}} if mode else {}
    if app:
        spec["selector"] = {"matchLabels": {"app": app}}
    if ports:
        spec["portLevelMtls"] = {port: {"mode": each} for port, each in ports.items()}
    return made("PeerAuthentication", name, namespace, age=age, spec=spec)


def mtls(*policies: Raw, namespace: str = "shop", app: str | None = None) -> Mtls:
    found = peer_authentication.in_force(snapshot(*policies, made("Namespace", namespace)), ROOT)
    labels = None if app is None else {"app": app, "other": "label"}
    return peer_authentication.effective(found[namespace], labels)


MESH_STRICT = policy("default", ROOT, "STRICT")


@pytest.mark.parametrize(
    ("policies", "app", "expected"),
    [
        ([], None, Mtls(Mode.PERMISSIVE)),
        ([MESH_STRICT], None, Mtls(Mode.STRICT, "istio-system/default")),
        # the namespace beats the mesh, the workload beats the namespace
        (
            [MESH_STRICT, policy("ns", "shop", "PERMISSIVE")],
            *(None, Mtls(Mode.PERMISSIVE, "shop/ns")),
        ),
        (
            [policy("ns", "shop", "PERMISSIVE"), policy("w", "shop", "STRICT", app="cart")],
            *("cart", Mtls(Mode.STRICT, "shop/w")),
        ),
        (
            [policy("ns", "shop", "PERMISSIVE"), policy("w", "shop", "STRICT", app="cart")],
            *("web", Mtls(Mode.PERMISSIVE, "shop/ns")),
        ),
        # a selector is never for the namespace as a whole
        ([policy("w", "shop", "STRICT", app="cart")], None, Mtls(Mode.PERMISSIVE)),
        # UNSET and absent inherit
        (
            [MESH_STRICT, policy("ns", "shop"), policy("w", "shop", "UNSET", app="cart")],
            *("cart", Mtls(Mode.STRICT, "istio-system/default")),
        ),
        # the oldest of a level wins, at each of them
        (
            [policy("new", ROOT, "PERMISSIVE", age=10), policy("old", ROOT, "STRICT", age=20)],
            *(None, Mtls(Mode.STRICT, "istio-system/old")),
        ),
        (
            [
                policy("new", "shop", "DISABLE", age=10, app="cart"),
                policy("old", "shop", "STRICT", age=20, app="cart"),
            ],
            *("cart", Mtls(Mode.STRICT, "shop/old")),
        ),
        # with a selector in the root namespace it is for nobody in ambient
        ([policy("w", ROOT, "STRICT", app="cart")], "cart", Mtls(Mode.PERMISSIVE)),
        # another namespace's is none of ours
        ([policy("ns", "other", "STRICT")], None, Mtls(Mode.PERMISSIVE)),
        # ports
        (
            [policy("w", "shop", "STRICT", app="cart", ports={"8080": "PERMISSIVE"})],
            *("cart", Mtls(Mode.STRICT, "shop/w", {"8080": Mode.PERMISSIVE})),
        ),
        (
            [policy("w", "shop", "PERMISSIVE", app="cart", ports={"8080": "STRICT"})],
            *("cart", Mtls(Mode.PERMISSIVE, "shop/w", {"8080": Mode.STRICT})),
        ),
        # quirk (a): DISABLE exemptions under an inherited STRICT are passed over
        (
            [MESH_STRICT, policy("w", "shop", app="cart", ports={"8080": "DISABLE"})],
            *("cart", Mtls(Mode.STRICT, "istio-system/default")),
        ),
        (
            [MESH_STRICT, policy("w", "shop", app="cart", ports={"8080": "PERMISSIVE"})],
            *("cart", Mtls(Mode.STRICT, "istio-system/default", {"8080": Mode.PERMISSIVE})),
        ),
    ],
)
def test_precedence(policies: list[Raw], app: str | None, expected: Mtls) -> None:
    assert mtls(*policies, app=app) == expected


def test_the_root_namespace_is_ruled_by_the_mesh_wide_policy() -> None:
    assert mtls(MESH_STRICT, namespace=ROOT) == Mtls(Mode.STRICT, "istio-system/default")
    in_root = policy("w", ROOT, "STRICT", app="cart")
    assert mtls(in_root, namespace=ROOT, app="cart") == Mtls(Mode.PERMISSIVE)


def test_recorded_namespaces() -> None:
    found = peer_authentication.in_force(recordings.snapshot("shop"), ROOT)
    assert peer_authentication.effective(found["payments"]) == Mtls(Mode.STRICT, "payments/default")
    assert peer_authentication.effective(found["shop"]) == Mtls(Mode.PERMISSIVE)


REFUSED = Source(Phase.FORBIDDEN, problem=Problem(Trouble.FORBIDDEN, "you may not list them"))


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (
            {Scope(PEER_AUTHENTICATION): Source(Phase.ABSENT)},
            Mtls(Mode.NONE, reason="PeerAuthentication is not installed in this cluster"),
        ),
        (
            {Scope(PEER_AUTHENTICATION): REFUSED},
            Mtls(Mode.UNKNOWN, reason="you may not list them"),
        ),
        # those of the mesh may decide too: a list of one's own namespace is not enough
        (
            {
                Scope(PEER_AUTHENTICATION): REFUSED,
                Scope(PEER_AUTHENTICATION, "shop"): Source(Phase.LIVE),
            },
            Mtls(Mode.UNKNOWN, reason="you may not list them"),
        ),
        (
            {},
            Mtls(
                Mode.UNKNOWN,
                reason="the PeerAuthentications of istio-system were not read yet",
            ),
        ),
    ],
)
def test_what_was_not_read_is_not_permissive(sources: dict[Scope, Source], expected: Mtls) -> None:
    known = {NAMESPACE: {"shop": made("Namespace", "shop")}}
    found = peer_authentication.in_force(Snapshot(NOW, objects=known, sources=sources), ROOT)
    assert peer_authentication.effective(found["shop"]) == expected


@given(JSON, JSON)
@settings(deadline=None, derandomize=True)
def test_no_object_crashes_it(spec: Any, metadata: Any) -> None:
    odd = {"metadata": metadata, "spec": spec}
    fine = {"metadata": {"namespace": "shop", "name": "it"}, "spec": spec}
    objects: dict[Kind, dict[str, Raw]] = {
        PEER_AUTHENTICATION: {"odd": odd, "shop/it": fine},
        NAMESPACE: {"shop": {}},
    }
    sources = {Scope(PEER_AUTHENTICATION): Source(Phase.LIVE)}
    found = peer_authentication.in_force(Snapshot(NOW, objects=objects, sources=sources), ROOT)
    for each in found.values():
        peer_authentication.effective(each)
        peer_authentication.effective(each, {"app": "cart"})


def test_it_is_the_same_in_the_next_snapshot() -> None:
    """Though names of namespaces are other strings in every object that has one."""
    first = snapshot(made("Namespace", "shop"), made("Namespace", "batch"), pod(namespace="batch"))
    before = peer_authentication.in_force(first, ROOT)
    later = json.loads(json.dumps({str(kind): found for kind, found in first.objects.items()}))
    again = {kind: later[str(kind)] for kind in first.objects}
    after = peer_authentication.in_force(replace(first, objects=again), ROOT)
    assert all(before[name] is after[name] for name in ("shop", "batch"))
