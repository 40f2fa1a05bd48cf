"""Past: what the audit keeps of a change takes it back as the change itself would, in that cluster and as long as
nothing else was written; and whatever stands in the file, it is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from msgspec.structs import replace

from meshtui.mesh import changes, past, standing
from meshtui.mesh.changes import Change, Create, Delete, Patch, Refusal
from meshtui.mesh.kinds import DEPLOYMENT, GATEWAY, SECRET
from meshtui.mesh.past import Past
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Ref, Server
from tests.anything import JSON

HERE = Server(context="prod-eu1", url="https://10.0.0.1:6443")
MODE = "istio.io/dataplane-mode"
WEB = Ref(DEPLOYMENT, "shop", "web")
WAYPOINT = Ref(GATEWAY, "shop", "waypoint")


def it(version: str = "7", *, kind: str = "apps/v1 Deployment", **parts: Any) -> Raw:
    """An object as a server answers it, with what nobody asks for."""
    api_version, title = kind.split()
    metadata = {
        "name": "web",
        "namespace": "shop",
        "uid": "u",
        "generation": 1,
        "resourceVersion": version,
        "managedFields": [{"manager": "helm", "time": "2026-11-25T11:00:00Z", "fieldsV1": {}}],
        **parts.pop("metadata", {}),
    }
    return {
        "apiVersion": api_version,
        "kind": title,
        "metadata": metadata,
        "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "app"}]}}},
        "status": {"replicas": 1},
        **parts,
    }


def entry(change: Change, left: Raw | None, **more: Any) -> Raw:
    """The last line of the audit of a change that was made, as it is read from the file."""
    found: Raw = json.loads(
        json.dumps(
            {
                "id": "1",
                "at": "2026-11-25T12:00:00.000+00:00",
                "step": "outcome",
                "state": "applied",
                "context": HERE.context,
                "server": HERE.url,
                "title": change.title,
                "kind": str(change.target.kind),
                "namespace": change.target.namespace,
                "name": change.target.name,
                "back": past.kept(change, left),
                **more,
            }
        )
    )
    return found


def back(*entries: Raw, here: Server = HERE) -> Change | Refusal:
    return past.back(past.of(entries)[-1], here)


def patch(fields: Raw, before: Raw | None = None) -> Patch:
    return Patch(title="Change web", target=WEB, before=before or it(), patch=fields)


LABELLED = it(metadata={"labels": {"a": "1", "team": "x"}})
PATCHES = [
    patch({"metadata": {"labels": {MODE: "ambient"}}}),
    patch({"metadata": {"labels": {MODE: "ambient", "a": None}}}, LABELLED),
    patch({"spec": {"template": {"metadata": {"annotations": {"a": "1"}}}}}),
    patch({"spec": {"template": {"spec": {"containers": [{"name": "other"}]}}, "replicas": 3}}),
]


@pytest.mark.parametrize("change", PATCHES)
def test_a_patch_is_taken_back_as_in_the_run_that_made_it(change: Patch) -> None:
    left = it("8", metadata={"generation": 2, "labels": {MODE: "ambient"}}, secret="of others")
    told = entry(change, left)
    found, expected = back(told), changes.inverse(change, left)
    assert isinstance(found, Patch)
    assert isinstance(expected, Patch)
    assert (found.patch, found.title) == (expected.patch, expected.title)
    assert found.target == WEB
    assert (found.target.kind.title, found.target.kind.versions) == ("Deployment", ("v1",))
    assert standing.rebased(found, left) == standing.rebased(expected, left)
    assert "of others" not in json.dumps(told), "no more than the fields of the patch is kept"


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (None, "is gone: somebody deleted it"),
        (it("9", metadata={"uid": "other"}), "was deleted and made anew"),
        (it("9", metadata={"labels": {MODE: "none"}}), "was changed in the meantime, last by helm"),
        (it("9", metadata={"generation": 2, "labels": {MODE: "ambient"}}), "in the meantime"),
    ],
)
def test_what_was_changed_since_stops_it(now: Raw | None, words: str) -> None:
    found = back(entry(PATCHES[0], it("8", metadata={"labels": {MODE: "ambient"}})))
    assert isinstance(found, Patch)
    stands = standing.rebased(found, now)
    assert isinstance(stands, Refusal)
    assert words in stands.reason


def test_the_one_who_wrote_since_is_named_and_not_who_wrote_before() -> None:
    late = {"manager": "helm", "time": "2026-11-25T12:00:00Z"}
    left = it("8", metadata={"labels": {MODE: "ambient"}, "managedFields": [late]})
    other = {"manager": "kubectl", "time": "2026-11-25T12:00:00Z"}
    now = it("9", metadata={"labels": {MODE: "none"}, "managedFields": [other, late]})
    found = back(entry(PATCHES[0], left))
    assert isinstance(found, Patch)
    stands = standing.rebased(found, now)
    assert isinstance(stands, Refusal)
    assert "last by kubectl" in stands.reason


def test_what_was_made_is_deleted_and_what_was_deleted_is_made() -> None:
    gateway = it(kind="gateway.networking.k8s.io/v1beta1 Gateway")
    made = Create(title="Create", target=WAYPOINT, wanted={"kind": "Gateway"})
    found = back(entry(made, gateway))
    assert isinstance(found, Delete)
    assert found.danger, "the name is typed"
    assert found.target.kind.versions == ("v1beta1",)
    assert not isinstance(standing.rebased(found, {**gateway, "status": {}}), Refusal)
    assert isinstance(standing.rebased(found, {**gateway, "spec": {}}), Refusal)
    deleted = Delete(title="Delete", target=WAYPOINT, before=gateway)
    again = back(entry(deleted, None))
    assert isinstance(again, Create)
    assert again.wanted["spec"] == gateway["spec"]
    assert "uid" not in again.wanted["metadata"]


def test_why_there_is_no_way_back_is_said() -> None:
    made = entry(PATCHES[0], it("8"))
    undo = {**made, "id": "2", "undoes": "1"}
    assert isinstance(back(made, {**undo, "state": "declined"}), Patch)
    cases: list[tuple[Change | Refusal, str]] = [
        (back(made, undo), "it was taken back already"),
        (back({**made, "state": "declined"}), "it was declined, so there is nothing to take back"),
        (back({**made, "state": "refused"}), "it was refused, so there is nothing to take back"),
        (back({**made, "state": "conflict"}), "it met what somebody else had changed, so there is"),
        (back({**made, "state": "unknown"}), "whether it was made is not known"),
        (back({**made, "state": None, "step": "intent"}), "whether it was made is not known"),
        (
            back(made, here=replace(HERE, context="dev")),
            "it was made in prod-eu1: look at that first, by :ctx",
        ),
        (
            back(made, here=replace(HERE, url="https://b")),
            "it was made in prod-eu1 when that was https://10",
        ),
        (back({**made, "back": None}), "an earlier meshtui wrote it"),
    ]
    for found, words in cases:
        assert isinstance(found, Refusal)
        assert words in found.reason


def test_a_restart_has_no_way_back() -> None:
    change = Patch(title="Restart web", target=WEB, before=it(), patch={"spec": {}}, final=True)
    found = back(entry(change, it("8")))
    assert found == Refusal("there is no way back from: Restart web")


def test_of_a_secret_nothing_is_kept() -> None:
    target = Ref(SECRET, "shop", "tls")
    secret = it(kind="v1 Secret", data={"tls.key": "c2VjcmV0"})
    for change, left in (
        (
            Patch(title="Edit", target=target, before=secret, patch={"data": {"a": "c2VjcmV0"}}),
            secret,
        ),
        (Create(title="Create", target=target, wanted=secret), secret),
        (Delete(title="Delete", target=target, before=secret), None),
    ):
        assert "c2VjcmV0" not in json.dumps(past.kept(change, left))
        assert isinstance(back(entry(change, left)), Refusal)


def test_a_change_is_told_once_by_its_last_step_the_newest_first() -> None:
    steps = [
        {"id": "1", "step": "intent", "title": "one"},
        {"id": "2", "step": "intent", "title": "two"},
        {"id": "1", "step": "outcome", "state": "applied", "title": "one"},
        {"step": "outcome", "state": "refused", "title": "of no id"},
    ]
    told = [(text, each.state) for each in past.of(steps) if (text := each.entry["title"])]
    assert told == [("of no id", "refused"), ("one", "applied"), ("two", "intent")]
    assert "how it ended is not told" in past.of(steps)[-1].reason


@given(JSON, JSON)
def test_whatever_stands_in_the_file_is_told(one: Any, kept: Any) -> None:
    steps = [one] if isinstance(one, dict) else []
    for told in past.of([*steps, {**entry(PATCHES[0], it()), "back": kept}]):
        assert isinstance(told, Past)
        assert isinstance(told.state + told.reason + told.id, str)
        past.back(told, HERE)
