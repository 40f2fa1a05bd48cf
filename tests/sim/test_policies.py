"""Policies as istiod sends them to ztunnels, against recorded verdicts of a real ztunnel and Istio's own cases."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from meshtui.sim.behaviour import mtls, policies, rbac
from tests.recordings import DATA

Raw = dict[str, Any]
VERDICTS: Raw = json.loads((DATA / "verdicts.json").read_bytes())
CASES: list[Raw] = VERDICTS["cases"]
ROOT = "istio-system"
LEDGER = {"namespace": "payments", "labels": {"app": "ledger"}}


def sent(objects: list[Raw], root: str = ROOT) -> list[Raw]:
    """What reaches a ztunnel of these policies, by namespace and name."""
    authorizations = [each for each in objects if each["kind"] == "AuthorizationPolicy"]
    peers = [each for each in objects if each["kind"] == "PeerAuthentication"]
    found = [policies.authorization(each, root) for each in authorizations]
    found += [mtls.peer_authentication(each, peers, root) for each in peers]
    if peers:
        found.append(mtls.static_strict(root))
    return by_name([each for each in found if each])


def by_name(found: list[Raw]) -> list[Raw]:
    return sorted(found, key=lambda each: (each["namespace"], each["name"]))


def attached(objects: list[Raw], workload: Raw, root: str = ROOT) -> list[str]:
    who = workload["namespace"], workload["labels"]
    authorizations = [each for each in objects if each["kind"] == "AuthorizationPolicy"]
    peers = [each for each in objects if each["kind"] == "PeerAuthentication"]
    return policies.attached(*who, authorizations, root) + mtls.attached(*who, peers, root)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_a_policy_reaches_the_ztunnel_as_recorded(case: Raw) -> None:
    assert sent(case["policies"]) == by_name(case["ztunnel"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_condition_on_a_policy_is_the_recorded_one(case: Raw) -> None:
    for policy in case["policies"]:
        if policy["kind"] != "AuthorizationPolicy" or policies.targets(policy):
            continue
        name = f"AuthorizationPolicy/{policy['metadata']['namespace']}/{policy['metadata']['name']}"
        written = policies.ztunnel_condition(policy)
        assert written is not None
        assert written.pop("observedGeneration") == "1"
        assert [written] == case["conditions"][name]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_calls_are_allowed_and_refused_as_by_a_real_ztunnel(case: Raw) -> None:
    workload = {
        "namespace": "payments",
        "authorizationPolicies": attached(case["policies"], LEDGER),
    }
    in_force = rbac.applicable(sent(case["policies"]), workload)
    for call in case["calls"]:
        caller = VERDICTS["callers"][call["from"]]
        connection = rbac.Connection(
            caller["address"],
            VERDICTS["destination"]["address"],
            call["port"],
            caller["identity"] or "",
        )
        assert rbac.refusal(in_force, connection) == call.get("reason", "")


def test_the_recorded_mesh_lists_the_recorded_policies_on_its_workloads() -> None:
    def load(kind: str) -> list[Raw]:
        items: list[Raw] = json.loads((DATA / "shop" / "objects" / f"{kind}.json").read_bytes())[
            "items"
        ]
        return items

    dump = json.loads((DATA / "shop" / "ztunnel-node-1.config_dump.json").read_bytes())
    objects = load("authorizationpolicies.security.istio.io")
    objects += load("peerauthentications.security.istio.io")
    assert sent(objects) == by_name(dump["policies"])
    pods = {pod["metadata"]["name"]: pod for pod in load("pods")}
    for workload in dump["workloads"]:
        pod = pods[workload["name"]]["metadata"]
        expected = workload.get("authorizationPolicies", [])
        assert attached(objects, pod) == expected, workload["name"]


def corpus(*path: str) -> list[Any]:
    """Cases of Istio's own tests; one skipped case where they are not at hand."""
    file = Path(os.environ.get("MESHTUI_CORPORA", "absent"), "authorization", *path)
    if not file.is_file():
        reason = "MESHTUI_CORPORA names no folder with Istio's own cases"
        return [pytest.param({}, id="absent", marks=pytest.mark.skip(reason=reason))]
    cases: list[Raw] = json.loads(file.read_bytes())["cases"]
    return [pytest.param(case, id=case["id"]) for case in cases]


@pytest.mark.parametrize("case", corpus("conversion", "policies.json"))
def test_conversion_agrees_with_istios_cases(case: Raw) -> None:
    ours = sent(case["objects"], case["rootNamespace"])
    ours = [each for each in ours if each["name"] != "istio_converted_static_strict"]
    assert ours == ([case["expect"]] if case["expect"] else [])


@pytest.mark.parametrize("case", corpus("conversion", "conditions.json"))
def test_conditions_agree_with_istios_cases(case: Raw) -> None:
    written = policies.ztunnel_condition(case["objects"][0])
    if written:
        written.pop("observedGeneration")
    assert written == case["expect"]["condition"]


@pytest.mark.parametrize("case", corpus("conversion", "attachments.json"))
def test_attachment_agrees_with_istios_cases(case: Raw) -> None:
    assert attached(case["objects"], case["workload"], case["rootNamespace"]) == case["expect"]


@pytest.mark.parametrize("case", corpus("verdicts", "l4.json"))
def test_verdicts_agree_with_ztunnels_cases(case: Raw) -> None:
    request = case["request"]
    address, port = request["destination"].rsplit(":", 1)
    connection = rbac.Connection(
        request["source"].rsplit(":", 1)[0].strip("[]"),
        address.strip("[]"),
        int(port),
        request["identity"] or "",
    )
    in_force = rbac.applicable(case["policies"], case["workload"])
    refused = rbac.refusal(in_force, connection)
    assert ("deny" if refused else "allow") == case["expect"]
    if case["by"] and refused:
        assert refused.endswith(case["by"])
