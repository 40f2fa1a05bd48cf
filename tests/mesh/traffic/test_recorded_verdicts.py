"""What a real ztunnel did, with the conditions that istiod wrote and the policies that reached it: `verdicts.json`."""

from __future__ import annotations

import json

import pytest

from meshtui.mesh import peer_authentication
from meshtui.mesh.raw import Raw
from meshtui.mesh.traffic import conversion, rules, verdicts, ztunnel
from meshtui.mesh.traffic.calls import Call
from meshtui.mesh.traffic.verdicts import Decision, Outcome
from tests.mesh.made import made, snapshot
from tests.recordings import DATA

RECORDED: Raw = json.loads((DATA / "verdicts.json").read_bytes())
ROOT, NAMESPACE = "istio-system", RECORDED["destination"]["workload"].partition("/")[0]

CASES = pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: str(case["id"]))


def call(each: Raw) -> Call:
    caller = RECORDED["callers"][each["from"]]
    return Call(
        principal=(caller["identity"] or "").removeprefix("spiffe://"),
        source=caller["address"],
        destination=RECORDED["destination"]["address"],
        port=each["port"],
    )


def levels(case: Raw) -> peer_authentication.InForce:
    objects = [it for it in case["policies"] if it["kind"] == "PeerAuthentication"]
    known = snapshot(*objects, made("Namespace", NAMESPACE))
    return peer_authentication.in_force(known, ROOT)[NAMESPACE]


def authorizations(case: Raw) -> list[rules.Authorization]:
    return [rules.read(it) for it in case["policies"] if it["kind"] == "AuthorizationPolicy"]


def judged(case: Raw, each: Raw) -> Decision:
    labels = RECORDED["destination"]["labels"]
    own = verdicts.prepared(authorizations(case), ROOT)
    return verdicts.at_ztunnel_of(own, call(each), ROOT, levels(case), NAMESPACE, labels)


@CASES
def test_calls_are_judged_as_they_were(case: Raw) -> None:
    words = {Outcome.ALLOWED: "allow", Outcome.REFUSED: "deny"}
    for each in case["calls"]:
        decision = judged(case, each)
        assert words[decision.outcome] == each["expect"], each
        if each["expect"] == "deny":
            by = decision.policy
            reason = (
                f"explicitly denied by: {by}" if by else "allow policies exist, but none allowed"
            )
            assert each["reason"].endswith(reason)


@CASES
def test_the_ztunnels_own_policies_say_the_same(case: Raw) -> None:
    """Of the same calls, by what its dump held."""
    own = authorizations(case)
    labels = RECORDED["destination"]["labels"]
    attached = conversion.attached(own, levels(case), ROOT, NAMESPACE, labels)
    applied = ztunnel.applying(case["ztunnel"], NAMESPACE, attached)
    for each in case["calls"]:
        refused = verdicts.at_ztunnel(applied, call(each)).outcome is Outcome.REFUSED
        assert refused == (each["expect"] == "deny"), each


@CASES
def test_policies_reach_the_ztunnel_as_they_did(case: Raw) -> None:
    known, found = levels(case), {}
    for policy in authorizations(case):
        it = conversion.authorization(policy, ROOT).policy
        if it is not None:
            found[ztunnel.key(it)] = it
    if any(it["kind"] == "PeerAuthentication" for it in case["policies"]):
        found[f"{ROOT}/{conversion.STRICT}"] = conversion.static_strict(ROOT)
    for peer in known.workloads:
        it = conversion.peer_authentication(peer, known)
        if it is not None:
            found[ztunnel.key(it)] = it
    assert {ztunnel.key(it): _unordered(it) for it in case["ztunnel"]} == {
        key: _unordered(it) for key, it in found.items()
    }


@CASES
def test_conditions_are_those_that_istiod_wrote(case: Raw) -> None:
    for policy in authorizations(case):
        said = conversion.authorization(policy, ROOT).acceptance
        written = case["conditions"][f"AuthorizationPolicy/{policy.key}"]
        if policy.policy.targets:
            assert said is None
            continue
        assert said is not None
        assert [(said.type, str(said.status), said.reason, said.message)] == [
            (each["type"], each["status"], each["reason"], each["message"]) for each in written
        ]


def _unordered(policy: Raw) -> Raw:
    """The order of rules and clauses has no meaning."""
    rules = [sorted(json.dumps(clause, sort_keys=True) for clause in it) for it in policy["rules"]]
    return {**policy, "rules": sorted(rules)}
