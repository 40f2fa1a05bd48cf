"""Traffic and resources: Services that nobody answers for, ztunnels that run out of something (doctor-rules.md, D8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from meshtui.mesh import components, nodes, raw, services, ztunnel_probes
from meshtui.mesh.checks import count
from meshtui.mesh.doctor.ambient import capture, failures
from meshtui.mesh.doctor.ambient.evidence import (
    SHOWN,
    crowd,
    enrolled,
    grouped,
    older,
    pod_ref,
    ref_of,
    seen,
)
from meshtui.mesh.doctor.analyzer import Analyzer, Findings
from meshtui.mesh.doctor.findings import Evidence, Found, Rule, Severity
from meshtui.mesh.kinds import DEPLOYMENT, ENDPOINT_SLICE, POD, SERVICE
from meshtui.mesh.metrics import Metrics
from meshtui.mesh.pods import Pod
from meshtui.mesh.raw import Raw, entries, moment, number, table, text
from meshtui.mesh.services import Service
from meshtui.mesh.snapshot import Answer, Snapshot

NOBODY = Rule(
    "AMB-064",
    "a Service in the mesh has no endpoint that is ready",
    Severity.HIGH,
    why="Every call to it fails: there is no healthy upstream.",
    remedy="see why its pods are not ready",
    link="docs/ambient/usage/troubleshoot-ztunnel/",
)
FILES = Rule(
    "AMB-053",
    "a ztunnel runs out of file descriptors",
    Severity.CRITICAL,
    why="At the limit no connection of its node can be opened any more.",
    remedy="find the client that opens so many connections; raise the limit; upgrade",
    link="docs/ambient/usage/troubleshoot-ztunnel/",
)
MEMORY = Rule(
    "AMB-054",
    "a ztunnel or waypoint was killed for its memory",
    Severity.HIGH,
    why="All connections through it were cut, and will be again.",
    remedy="raise its memory limit; see how many connections it holds",
    link="docs/ambient/usage/troubleshoot-ztunnel/",
)
LARGE = Rule(
    "AMB-042",
    "the mesh nears the size of the largest message that istiod sends",
    Severity.MEDIUM,
    why="Beyond it a ztunnel that connects gets nothing at all, and tries for ever.",
    remedy="raise ISTIO_GPRC_MAXRECVMSGSIZE of istiod, by about 1 MiB for each 10,000 workloads and services",
    link="docs/ops/deployment/performance-and-scalability/",
)
UNTRUSTED = Rule(
    "AMB-070",
    "istiod does not trust the service account of the ztunnels",
    Severity.HIGH,
    why="It signs no certificates for their pods.",
    remedy="set trustedZtunnelNamespace and trustedZtunnelName of istiod's chart to that account",
    link="docs/ambient/install/",
)
RESTARTED = Rule(
    "AMB-048",
    "a ztunnel was started anew, and cut long connections",
    Severity.INFO,
    why="Connections of databases and brokers through it were closed; clients that do not try again are stuck.",
    remedy="drain a node before its ztunnel is upgraded; raise terminationGracePeriodSeconds of the DaemonSet",
    link="docs/ambient/upgrade/helm/",
)
_LONG = {3306: "MySQL", 5432: "PostgreSQL", 5672: "AMQP", 6379: "Redis", 9092: "Kafka"}
"""Ports of protocols that keep their connections open."""
_LARGEST, _MOST = 35_000, "ISTIO_GPRC_MAXRECVMSGSIZE"
_TRUSTED = "CA_TRUSTED_NODE_ACCOUNTS"


def nobody(snapshot: Snapshot) -> Findings:
    for service in services.of(snapshot):
        found = service.endpoints
        if found is None or not found.each or found.ready or not service.captured.desired:
            continue
        if service.spec.proxy or any(
            not older(each.pod.created, snapshot.now, 30) for each in service.pods
        ):
            continue
        yield _nobody(service, found.total)


def _nobody(service: Service, total: int) -> Found:
    unready = [each.pod for each in service.pods]
    why = ", ".join(sorted({pod.status for pod in unready}))
    says = f"0 of {count(total, 'endpoint')} of Service {service.spec.key} ready{f' ({why})' if why else ''}"
    shown = [
        seen(pod_ref(pod), "status", f"{pod.status}, {pod.ready} of {pod.containers} ready")
        for pod in unready[:SHOWN]
    ]
    causes = (("AMB-020", service.ref), *(("AMB-014", pod_ref(pod)) for pod in unready))
    return Found(
        NOBODY, (service.ref, *map(pod_ref, unready)), says, tuple(shown), symptom_of=causes
    )


def files(snapshot: Snapshot) -> Findings:
    yield from failures.unread(snapshot, FILES)
    for node in nodes.of(snapshot).values():
        for pod in (each.pod for each in node.ztunnels):
            answer = snapshot.answers.get(ztunnel_probes.metrics(pod.namespace, pod.name), Answer())
            counted = answer.value
            if not isinstance(counted, Metrics):
                continue
            opened, most = counted.open_files, counted.most_files
            if opened is not None and most and opened > 0.8 * most:
                says = f"ztunnel {pod.name} of node {node.name} holds {opened:,} of {most:,} file descriptors"
                shown = (
                    seen(
                        pod_ref(pod),
                        "metrics: process_open_fds / process_max_fds",
                        f"{opened} / {most}",
                        answer.at,
                    ),
                )
                yield Found(FILES, (pod_ref(pod),), says, shown)


def memory(snapshot: Snapshot) -> Findings:
    """Containers that ended so in the last hour."""
    for pod in components.running(snapshot):
        if not (components.is_ztunnel(pod.labels) or components.is_waypoint(pod.labels)):
            continue
        it = snapshot.find(POD, pod.namespace, pod.name)
        for each in entries(it, "status", "containerStatuses"):
            for when in ("state", "lastState"):
                ended = table(each, when, "terminated")
                at = moment(ended, "finishedAt")
                if (
                    text(ended, "reason") == "OOMKilled"
                    and at
                    and not older(at, snapshot.now, 3600)
                ):
                    says = f"{pod.key} on node {pod.node} was killed for its memory"
                    shown = (
                        seen(
                            pod_ref(pod),
                            f"status.containerStatuses[].{when}.terminated.reason",
                            "OOMKilled",
                            at,
                        ),
                    )
                    yield Found(MEMORY, (pod_ref(pod),), says, shown)


def large(snapshot: Snapshot) -> Findings:
    total = len(snapshot.raw(POD)) + len(snapshot.raw(SERVICE))
    if total <= _LARGEST or components.environment(snapshot, _MOST):
        return
    istiods = [
        ref_of(DEPLOYMENT, it)
        for it in snapshot.raw(DEPLOYMENT)
        if components.is_istiod(raw.strings(it, "metadata", "labels"))
    ]
    if istiods:
        says = f"{total:,} pods and Services, and istiod's {_MOST} is not set"
        yield Found(LARGE, tuple(istiods), says, (seen(istiods[0], f"env {_MOST}", "not set"),))


def untrusted(snapshot: Snapshot) -> Findings:
    trusted = [
        each.strip()
        for each in components.environment(snapshot, _TRUSTED).split(",")
        if each.strip()
    ]
    ztunnels = [pod for pod in components.running(snapshot) if pod.labels.get("app") == "ztunnel"]
    for account, pods in grouped(ztunnels, lambda pod: f"{pod.namespace}/{pod.account}").items():
        if trusted and account not in trusted:
            says = f"{count(len(pods), 'ztunnel')} run as {account}, and istiod trusts {', '.join(trusted)}"
            yield Found(
                UNTRUSTED,
                tuple(map(pod_ref, pods)),
                says,
                tuple(_accounts(snapshot, pods[0], trusted)),
            )


def _accounts(snapshot: Snapshot, pod: Pod, trusted: list[str]) -> Iterator[Evidence]:
    yield seen(pod_ref(pod), "spec.serviceAccountName", pod.account)
    for it in snapshot.raw(DEPLOYMENT):
        if components.is_istiod(raw.strings(it, "metadata", "labels")):
            yield seen(ref_of(DEPLOYMENT, it), f"env {_TRUSTED}", ", ".join(trusted))


def restarted(snapshot: Snapshot) -> Findings:
    """In the last hour, on nodes with pods that were there before and serve such a protocol."""
    anew = [
        (ztunnel.pod, at)
        for node in nodes.of(snapshot).values()
        for ztunnel in node.ztunnels
        if (at := ztunnel.pod.restarted or ztunnel.pod.created) is not None
        and not (older(at, snapshot.now, 3600) or ztunnel.pod.terminating)
    ]
    served = _long_lived(snapshot) if anew else {}
    for ztunnel, at in anew:
        cut = [
            (pod, said)
            for pod, said in served.get(ztunnel.node, ())
            if pod.created is not None and pod.created < at
        ]
        if cut:
            what = ", ".join(sorted({said for _, said in cut}))
            who = f"{crowd([pod for pod, _ in cut])} ({what})"
            says = f"ztunnel {ztunnel.name} of node {ztunnel.node} was started anew: {who}"
            shown = (seen(pod_ref(ztunnel), "status.containerStatuses", "started anew", at),)
            refs = (pod_ref(ztunnel), *(pod_ref(pod) for pod, _ in cut))
            yield Found(RESTARTED, refs, says, shown)


def _long_lived(snapshot: Snapshot) -> Mapping[str, Sequence[tuple[Pod, str]]]:
    """By node the pods in the mesh that serve a protocol which keeps its connections, and which."""
    spoken = zip(snapshot.objects.get(POD, {}), snapshot.each(POD, _long), strict=True)
    long = {key: said for key, said in spoken if said}
    if not long:
        return {}
    found = ((each.pod, long[each.pod.key]) for each in enrolled(snapshot) if each.pod.key in long)
    return grouped(found, lambda each: each[0].node)


def _long(it: Raw) -> str:
    ports = (
        number(port, "containerPort")
        for container in entries(it, "spec", "containers")
        for port in entries(container, "ports")
    )
    return next((_LONG[port] for port in ports if port in _LONG), "")


ANALYZERS = (
    Analyzer("ztunnels that were started anew", (RESTARTED,), capture.NEEDS, restarted),
    Analyzer(
        "Services that nobody answers for",
        (NOBODY,),
        (SERVICE, ENDPOINT_SLICE, *capture.NEEDS),
        nobody,
    ),
    Analyzer("file descriptors of ztunnels", (FILES,), nodes.KINDS, files),
    Analyzer(
        "memory of ztunnels and waypoints",
        (MEMORY,),
        (components.ZTUNNEL_PODS, components.PROXY_PODS),
        memory,
    ),
    Analyzer("size of the mesh", (LARGE,), (POD, SERVICE, components.ISTIOD), large),
    Analyzer(
        "accounts of ztunnels",
        (UNTRUSTED,),
        (components.ZTUNNEL_PODS, components.ISTIOD),
        untrusted,
    ),
)
