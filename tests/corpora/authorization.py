"""What Istio makes of AuthorizationPolicy and PeerAuthentication, by its own tests (`authorization`; the READMEs there
say what a case asks, and how to compare)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from meshtui.mesh import peer_authentication, raw
from meshtui.mesh.kinds import (
    GATEWAY,
    GATEWAY_CLASS,
    NAMESPACE,
    POD,
    SERVICE,
    SERVICE_ENTRY,
    Kind,
)
from meshtui.mesh.peer_authentication import InForce, PeerAuthentication
from meshtui.mesh.policies import Target
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Phase, Scope, Snapshot, Source
from meshtui.mesh.traffic import (
    conversion,
    envoy,
    passage,
    rules,
    selection,
    targets,
    tokens,
    verdicts,
    ztunnel,
)
from meshtui.mesh.traffic.calls import Call, Http
from meshtui.mesh.traffic.envoy import Mesh
from meshtui.mesh.traffic.matching import SPIFFE
from meshtui.mesh.traffic.passage import Dataplane, Party, Passage, Rulebook, Waypoint
from meshtui.mesh.traffic.rules import Authorization
from meshtui.mesh.traffic.selection import Proxy
from meshtui.mesh.traffic.tokens import Token
from meshtui.mesh.traffic.verdicts import Decision, Outcome
from tests.corpora import authorization_matching, rbac

HOME = Path(os.environ.get("MESHTUI_CORPORA", "."), "authorization")

WORDS = {Outcome.ALLOWED: "allow", Outcome.REFUSED: "deny", Outcome.UNKNOWN: "unknown"}

_EGRESS = "the verdict agrees; the suite names no policy, yet the ALLOW that refuses POST is what allows GET"
DIFFERS = {
    "mesh/TestWaypointAsEgressGateway/GET/captured": _EGRESS,
    "mesh/TestWaypointAsEgressGateway/GET/service-addressed-waypoint": _EGRESS,
}
"""Cases that are not agreed with, and why."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One case: what was expected of it, and what was found."""

    case: str
    expected: Any
    found: Any

    @property
    def agrees(self) -> bool:
        return bool(self.expected == self.found)


def cases(family: str) -> list[tuple[Raw, Raw]]:
    """The cases of a file such as "verdicts/l4", each with the file; none where there is no such folder."""
    file = HOME / f"{family}.json"
    if not file.is_file():
        return []
    found: Raw = json.loads(file.read_bytes())
    return [(found, case) for case in found["cases"]]


def compared(family: str, file: Raw, case: Raw) -> Compared:
    """Runs one case."""
    expected, found = FAMILIES[family](file, case)
    return Compared(case["id"], expected, found)


Pair = tuple[Any, Any]
"""What was expected, and what was found."""


def _l4(file: Raw, case: Raw) -> Pair:
    workload, request = case["workload"], case["request"]
    source, destination = request["source"], request["destination"]
    call = Call(
        principal=(request["identity"] or "").removeprefix(SPIFFE),
        source=source.rpartition(":")[0].strip("[]"),
        destination=destination.rpartition(":")[0].strip("[]"),
        port=int(destination.rpartition(":")[2]),
    )
    applied = ztunnel.applying(
        case["policies"], workload["namespace"], workload["authorizationPolicies"]
    )
    decision = verdicts.at_ztunnel(applied, call)
    expected = [case["expect"], case["by"], case.get("dryRunMatches", [])]
    found = [WORDS[decision.outcome], decision.policy or None, list(decision.dry_run)]
    return expected, found if "dryRunMatches" in case else [*found[:2], []]


def _proxy(file: Raw, case: Raw) -> Pair:
    own, request = case["proxy"], case["request"]
    proxy = Proxy(selection.Kind(own["kind"]), own["namespace"], own["labels"])
    sent, http = request["http"], _http(request)
    call = Call(
        principal=request["source"]["principal"] or "",
        source=request["source"]["ip"],
        remote=request["remoteIp"] or request["source"]["ip"],
        destination=request["destination"]["ip"],
        port=request["destination"]["port"],
        sni=request["sni"],
        http=http,
    )
    book = _rulebook(file["policySets"][case["policies"]])
    decision = passage.at_envoy(proxy, call, _token(sent), book)
    stages = {"authz": "authorization", "mtls": "mtls", "jwt": "token", None: "authorization"}
    return (
        [case["expect"], case["by"], stages[case.get("stage")]],
        [*_words(decision), decision.stage.value],
    )


