"""What a change would newly break in the recorded mesh, by the doctor's rules."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from meshtui.mesh import changes, foresight, preflight
from meshtui.mesh.changes import Change, Delete, Patch
from meshtui.mesh.doctor import rows
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import (
    AUTHORIZATION_POLICY,
    GATEWAY,
    NAMESPACE,
    NETWORK_POLICY,
    POD,
    SERVICE,
    VIRTUAL_SERVICE,
    Kind,
)
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Phase, Ref, Scope, Snapshot, Source
from tests.mesh.test_workloads import mesh
from tests.ui import situations

SHOP = situations.shop()


def edited(
    kind: Kind, namespace: str, name: str, write: Callable[[Raw], None]
) -> tuple[Change, Raw]:
    """An object as somebody would have it, and the change to that."""
    it = SHOP.find(kind, namespace, name)
    assert it is not None
    after = copy.deepcopy(it)
    write(after)
    change = changes.edit(Ref(kind, namespace, name), it, after)
    assert isinstance(change, Patch)
    return change, after


def told(change: Change, expected: Raw | None) -> list[tuple[Health, str]]:
    checks = foresight.of(change, expected, SHOP)
    assert all(each.remedy for each in checks)
    return [(each.verdict.health, each.verdict.reason.rpartition(" ")[2]) for each in checks]


def methods(it: Raw) -> None:
    it["spec"]["rules"][0]["to"][0]["operation"]["methods"] = ["GET"]


def everybody(it: Raw) -> None:
    it["spec"]["podSelector"] = {}


def elsewhere(it: Raw) -> None:
    it["spec"]["http"][0]["route"][0]["destination"]["host"] = "nowhere"


@pytest.mark.parametrize(
    ("kind", "where", "write", "health", "code"),
    [
        (AUTHORIZATION_POLICY, "payments/allow-checkout", methods, Health.BAD, "AMB-028"),
        # it keeps out the mesh from refunds already, and would do so from ledger too
        (NETWORK_POLICY, "payments/only-8080", everybody, Health.BAD, "AMB-010"),
        (VIRTUAL_SERVICE, "legacy/classic", elsewhere, Health.BAD, "IST0101"),
    ],
)
def test_what_an_edit_would_newly_break(
    kind: Kind, where: str, write: Callable[[Raw], None], health: Health, code: str
) -> None:
    namespace, _, name = where.partition("/")
    assert told(*edited(kind, namespace, name, write)) == [(health, f"({code})")]


def test_an_edit_that_mends_or_does_nothing_is_passed_over() -> None:
    def mend(it: Raw) -> None:
        it["spec"]["ingress"][0]["ports"].append({"port": 15008, "protocol": "TCP"})

    def note(it: Raw) -> None:
        it["metadata"].setdefault("annotations", {})["note"] = "seen"

    assert told(*edited(NETWORK_POLICY, "payments", "only-8080", mend)) == []
    assert told(*edited(SERVICE, "shop", "catalog", note)) == []


def test_what_the_pre_flight_says_is_not_said_again() -> None:
    """A waypoint that goes, and pods that join."""
    waypoint = SHOP.find(GATEWAY, "shop", "waypoint")
    assert waypoint is not None
    change = Delete(title="Delete it", target=Ref(GATEWAY, "shop", "waypoint"), before=waypoint)
    assert preflight.of(change, SHOP)
    assert not {code for _, code in told(change, None)} & {"(AMB-019)", "(AMB-029)", "(AMB-031)"}
    plain = SHOP.find(NAMESPACE, "", "plain")
    assert plain is not None
    enroll = changes.enroll(plain, SHOP)
    assert isinstance(enroll, Patch)
    labelled = copy.deepcopy(plain)
    labelled["metadata"].setdefault("labels", {}).update(enroll.patch["metadata"]["labels"])
    assert preflight.of(enroll, SHOP)
    assert told(enroll, labelled) == []


def test_while_pods_are_read_it_is_not_known() -> None:
    loading = replace(SHOP, sources={**SHOP.sources, Scope(POD): Source(Phase.LOADING)})
    change, expected = edited(AUTHORIZATION_POLICY, "payments", "allow-checkout", methods)
    (check,) = foresight.of(change, expected, loading)
    assert check.verdict.health is Health.UNKNOWN


def test_what_is_known_of_the_cluster_is_left_as_it_is() -> None:
    before = rows.examined(SHOP)
    told(*edited(AUTHORIZATION_POLICY, "payments", "allow-checkout", methods))
    assert rows.examined(SHOP) is before


def test_one_object_of_a_large_mesh_is_examined_in_a_part_of_the_time_of_the_whole() -> None:
    found: Snapshot = mesh(pods=10_000, nodes=300, namespaces=100)
    start = time.thread_time()
    rows.examined(found)
    whole = time.thread_time() - start
    it = found.find(NAMESPACE, "", "ns-0")
    assert it is not None
    note: Raw = {**it, "metadata": {**it["metadata"], "annotations": {"note": "seen"}}}
    change = changes.edit(Ref(NAMESPACE, "", "ns-0"), it, note)
    assert isinstance(change, Patch)
    start = time.thread_time()
    foresight.of(change, note, found)
    assert time.thread_time() - start < whole / 2
