"""The proof that a policy is in force: what the recorded ztunnels of `shop` hold (their config_dumps)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from meshtui.mesh import raw, verification, ztunnel_probes
from meshtui.mesh.changes import Create, Delete, Patch
from meshtui.mesh.dumps import read_detail
from meshtui.mesh.kinds import AUTHORIZATION_POLICY
from meshtui.mesh.memo import Memo
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Answer, Ref, Snapshot
from meshtui.mesh.verification import Progress, State
from tests import recordings

RECORDED = recordings.Recording("shop")
SHOP = recordings.snapshot("shop")
ALLOW = Ref(AUTHORIZATION_POLICY, "payments", "allow-checkout")
WRITTEN = SHOP.objects[AUTHORIZATION_POLICY][ALLOW.key]
DETAILS = {
    ztunnel_probes.detail("istio-system", pod): Answer(read_detail(RECORDED.dump(node)), SHOP.now)
    for node, pod in (("node-1", "ztunnel-4rh2t"), ("node-2", "ztunnel-gnq4h"))
}
"""As the ztunnels answered after the change, which was a minute before."""


def read(it: Raw = WRITTEN) -> Snapshot:
    found = {**SHOP.objects[AUTHORIZATION_POLICY], raw.key(it): it}
    objects = {**SHOP.objects, AUTHORIZATION_POLICY: found}
    return replace(SHOP, objects=objects, answers={**SHOP.answers, **DETAILS}, memo=Memo())


def progress(known: Snapshot, minutes: float = 1) -> Progress:
    made = Create(title="made", target=ALLOW, wanted=WRITTEN)
    begun = verification.begin(made, SHOP, SHOP.now - timedelta(minutes=minutes))
    assert begun is not None
    assert set(verification.probes(begun, known)) <= DETAILS.keys()
    return verification.progress(begun, known, begun.started + timedelta(seconds=1))


def test_it_is_in_force_where_the_ztunnels_of_its_pods_hold_it_as_it_is_written() -> None:
    found = progress(read())
    assert found.state is State.DONE, found
    assert found.total == len(found.proofs) > 0
    assert {each.key.partition("-")[0] for each in found.proofs} == {"payments/ledger"}


def test_what_was_read_before_the_change_proves_nothing() -> None:
    found = progress(read(), minutes=-1)
    assert found.state is State.FOLLOWING
    assert "was not read since the change" in found.missing[0].verdict.reason
    assert found.remedy


OTHERWISE: list[tuple[Any, str]] = [
    ({"rules": [{"to": [{"operation": {"ports": ["9999"]}}]}]}, "has it as it was before"),
    ({"action": "DENY"}, "has it as it was before"),
]


@pytest.mark.parametrize(("spec", "words"), OTHERWISE)
def test_a_ztunnel_that_holds_another_form_of_it_is_waited_for(spec: Raw, words: str) -> None:
    found = progress(read({**WRITTEN, "spec": {**WRITTEN["spec"], **spec}}))
    assert found.state is State.FOLLOWING
    assert words in found.missing[0].verdict.reason


def test_a_list_that_does_not_have_it_yet_is_waited_for() -> None:
    left = {k: it for k, it in SHOP.objects[AUTHORIZATION_POLICY].items() if k != ALLOW.key}
    found = progress(replace(read(), objects={**SHOP.objects, AUTHORIZATION_POLICY: left}))
    assert (found.state, found.text) == (
        State.FOLLOWING, "the policy as it was written was not seen yet",
    )  # fmt: skip


TARGETED = {"targetRefs": [{"group": "", "kind": "Service", "name": "ledger"}]}
TRIAL = {"metadata": {"annotations": {"istio.io/dry-run": "true"}}}
CHANGES = [
    # a change, and whether dumps of ztunnels can tell of it
    (Patch(title="", target=ALLOW, before=WRITTEN, patch={"spec": {"rules": []}}), True),
    (Patch(title="", target=ALLOW, before=WRITTEN, patch={"spec": TARGETED}), False),
    (Patch(title="", target=ALLOW, before=WRITTEN, patch={"spec": {"action": "AUDIT"}}), False),
    (Patch(title="", target=ALLOW, before=WRITTEN, patch=TRIAL), False),
    (Delete(title="", target=ALLOW, before=WRITTEN), False),
]


@pytest.mark.parametrize(("change", "tells"), CHANGES, ids=range(len(CHANGES)))
def test_only_what_reaches_ztunnels_is_followed(change: Patch | Delete, tells: bool) -> None:
    assert (verification.begin(change, SHOP, SHOP.now) is not None) is tells