def _mesh(file: Raw, case: Raw) -> Pair:
    called, request = case["destination"], case["request"]
    by_service = called["addressedBy"] == "service"
    before = called["serviceWaypoint"] if by_service else called["workloadWaypoint"]
    service = called["service"]
    result = passage.judge(
        Passage(
            source=_party(case["source"]),
            destination=_party(called),
            port=request["workloadPort"],
            service=Target(service["kind"], service["namespace"], service["name"])
            if by_service
            else None,
            service_port=request["servicePort"],
            waypoint=Waypoint(before["namespace"], before["name"], before["serviceAccount"])
            if before
            else None,
            http=_http(request),
            token=_token(request["http"]),
        ),
        _rulebook(file["policySets"][case["policies"]]),
    )
    last = result.decisive
    by = last.decision.policy or None if last else None
    at = last.place.value if last and result.outcome is Outcome.REFUSED else None
    return [case["expect"], case["by"], case.get("at")], [WORDS[result.outcome], by, at]


def _policies(file: Raw, case: Raw) -> Pair:
    found: Raw | None = None
    for it in case["objects"]:
        if it["kind"] == "AuthorizationPolicy":
            found = conversion.authorization(rules.read(it), case["rootNamespace"]).policy
    peers = _peers(case["objects"])
    for each in peers:
        levels = _levels(peers, each.namespace, case["rootNamespace"])
        found = conversion.peer_authentication(each, levels) or found
    return case["expect"], found


def _conditions(file: Raw, case: Raw) -> Pair:
    found = conversion.authorization(rules.read(case["objects"][0]), case["rootNamespace"])
    asked = case["expect"]["effectiveRules"]
    return case["expect"], {
        "condition": _condition(found.acceptance),
        "policySent": found.policy is not None,
        "effectiveRules": asked if asked is None else found.effective,
    }


def _attachments(file: Raw, case: Raw) -> Pair:
    workload, root = case["workload"], case["rootNamespace"]
    found = conversion.attached(
        _authorizations(case["objects"]),
        _levels(_peers(case["objects"]), workload["namespace"], root),
        root,
        workload["namespace"],
        workload["labels"],
    )
    return case["expect"], found


def _waypoint_conditions(file: Raw, case: Raw) -> Pair:
    (policy,) = (it for it in case["objects"] if it["kind"] == "AuthorizationPolicy")
    bound = targets.of(policy, _snapshot(case["objects"]), case["rootNamespace"])
    return case["expect"], {
        "targets": [asdict(each) for each in bound],
        "condition": _condition(targets.acceptance(bound)),
    }


def _envoy(file: Raw, case: Raw) -> Pair:
    """Which rules remain, and what both make of calls that the values in the policies suggest."""
    domains = (case["trustDomain"], *case["trustDomainAliases"]) if case["trustDomain"] else ()
    mesh = Mesh(case.get("rootNamespace", "istio-system"), domains)
    own = case["proxy"]
    proxy = Proxy(selection.Kind(own["kind"]), own["namespace"], own["labels"])
    every = selection.applying(_authorizations(case["objects"]), proxy, mesh.root)
    wanted, found = {}, {}
    for n, call in enumerate(rbac.calls(case)):
        for each in case["expect"]:
            for kind, written in each.items():
                for name, rule in written.get("policies", {}).items():
                    wanted[f"{n} {kind} {name}"] = rbac.holds(rule, call)
        for policy in every:
            kind = "shadowRules" if policy.dry_run else "rules"
            trials = envoy.trials(policy, call, mesh)
            ns, own_name = policy.namespace, policy.policy.ref.name
            for trial in trials:
                name = f"ns[{ns}]-policy[{own_name}]-rule[{trial.rule}]"
                found[f"{n} {kind} {name}"] = trial.holds
            if not policy.rules:
                found[f"{n} {kind} ns[{ns}]-policy[{own_name}]-rule[0]"] = False
    return wanted, found


