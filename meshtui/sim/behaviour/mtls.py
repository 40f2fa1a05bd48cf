"""What istiod makes of PeerAuthentications: the mode that holds for a workload, and the policies that stand for it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from meshtui.sim.behaviour.policies import PRESENT, dumped, selector
from meshtui.sim.objects import Raw, full_name, mapping, name, namespace, subset, text

AUTHENTICATED_ONLY: Raw = {"notPrincipals": [PRESENT]}


def static_strict(root: str) -> Raw:
    """The policy that stands for STRICT: istiod sends it as soon as any PeerAuthentication exists."""
    rules = [[[AUTHENTICATED_ONLY]]]
    return dumped("istio_converted_static_strict", root, "WorkloadSelector", "Deny", rules)


def mtls_mode(
    workload_namespace: str, workload_labels: Raw, peers: Collection[Raw], root: str
) -> str:
    """STRICT or PERMISSIVE: what holds for a workload as a whole."""
    own = _own(workload_namespace, workload_labels, peers, root)
    if own and (mode := _mode(own)) != "UNSET":
        return mode
    return _inherited(workload_namespace, peers, root)


def attached(
    workload_namespace: str, workload_labels: Raw, peers: Collection[Raw], root: str
) -> list[str]:
    """What a workload lists in `authorizationPolicies` for its mode: nothing, or one policy."""
    own = _own(workload_namespace, workload_labels, peers, root)
    mode = mtls_mode(workload_namespace, workload_labels, peers, root)
    if own and _exceptions_apply(own, mode):
        return [f"{namespace(own)}/converted_peer_authentication_{name(own)}"]
    return [f"{root}/istio_converted_static_strict"] if mode == "STRICT" else []


def peer_authentication(policy: Raw, others: Collection[Raw], root: str) -> Raw | None:
    """The policy made of a PeerAuthentication with port exceptions, under the others; None where STRICT or
    PERMISSIVE say it all."""
    ports = _port_modes(policy)
    if namespace(policy) == root or not selector(policy) or not ports:
        return None
    mode = _mode(policy)
    if mode == "STRICT":
        exempt = [port for port, each in ports.items() if each in ("PERMISSIVE", "DISABLE")]
        strict = [[AUTHENTICATED_ONLY], *_except(exempt)]
    elif mode == "UNSET" and _inherited(namespace(policy), others, root) == "STRICT":
        exempt = [port for port, each in ports.items() if each == "PERMISSIVE"]
        strict = [*_except(exempt), [AUTHENTICATED_ONLY]]
    else:
        rules = [
            [[{"destinationPorts": [port], **AUTHENTICATED_ONLY}]]
            for port, each in ports.items()
            if each == "STRICT"
        ]
        return _converted(policy, rules) if rules else None
    return _converted(policy, [strict]) if exempt else None


def _own(
    workload_namespace: str, workload_labels: Raw, peers: Iterable[Raw], root: str
) -> Raw | None:
    """The PeerAuthentication that selects a workload; in the root namespace a selector selects nothing."""
    return _oldest(
        each
        for each in peers
        if namespace(each) == workload_namespace != root
        and selector(each)
        and subset(selector(each), workload_labels)
    )


def _exceptions_apply(policy: Raw, mode: str) -> bool:
    """Whether the ports of a workload's own policy differ from its mode as istiod looks at it."""
    modes = set(_port_modes(policy).values())
    if mode != "STRICT":
        return "STRICT" in modes
    if _mode(policy) == "STRICT":
        return bool(modes & {"PERMISSIVE", "DISABLE"})
    return "PERMISSIVE" in modes


def _inherited(workload_namespace: str, peers: Iterable[Raw], root: str) -> str:
    """The mode of the namespace, or else of the mesh: the oldest wins, UNSET inherits, PERMISSIVE is the default."""
    wide = [each for each in peers if not selector(each)]
    for level in (workload_namespace, root):
        policy = _oldest(each for each in wide if namespace(each) == level)
        if policy and (mode := _mode(policy)) != "UNSET":
            return mode
    return "PERMISSIVE"


def _oldest(policies: Iterable[Raw]) -> Raw | None:
    return min(
        policies,
        key=lambda each: (text(each, "metadata", "creationTimestamp"), full_name(each)),
        default=None,
    )


def _mode(policy: Raw) -> str:
    return text(policy, "spec", "mtls", "mode") or "UNSET"


def _port_modes(policy: Raw) -> dict[int, str]:
    modes = mapping(policy, "spec", "portLevelMtls")
    return {
        int(port): text(value, "mode")
        for port, value in sorted(modes.items(), key=lambda item: str(item[0]))
        if str(port).isdecimal()
    }


def _except(ports: Iterable[int]) -> list[list[Raw]]:
    return [[{"notDestinationPorts": [port]}] for port in ports]


def _converted(policy: Raw, rules: list[list[list[Raw]]]) -> Raw:
    title = f"converted_peer_authentication_{name(policy)}"
    return dumped(title, namespace(policy), "WorkloadSelector", "Deny", rules)
