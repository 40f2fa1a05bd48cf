"""Probe sources: what keeps the kubelet's probes out besides the policies of Kubernetes: policies of Cilium, and the
security groups that EKS gives to pods (doctor-rules.md, AMB-016 and AMB-017)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from meshtui.mesh import components, raw, selectors, versions
from meshtui.mesh.checks import listed
from meshtui.mesh.components import CNI_PODS
from meshtui.mesh.doctor.ambient import capture
from meshtui.mesh.doctor.ambient.evidence import (
    SHOWN,
    crowd,
    enrolled,
    grouped,
    pod_ref,
    ref_of,
    seen,
)
from meshtui.mesh.doctor.analyzer import Analyzer, Findings
from meshtui.mesh.doctor.configuration.objects import words
from meshtui.mesh.doctor.findings import Found, Rule, Severity, Unsure
from meshtui.mesh.kinds import (
    CILIUM_CLUSTER_POLICY,
    CILIUM_POLICY,
    DAEMONSET,
    POD,
    SECURITY_GROUP_POLICY,
    Kind,
)
from meshtui.mesh.network_policies import PROBES_FROM
from meshtui.mesh.pods import Pod
from meshtui.mesh.raw import Raw, dig, entries, strings, table, text
from meshtui.mesh.selectors import Selector
from meshtui.mesh.snapshot import Ref, Scope, Snapshot

BY_CILIUM = Rule(
    "AMB-016",
    "policies of Cilium leave out the kubelet's probes",
    Severity.HIGH,
    why="Probes of captured pods come from one address of their own, which no rule admits: the pods never get ready.",
    remedy=f"add a policy that admits {PROBES_FROM}/32 by fromCIDR",
    link="docs/ambient/install/platform-prerequisites/",
)
BY_GROUPS = Rule(
    "AMB-017",
    "security groups of EKS drop the kubelet's probes of captured pods",
    Severity.HIGH,
    why="Answers to probes leave by the pod's own network interface, and the node never sees them.",
    remedy="set POD_SECURITY_GROUP_ENFORCING_MODE=standard of aws-node, or upgrade the CNI agent to 1.31",
    link="docs/ambient/install/platform-prerequisites/",
)
_MENDED = (1, 31)
"""The release whose CNI agent routes such probes (release note aws-brancheni-probe-fix)."""
_NAMESPACE = "io.kubernetes.pod.namespace"
_SOURCES = (
    "fromEndpoints",
    "fromRequires",
    "fromCIDR",
    "fromCIDRSet",
    "fromEntities",
    "fromNodes",
    "fromGroups",
)
_EVERYBODY = frozenset(("all", "world", "world-ipv4"))


class _Policy(NamedTuple):
    """One rule of a policy that says something of what comes in."""

    ref: Ref
    namespace: str
    """"" for all."""
    selector: Selector
    keeps_out: bool
    """What no rule admits is kept out."""
    admits: bool
    """It admits the probes."""

    def takes(self, pod: Pod, labels: Mapping[str, str]) -> bool:
        return self.namespace in ("", pod.namespace) and self.selector.matches(labels)


def by_cilium(snapshot: Snapshot) -> Findings:
    """By the policies that keep probes out of pods which nobody admits them to."""
    policies: list[_Policy] = []
    for kind in (CILIUM_CLUSTER_POLICY, CILIUM_POLICY):
        for it in snapshot.raw(kind):
            try:
                policies += _read(kind, it)
            except ValueError as error:
                ref = ref_of(kind, it)
                yield Unsure(
                    BY_CILIUM, f"{ref.kind.title} {ref.key} is not evaluated: {error}", ref
                )
    kept_out = [
        (tuple(sorted({each.ref for each in taking if each.keeps_out}, key=_key)), pod)
        for pod, taking in _taken(snapshot, policies)
        if any(each.keeps_out for each in taking) and not any(each.admits for each in taking)
    ]
    for refs, group in grouped(kept_out, lambda each: each[0]).items():
        pods = [pod for _, pod in group]
        says = f"{listed([ref.key for ref in refs])} of Cilium leaves out {PROBES_FROM}, the probes of {crowd(pods)}"
        shown = tuple(
            seen(ref, "spec.ingress[].fromCIDR", f"no {PROBES_FROM}/32") for ref in refs[:SHOWN]
        )
        yield Found(BY_CILIUM, (*refs, *map(pod_ref, pods)), says, shown)


def _key(ref: Ref) -> str:
    return f"{ref.kind} {ref.key}"


def _taken(snapshot: Snapshot, policies: Sequence[_Policy]) -> Iterator[tuple[Pod, list[_Policy]]]:
    """Captured pods that are probed over the network, each with the policies that take it."""
    for pod in (each.pod for each in enrolled(snapshot)) if policies else ():
        it = snapshot.find(POD, pod.namespace, pod.name) or {}
        if not any(_is_probed(each) for each in entries(it, "spec", "containers")):
            continue
        own = {**strings(it, "metadata", "labels"), _NAMESPACE: pod.namespace}
        yield pod, [each for each in policies if each.takes(pod, own)]


def _is_probed(container: Raw) -> bool:
    return any(
        dig(container, f"{kind}Probe", how) is not None
        for kind in ("liveness", "readiness", "startup")
        for how in ("httpGet", "tcpSocket", "grpc")
    )


def _read(kind: Kind, it: Raw) -> Iterator[_Policy]:
    """Raises ValueError for a selector that is not understood."""
    for spec in (table(it, "spec"), *entries(it, "specs")):
        inward = entries(spec, "ingress")
        if dig(spec, "endpointSelector") is None or not (inward or entries(spec, "ingressDeny")):
            continue
        yield _Policy(
            ref_of(kind, it),
            raw.namespace(it),
            _selector(table(spec, "endpointSelector")),
            dig(spec, "enableDefaultDeny", "ingress") is not False,
            any(_admits(rule) for rule in inward),
        )


def _selector(written: Raw) -> Selector:
    """Labels of Kubernetes are written with their source before them, or with "any", or without."""
    if any(str(key).startswith("reserved:") for key in table(written, "matchLabels")):
        raise ValueError("it selects what is no pod")
    return selectors.read(
        {
            "matchLabels": {
                _bare(key): each for key, each in strings(written, "matchLabels").items()
            },
            "matchExpressions": [
                {**each, "key": _bare(text(each, "key"))}
                for each in entries(written, "matchExpressions")
            ],
        }
    )


def _bare(key: str) -> str:
    return key.removeprefix("k8s:").removeprefix("any:").removeprefix("k8s.").removeprefix("any.")


def _admits(rule: Raw) -> bool:
    """Whether a rule lets in what comes from the probes' address. One without any source admits all to its ports, and
    an empty one admits nobody."""
    if not any(source in rule for source in _SOURCES):
        return bool(entries(rule, "toPorts") or entries(rule, "icmps"))
    blocks = [*words(dig(rule, "fromCIDR"))]
    blocks += [text(each, "cidr") for each in entries(rule, "fromCIDRSet")]
    entities = {*words(dig(rule, "fromEntities"))}
    return bool(entities & _EVERYBODY) or any(map(_holds, blocks))


def _holds(block: str) -> bool:
    try:
        return ip_address(PROBES_FROM) in ip_network(block, strict=False)
    except ValueError:
        return False


def by_groups(snapshot: Snapshot) -> Findings:
    groups = [ref_of(SECURITY_GROUP_POLICY, it) for it in snapshot.raw(SECURITY_GROUP_POLICY)]
    agents = [it for it in snapshot.raw(DAEMONSET) if raw.name(it) == "aws-node"]
    captured = [each.pod for each in enrolled(snapshot)] if groups and agents else []
    for it in agents if captured else ():
        set_to = _environment(it)
        mode = set_to.get("POD_SECURITY_GROUP_ENFORCING_MODE", "strict")
        if set_to.get("ENABLE_POD_ENI") != "true" or mode == "standard":
            continue
        known = {
            versions.minor(versions.of_image(pod.image))
            for pod in components.running(snapshot)
            if components.is_cni(pod.labels)
        }
        ref = ref_of(DAEMONSET, it)
        if None in known or not known:
            yield Unsure(BY_GROUPS, "the images of the CNI agents do not tell their version", ref)
        elif any(each < _MENDED for each in known if each):
            taken = listed([each.key for each in groups])
            says = (
                f"{ref.key} enforces security groups in mode {mode}, and CNI agents older than 1.31 run: probes of"
                f" captured pods that {taken} takes are dropped"
            )
            shown = (
                seen(ref, "env POD_SECURITY_GROUP_ENFORCING_MODE", mode),
                seen(ref, "env ENABLE_POD_ENI", "true"),
            )
            yield Found(BY_GROUPS, (ref, *groups), says, shown)


def _environment(daemon_set: Raw) -> Mapping[str, str]:
    containers = entries(daemon_set, "spec", "template", "spec", "containers")
    variables = (each for container in containers for each in entries(container, "env"))
    return {text(each, "name"): text(each, "value") for each in variables}


ANALYZERS = (
    Analyzer(
        "policies of Cilium",
        (BY_CILIUM,),
        (Scope(CILIUM_CLUSTER_POLICY), Scope(CILIUM_POLICY), *capture.NEEDS),
        by_cilium,
    ),
    Analyzer(
        "security groups of EKS",
        (BY_GROUPS,),
        (Scope(SECURITY_GROUP_POLICY), Scope(DAEMONSET), CNI_PODS, *capture.NEEDS),
        by_groups,
    ),
)
