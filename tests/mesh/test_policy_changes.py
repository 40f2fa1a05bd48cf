"""What is responsible for a denial, and the changes that let it through, over the recorded mesh."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from meshtui.mesh import changes, denial_policies, policy_changes
from meshtui.mesh.access import reasons
from meshtui.mesh.changes import Create, Patch, Refusal
from meshtui.mesh.denial_rows import Row
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import AUTHORIZATION_POLICY, DEPLOYMENT, NETWORK_POLICY, POD
from meshtui.mesh.snapshot import Ref, Snapshot
from tests.ui import situations

SHOP = situations.shop()
ALLOW_CHECKOUT = Ref(AUTHORIZATION_POLICY, "payments", "allow-checkout")
MINIMAL = Ref(AUTHORIZATION_POLICY, "payments", "allow-storefront-to-ledger-8080")
RULE = {
    "from": [{"source": {"principals": ["cluster.local/ns/shop/sa/storefront"]}}],
    "to": [{"operation": {"ports": ["8080"]}}],
}


def row(source: str, destination: str, code: str) -> Row:
    assert SHOP.heard is not None
    (found,) = (
        each
        for each in SHOP.heard.rows
        if (each.source, each.destination, each.reason.code) == (source, destination, code)
    )
    return found


REFUSED = row("shop/storefront", "payments/ledger", "no-allow")


def having(kind: Any, *objects: Any) -> Snapshot:
    """The mesh with these objects of a kind beside the others, in place of those of their names."""
    known = {f"{it['metadata']['namespace']}/{it['metadata']['name']}": it for it in objects}
    return replace(SHOP, objects={**SHOP.objects, kind: {**SHOP.objects.get(kind, {}), **known}})


def made(snapshot: Snapshot = SHOP, *, trial: bool = False) -> Create:
    change = policy_changes.allow(REFUSED, snapshot, trial=trial)
    assert isinstance(change, Create)
    return change


def test_the_minimal_allow_is_made_for_one_identity_one_workload_and_one_port() -> None:
    change = made()
    assert change.target == MINIMAL
    assert change.wanted == {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": MINIMAL.name, "namespace": "payments"},
        "spec": {
            "selector": {"matchLabels": {"app": "ledger"}},
            "action": "ALLOW",
            "rules": [RULE],
        },
    }
    assert change.reach == ("it is for 2 pods of payments (app=ledger)",)
    assert (change.danger, change.warnings) == (False, ())


def test_a_trial_says_that_istiod_sends_none_unless_it_is_told_to() -> None:
    change = made(trial=True)
    assert change.wanted["metadata"]["annotations"] == {"istio.io/dry-run": "true"}
    (warning,) = change.warnings
    assert "AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY is not true" in warning
    variable = {"name": "AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY", "value": "true"}
    istiod = {
        "metadata": {"name": "istiod-next", "namespace": "istio-system", "labels": {"app": "istiod"}},
        "spec": {"template": {"spec": {"containers": [{"name": "discovery", "env": [variable]}]}}},
    }  # fmt: skip
    (warning,) = made(having(DEPLOYMENT, istiod), trial=True).warnings
    assert warning == "a ztunnel older than 1.29 enforces it all the same"


def test_the_first_allow_of_a_workload_refuses_everybody_else_and_is_a_danger() -> None:
    none = replace(SHOP, objects={**SHOP.objects, AUTHORIZATION_POLICY: {}})
    change = made(none)
    assert change.danger
    assert "everybody else is refused" in change.warnings[0]


def test_what_is_there_already_is_not_made_again() -> None:
    found = policy_changes.allow(REFUSED, having(AUTHORIZATION_POLICY, made().wanted))
    assert found == Refusal(f"AuthorizationPolicy {MINIMAL.key} exists already")


def test_for_what_no_allow_would_change_there_is_none() -> None:
    strict = row("plain/curl", "payments/ledger", "plain-text-under-strict")
    assert policy_changes.target(strict, SHOP) is None
    assert policy_changes.allow(strict, SHOP) == Refusal("no ALLOW policy would change this")


def test_a_trial_is_made_good_by_taking_its_annotation_away() -> None:
    trial = made(trial=True).wanted
    there = having(AUTHORIZATION_POLICY, trial)
    change = policy_changes.enforce(MINIMAL, trial, REFUSED, there)
    assert isinstance(change, Patch)
    assert change.patch == {"metadata": {"annotations": {"istio.io/dry-run": None}}}
    assert not change.danger, "allow-checkout is for the same pods"
    again = policy_changes.enforce(MINIMAL, made().wanted, REFUSED, there)
    assert isinstance(again, Refusal)


def test_its_rule_can_be_added_to_an_allow_that_is_there() -> None:
    assert denial_policies.allowing(REFUSED, SHOP) == [ALLOW_CHECKOUT]
    it = SHOP.find(AUTHORIZATION_POLICY, "payments", "allow-checkout")
    assert it is not None
    change = policy_changes.admit(ALLOW_CHECKOUT, it, REFUSED, SHOP)
    assert isinstance(change, Patch)
    assert change.patch == {"spec": {"rules": [*it["spec"]["rules"], RULE]}}
    after = {**it, "spec": {**it["spec"], "rules": change.patch["spec"]["rules"]}}
    assert isinstance(policy_changes.admit(ALLOW_CHECKOUT, after, REFUSED, SHOP), Refusal)
    deny = {**it, "spec": {**it["spec"], "action": "DENY"}}
    assert isinstance(policy_changes.admit(ALLOW_CHECKOUT, deny, REFUSED, SHOP), Refusal)


@pytest.mark.parametrize("spec", [None, [], {"rules": None}, {"rules": "all"}])
def test_odd_policies_get_the_rule_all_the_same(spec: Any) -> None:
    it = {"metadata": {"name": "allow-checkout", "namespace": "payments"}, "spec": spec}
    change = policy_changes.admit(ALLOW_CHECKOUT, it, REFUSED, SHOP)
    assert isinstance(change, Patch)
    assert change.patch == {"spec": {"rules": [RULE]}}


def test_what_somebody_writes_may_have_another_name_but_be_nothing_else() -> None:
    change = made()
    other = {**change.wanted, "metadata": {"name": "let-them-in", "namespace": "payments"}}
    found = changes.rewritten(change, other)
    assert isinstance(found, Create)
    assert (found.target.key, found.wanted) == ("payments/let-them-in", other)
    for wrong in (
        None,
        "text",
        {**other, "kind": "PeerAuthentication"},
        {**other, "metadata": {"name": "a", "namespace": "shop"}},
        {**other, "metadata": {"namespace": "payments"}},
        {**other, "spec": {1: "a"}},
    ):
        assert isinstance(changes.rewritten(change, wrong), Refusal)


def said(source: str, destination: str, code: str, snapshot: Snapshot = SHOP) -> list[str]:
    return [each.reason for each in denial_policies.of(row(source, destination, code), snapshot)]


def test_the_nearest_miss_where_no_allow_takes_it() -> None:
    refused, miss = said("shop/storefront", "payments/ledger", "no-allow")
    assert refused == "ztunnel of payments: ALLOW policies apply, and none allows it"
    assert miss.startswith("nearest: payments/allow-checkout rule 1 wants principals")
    methods = said("shop/checkout", "payments/refunds", "no-allow")[1]
    assert "payments/l7-at-ztunnel rule 1 wants a waypoint for its methods" in methods


def test_plain_text_is_the_doing_of_a_peer_authentication() -> None:
    named, peer, *_ = said("plain/curl", "payments/ledger", "plain-text-under-strict")
    assert named == "the line names istio-system/istio_converted_static_strict"
    assert peer == "PeerAuthentication payments/default: anything in payments takes mTLS only"


def test_policies_that_were_changed_since_are_said_to_be() -> None:
    open_door = having(AUTHORIZATION_POLICY, made().wanted)
    (verdict,) = denial_policies.of(REFUSED, open_door)
    assert verdict.health is Health.WARN
    assert "by what is written now it is let in" in verdict.reason


def test_a_pod_that_is_gone_is_spoken_for_by_its_workload() -> None:
    assert REFUSED.caller is not None
    assert REFUSED.ref is not None
    gone = {REFUSED.caller.key, REFUSED.ref.key}
    pods = {key: it for key, it in SHOP.objects[POD].items() if key not in gone}
    assert len(denial_policies.of(REFUSED, replace(SHOP, objects={**SHOP.objects, POD: pods}))) == 2


def test_a_network_policy_that_leaves_out_the_tunnel_is_named() -> None:
    timed_out = replace(
        row("shop/checkout", "payments/refunds", "no-allow"),
        reason=reasons.NETWORK_POLICY,
        policies=(),
    )
    (verdict,) = denial_policies.of(timed_out, SHOP)
    assert verdict.health is Health.BAD
    assert verdict.reason.startswith(
        "NetworkPolicy payments/only-8080 keeps port 15008 closed into"
    )
    none = replace(SHOP, objects={**SHOP.objects, NETWORK_POLICY: {}})
    (verdict,) = denial_policies.of(timed_out, none)
    assert verdict.health is Health.UNKNOWN