def _selection(file: Raw, case: Raw) -> Pair:
    own, found = (
        case["proxy"],
        dict.fromkeys(("allow", "deny", "audit", "custom"), frozenset[str]()),
    )
    if own["kind"] == "ztunnel":
        listed = own.get("authorizationPolicies", ())
        for it in ztunnel.applying(case["policies"], own["namespace"], listed):
            action = it["action"].lower()
            found[action] |= {ztunnel.key(it)}
    else:
        proxy = Proxy(
            selection.Kind(own["kind"]),
            own["namespace"],
            own["labels"],
            tuple(
                Target(each["kind"], each["namespace"], each["name"]) for each in own["services"]
            ),
            case.get("selectorsForGateways", True),
        )
        every = _authorizations(case["policies"])
        for policy in selection.applying(every, proxy, case["rootNamespace"]):
            found[policy.policy.action.lower()] |= {policy.key}
    return {action: frozenset(names) for action, names in case["expect"].items()}, found


FAMILIES: Mapping[str, Callable[[Raw, Raw], Pair]] = {
    "verdicts/l4": _l4,
    "verdicts/proxy": _proxy,
    "verdicts/mesh": _mesh,
    "conversion/policies": _policies,
    "conversion/conditions": _conditions,
    "conversion/attachments": _attachments,
    "conversion/waypoint-conditions": _waypoint_conditions,
    "conversion/envoy": _envoy,
    "matching/strings": authorization_matching.strings,
    "matching/patterns": authorization_matching.patterns,
    "matching/templates": authorization_matching.templates,
    "matching/trust-domains": authorization_matching.trust_domains,
    "matching/values": authorization_matching.values,
    "matching/selection": _selection,
}


def _words(decision: Decision) -> list[str | None]:
    return [WORDS[decision.outcome], decision.policy or None]


def _condition(found: conversion.Acceptance | None) -> Raw | None:
    return {**asdict(found), "status": str(found.status)} if found else None


def _http(request: Raw) -> Http | None:
    sent = request["http"]
    if sent is None:
        return None
    headers = {name.lower(): value for name, value in sent["headers"].items()}
    return Http(sent["method"], sent["host"], sent["path"], headers, True, {})


def _token(sent: Raw | None) -> Token | None:
    jwt = sent["jwt"] if sent else None
    return Token(jwt["claims"], jwt["valid"]) if jwt else None


def _party(it: Raw) -> Party:
    return Party(
        it["namespace"],
        it["serviceAccount"] or "",
        it["labels"],
        Dataplane(it["dataplane"]),
        it["ip"],
        it.get("usesWaypoint", False),
    )


def _rulebook(objects: Iterable[Raw]) -> Rulebook:
    objects = list(objects)
    peers, root = _peers(objects), "istio-system"
    namespaces = {"echo", "ns1", "ns2", "egress", root, *(map(raw.namespace, objects))}
    return Rulebook(
        Mesh(root, ("cluster.local",)),
        "cluster.local",
        _authorizations(objects),
        verdicts.prepared(_authorizations(objects), root),
        {each: _levels(peers, each, root) for each in namespaces},
        [tokens.read(it) for it in objects if it["kind"] == "RequestAuthentication"],
    )


def _authorizations(objects: Iterable[Raw]) -> list[Authorization]:
    return [rules.read(it) for it in objects if it["kind"] == "AuthorizationPolicy"]


def _peers(objects: Iterable[Raw]) -> list[PeerAuthentication]:
    return [peer_authentication.read(it) for it in objects if it["kind"] == "PeerAuthentication"]


def _levels(peers: Iterable[PeerAuthentication], namespace: str, root: str) -> InForce:
    oldest = sorted(peers, key=lambda each: (each.created, each.key))
    own = [each for each in oldest if each.namespace == namespace != root]
    return InForce(
        tuple(each for each in oldest if each.namespace == root and each.selector is None),
        tuple(each for each in own if each.selector is None),
        tuple(each for each in own if each.selector is not None),
    )


_KINDS: Mapping[str, Kind] = {
    "Namespace": NAMESPACE,
    "Service": SERVICE,
    "ServiceEntry": SERVICE_ENTRY,
    "Gateway": GATEWAY,
    "GatewayClass": GATEWAY_CLASS,
}


def _snapshot(objects: Iterable[Raw]) -> Snapshot:
    found: dict[Kind, dict[str, Raw]] = {kind: {} for kind in _KINDS.values()}
    for it in objects:
        if it["kind"] in _KINDS:
            found[_KINDS[it["kind"]]][raw.key(it)] = it
    sources = {Scope(kind): Source(Phase.LIVE) for kind in (*found, POD)}
    return Snapshot(datetime(2026, 8, 22, tzinfo=UTC), objects=found, sources=sources)
