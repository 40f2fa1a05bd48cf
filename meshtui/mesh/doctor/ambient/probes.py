"""Probes of kubelets that fail since pods were captured, and settings of Cilium that break them (doctor-rules.md,
D3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from meshtui.mesh import events, network_policies, raw
from meshtui.mesh.checks import listed
from meshtui.mesh.doctor.ambient import capture
from meshtui.mesh.doctor.ambient.evidence import SHOWN, crowd, enrolled, grouped, ref_of, seen
from meshtui.mesh.doctor.analyzer import Analyzer, Findings
from meshtui.mesh.doctor.findings import Found, Rule, Severity
from meshtui.mesh.events import Event
from meshtui.mesh.kinds import CONFIGMAP, DAEMONSET, EVENT, NETWORK_POLICY, POD
from meshtui.mesh.network_policies import PROBES_FROM
from meshtui.mesh.pods import Pod
from meshtui.mesh.raw import Raw, dig, entries, strings, text
from meshtui.mesh.snapshot import Ref, Scope, Snapshot

FAILING = Rule(
    "AMB-014",
    "probes of pods fail since they were captured",
    Severity.HIGH,
    why=f"A kubelet's probes come from {PROBES_FROM} at a captured pod; where that is broken, the pod is restarted.",
    remedy="see that the node lets that address through; restart its CNI agent, which keeps the list of probes",
    link="docs/ambient/install/platform-prerequisites/",
)
CILIUM = Rule(
    "AMB-015",
    "settings of Cilium that break ambient mode",
    Severity.HIGH,
    why="Probes of captured pods fail, or pods are not captured at all.",
    remedy="set bpf.masquerade=false, cni.exclusive=false and socketLB.hostNamespaceOnly=true of Cilium",
    link="docs/ambient/install/platform-prerequisites/",
)
UNHEALTHY = Scope(EVENT, None, fields="reason=Unhealthy")
CONFIG = Scope(CONFIGMAP, None, fields="metadata.name=cilium-config")
_PROBES = {"Liveness": "livenessProbe", "Readiness": "readinessProbe", "Startup": "startupProbe"}
_UNSET = "not set"
_ANSWERED = ("statuscode:", "connection refused")
"""In the message of a probe that got through: the application answered, or does not listen."""


def failing(snapshot: Snapshot) -> Findings:
    """By workload; what is wrong with Cilium would explain them."""
    said = _unhealthy(snapshot)
    if not said:
        return
    found: list[tuple[Pod, Event]] = []
    for each in enrolled(snapshot):
        pod = each.pod
        if pod.healthy or pod.uid not in said:
            continue
        it = snapshot.find(POD, pod.namespace, pod.name)
        since = pod.edited if "cni" in pod.edited_by else pod.created
        last = next((one for one in said[pod.uid] if it and _counts(one, it, since)), None)
        if last is not None:
            found.append((pod, last))
    config = _cilium(snapshot)
    by_config = (("AMB-015", ref_of(CONFIGMAP, config)),) if config is not None else ()
    for group in grouped(
        found, lambda one: f"{one[0].namespace}/{one[0].controller or one[0].name}"
    ).values():
        pods = [pod for pod, _ in group]
        says = f"{crowd(pods)}: {group[0][1].message}{_kept_out(snapshot, pods[0])}"
        shown = [
            seen(_ref(pod), "event Unhealthy", event.message, event.last)
            for pod, event in group[:SHOWN]
        ]
        by_pod = tuple((code, _ref(pod)) for code in ("AMB-016", "AMB-018") for pod in pods)
        causes = (*by_config, *by_pod)
        yield Found(FAILING, tuple(map(_ref, pods)), says, tuple(shown), symptom_of=causes)


def _ref(pod: Pod) -> Ref:
    return Ref(POD, pod.namespace, pod.name)


def _unhealthy(snapshot: Snapshot) -> dict[str, list[Event]]:
    """By the uid of a pod."""
    found: dict[str, list[Event]] = {}
    for it in snapshot.raw(EVENT):
        if text(it, "reason") == "Unhealthy" and text(it, "involvedObject", "kind") == "Pod":
            found.setdefault(text(it, "involvedObject", "uid"), []).append(events.read(it))
    return found


def _counts(event: Event, pod: Raw, since: datetime | None) -> bool:
    """Whether it is of a probe over the network, after the capture, that nobody answered, while the container ran."""
    kind = _PROBES.get(event.message.partition(" ")[0], "")
    over_network = any(
        dig(container, kind, how) is not None
        for container in entries(pod, "spec", "containers")
        for how in ("httpGet", "tcpSocket", "grpc")
    )
    runs = any(
        dig(each, "state", "running") is not None
        for each in entries(pod, "status", "containerStatuses")
    )
    late = since is None or (event.last is not None and event.last > since)
    return over_network and runs and late and not any(sign in event.message for sign in _ANSWERED)


def _kept_out(snapshot: Snapshot, pod: Pod) -> str:
    it = snapshot.find(POD, pod.namespace, pod.name)
    among = [each for each in network_policies.of(snapshot) if each.namespace == pod.namespace]
    blocked = network_policies.probes(among, it) if it is not None else None
    if blocked is None:
        return ""
    return f"; NetworkPolicy {listed(blocked.policies)} leaves out {PROBES_FROM}"


def cilium(snapshot: Snapshot) -> Findings:
    config = _cilium(snapshot)
    if config is None:
        return
    data, ref = strings(config, "data"), ref_of(CONFIGMAP, config)
    wrong = [(key, data.get(key, ""), why) for key, why in _wrong(data)]
    if wrong:
        says = f"ConfigMap {ref.key}: {'; '.join(f'{key} ({value or _UNSET}) {why}' for key, value, why in wrong)}"
        shown = tuple(seen(ref, f"data.{key}", value or _UNSET) for key, value, _ in wrong)
        yield Found(CILIUM, (ref,), says, shown)


def _cilium(snapshot: Snapshot) -> Raw | None:
    """The settings of the Cilium that runs here."""
    runs = {raw.namespace(it) for it in snapshot.raw(DAEMONSET) if raw.name(it) == "cilium"}
    found = [
        it
        for it in snapshot.raw(CONFIGMAP)
        if raw.name(it) == "cilium-config" and raw.namespace(it) in runs
    ]
    return min(found, key=raw.key, default=None)


def _wrong(data: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each setting that breaks something, and what."""
    if data.get("enable-bpf-masquerade") == "true":
        yield "enable-bpf-masquerade", f"rewrites {PROBES_FROM}, and probes of captured pods fail"
    if data.get("cni-exclusive") != "false":
        yield "cni-exclusive", "deletes the CNI agent's entry, and pods are not captured"
    replaced = data.get("kube-proxy-replacement") in ("true", "strict")
    if (
        replaced
        and data.get("bpf-lb-sock") != "false"
        and data.get("bpf-lb-sock-hostns-only") != "true"
    ):
        yield (
            "bpf-lb-sock-hostns-only",
            "translates Services inside pods, and the mesh does not see them",
        )


ANALYZERS = (
    Analyzer(
        "probes that fail since the capture",
        (FAILING,),
        (*capture.NEEDS, UNHEALTHY, NETWORK_POLICY),
        failing,
    ),
    Analyzer("settings of Cilium", (CILIUM,), (Scope(DAEMONSET), CONFIG), cilium),
)
