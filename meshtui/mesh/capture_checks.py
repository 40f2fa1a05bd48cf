"""Capture checks: what would keep pods that join the mesh from being captured, or from being reached afterwards
(istio-ambient.md, 1.2 to 1.5; derivations C1 and C7 of doctor-rules.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from meshtui.mesh import capture, injection, network_policies, nodes, sidecar_checks, workloads
from meshtui.mesh.checks import Check, count, failing, listed, unknown, warning, well
from meshtui.mesh.kinds import NETWORK_POLICY, POD
from meshtui.mesh.moves import Move, Way
from meshtui.mesh.network_policies import PROBES_FROM, Blocked, Direction, NetworkPolicy, Peer
from meshtui.mesh.peer_authentication import Mode
from meshtui.mesh.raw import Raw, strings
from meshtui.mesh.snapshot import Snapshot
from meshtui.mesh.workloads import Workload


def of(move: Move, snapshot: Snapshot) -> Iterator[Check]:
    """In the order of importance."""
    yield from sidecar_checks.of(move, snapshot) if move.uninjects else _sidecars(move)
    yield from _host_network(move)
    yield from _network_policies(move, snapshot)
    yield from _nodes(move, snapshot)
    yield from _configuration(move, snapshot)


def _sidecars(move: Move) -> Iterator[Check]:
    after = move.after or {}
    key = injection.asked_by(after)
    with_one = _names(each.workload for each in move.pods if each.workload.pod.sidecar)
    if key:
        yield warning(
            f"label {key}={after[key]}: new pods of {move.namespace} get a sidecar and are left out of ambient",
            f"Take the label {key} off the namespace first.",
        )
    if with_one:
        yield warning(
            f"{count(len(with_one), 'pod')} with a sidecar would stay outside ambient: {listed(with_one)}",
            "Take the injection label away and restart them: a pod joins only without a sidecar.",
        )
    elif move.unread:
        yield unknown(f"whether pods have sidecars is not known: {move.unread}")
    elif not key:
        yield well("no sidecars, and no label that asks for them")


def _host_network(move: Move) -> Iterator[Check]:
    found = _names(each.workload for each in move.pods if each.workload.pod.host_network)
    if found:
        yield warning(
            f"{count(len(found), 'pod')} on the network of the node would stay outside the mesh: {listed(found)}",
            "They cannot be captured; where STRICT is in force they are refused.",
        )
    elif move.unread:
        yield unknown(f"whether pods are on the network of the node is not known: {move.unread}")
    else:
        yield well("no pod is on the network of its node")


class _Alike(NamedTuple):
    """Pods of one template, by one of them, to which the same policies apply."""

    raw: Raw
    names: list[str]


class _Held(NamedTuple):
    """Pods from which policies keep something."""

    names: list[str]
    blocked: Blocked


def _network_policies(move: Move, snapshot: Snapshot) -> Iterator[Check]:
    unread = snapshot.unread(NETWORK_POLICY, move.namespace)
    if unread:
        yield unknown(f"whether NetworkPolicies leave out port 15008 is not known: {unread}")
        return
    if move.unread:
        yield unknown(f"for which pods there are NetworkPolicies is not known: {move.unread}")
    policies = list(network_policies.of(snapshot))
    joining = _alike(move.going(Way.JOINS), snapshot)
    found = [
        *_tunnels(policies, joining, Direction.INGRESS, "from the mesh", "allow TCP 15008 in"),
        *_tunnels(policies, joining, Direction.EGRESS, "into the mesh", "allow TCP 15008 out"),
        *_probes(policies, joining),
        *_elsewhere(policies, joining, move, snapshot),
    ]
    yield from found
    others = sorted(
        {kind.group for kind in snapshot.server.kinds} & set(network_policies.OTHER_GROUPS)
    )
    if others:
        yield unknown(f"policies of {', '.join(others)} are served here, and are not evaluated")
    if not found and not move.unread:
        yield well("no NetworkPolicy leaves out port 15008, or the address of the kubelet's probes")


def _tunnels(
    policies: Iterable[NetworkPolicy],
    joining: Iterable[_Alike],
    direction: Direction,
    way: str,
    remedy: str,
) -> Iterator[Check]:
    held = _held((each, network_policies.tunnel(policies, each.raw, direction)) for each in joining)
    for wholly in (True, False):
        some = [each for each in held if each.blocked.wholly is wholly]
        if not some:
            continue
        keys = listed([key for each in some for key in each.blocked.policies])
        pods = listed([name for each in some for name in each.names])
        if wholly:
            said = f"NetworkPolicy {keys} leaves out port 15008 ({direction.type.lower()}): no way {way} for {pods}"
            yield failing(said, f"Add a rule to {keys}: {remedy}.")
        else:
            said = (
                f"NetworkPolicy {keys} opens ports to peers to whom 15008 stays closed"
                f" ({direction.type.lower()}): those in the mesh would lose {pods}"
            )
            yield warning(said, f"Add a rule to {keys} for the same peers: {remedy}.")


def _probes(policies: Iterable[NetworkPolicy], joining: Iterable[_Alike]) -> Iterator[Check]:
    held = _held((each, network_policies.probes(policies, each.raw)) for each in joining)
    if held:
        keys = listed([key for each in held for key in each.blocked.policies])
        yield warning(
            f"NetworkPolicy {keys} leaves out {PROBES_FROM}, from which the kubelet's probes come then:"
            f" {listed([name for each in held for name in each.names])} may become unready",
            f"Add a rule to {keys}: allow ipBlock {PROBES_FROM}/32 in.",
        )


def _elsewhere(
    policies: Sequence[NetworkPolicy],
    joining: Iterable[_Alike],
    move: Move,
    snapshot: Snapshot,
) -> Iterator[Check]:
    """Policies for pods in the mesh that let those that join through today, and not on 15008. Where STRICT is in force
    nothing is lost: it refuses them today."""
    labels = move.after or {}
    peers = [
        Peer(move.namespace, strings(each.raw, "metadata", "labels"), labels) for each in joining
    ]
    guarded = {each.namespace for each in policies} - {move.namespace}
    inside = [
        each
        for each in workloads.of(snapshot)
        if each.pod.namespace in guarded and each.enrolled.wanted and each.pod.redirection
    ]
    strict = {each.pod.name for each in inside if each.mtls.mode is Mode.STRICT}
    alike = _alike(inside, snapshot) if peers else ()
    for direction, lost, remedy in (
        (Direction.INGRESS, "those that join would lose", "allow TCP 15008 in"),
        (Direction.EGRESS, "those that join would be lost to", "allow TCP 15008 out"),
    ):
        closed = [
            (shut, each.names)
            for each in alike
            if not (direction is Direction.INGRESS and each.names[0] in strict)
            and (shut := network_policies.shut_out(policies, each.raw, direction, peers))
        ]
        if closed:
            keys = listed([key for shut, _ in closed for key in shut])
            pods = listed([name for _, names in closed for name in names])
            way = direction.type.lower()
            yield warning(
                f"NetworkPolicy {keys} opens ports, and 15008 not ({way}): {lost} {pods}",
                f"Add a rule to {keys} for the same peers: {remedy}.",
            )


def _held(found: Iterable[tuple[_Alike, Blocked | None]]) -> Sequence[_Held]:
    return [_Held(each.names, blocked) for each, blocked in found if blocked is not None]


def _alike(found: Iterable[Workload], snapshot: Snapshot) -> Sequence[_Alike]:
    """Pods with the same controller and labels are alike: of thousands a few are looked at."""
    kinds: dict[tuple[str, frozenset[tuple[str, str]]], _Alike] = {}
    for each in found:
        pod = each.pod
        key = pod.controller or pod.name, frozenset(pod.labels.items())
        if key in kinds:
            kinds[key].names.append(pod.name)
        elif (raw := snapshot.find(POD, pod.namespace, pod.name)) is not None:
            kinds[key] = _Alike(raw, [pod.name])
    return list(kinds.values())


def _nodes(move: Move, snapshot: Snapshot) -> Iterator[Check]:
    """Of the nodes on which pods join."""
    if move.unread:
        yield unknown(f"on which nodes its pods run is not known: {move.unread}")
    names = sorted({each.pod.node for each in move.going(Way.JOINS) if each.pod.node})
    on = nodes.of(snapshot)
    source = snapshot.covering(POD, None, nodes.AGENTS.labels)
    agents_unread = "" if source.complete else "the CNI agents were not all read"
    if not source.complete and source.problem is not None:
        agents_unread = source.problem.text
    bad: list[str] = []
    unsure: list[str] = []
    for what, problem in (("ztunnel", ""), ("CNI agent", agents_unread)):
        for name in names:
            node = on[name]
            found = node.agents if what == "CNI agent" else [each.pod for each in node.ztunnels]
            if any(each.healthy and not each.terminating for each in found):
                continue
            why = problem or (node.unread if what == "ztunnel" else "")
            if found or not why:
                state = f"its {what} is not ready" if found else f"it has no {what}"
                bad.append(f"{name}: {state}")
            else:
                unsure.append(f"{name}: its {what} is not known ({why})")
    if bad:
        pods = [each.pod.name for each in move.going(Way.JOINS)]
        yield failing(
            f"{'; '.join(bad)}: pods there would not be captured ({listed(pods)})",
            "See the pane Ztunnels, and wait until each is ready.",
        )
    if unsure:
        yield unknown("; ".join(unsure))
    if names and not bad and not unsure:
        where = "the node" if len(names) == 1 else f"all {len(names)} nodes"
        yield well(f"ztunnel and CNI agent are ready on {where} with its pods")


def _configuration(move: Move, snapshot: Snapshot) -> Iterator[Check]:
    by = capture.of(snapshot)
    if move.namespace in by.excluded:
        yield failing(
            f"EXCLUDE_NAMESPACES of {by.source} leaves {move.namespace} out: nothing in it is captured",
            "Take it off that list, or leave it outside the mesh.",
        )
        return
    if by.assumed:
        yield unknown(
            f"what the CNI agent captures is not known ({by.assumed}): the default is assumed"
        )
    passed_over = [
        each
        for each in move.going(Way.STAYS_OUT)
        if not (each.pod.host_network or each.pod.sidecar or each.pod.part)
    ]
    if passed_over:
        reason = next(each.reason for each in move.pods if each.workload is passed_over[0])
        yield warning(
            f"{count(len(passed_over), 'pod')} would not be captured:"
            f" {listed(_names(passed_over))} ({reason})",
            "Where that is not wanted, change the pod's label or the selectors of the CNI agent.",
        )
    elif not move.pods and not _takes(by, move):
        yield failing(
            f"no selector of {by.source} takes pods of {move.namespace} with these labels",
            "Label it as those selectors ask.",
        )
    elif not by.assumed and not move.unread:
        yield well(f"{by.source} takes its pods")


def _takes(by: capture.Capture, move: Move) -> bool:
    """Whether a pod without a say of its own would be captured."""
    return any(
        own.matches(move.own) and of_namespace.matches(move.after or {})
        for own, of_namespace in by.selectors
    )


def _names(found: Iterable[Workload]) -> list[str]:
    return [each.pod.name for each in found]
