"""What `kubectl get pods` says of a pod: ready, status, restarts, as kube-apiserver's `printPod` works it out."""

from __future__ import annotations

from datetime import datetime

from meshtui.sim.durations import since
from meshtui.sim.objects import Raw, at, condition, is_true, mapping, mappings, sequence, text


def pod_cells(pod: Raw, now: datetime) -> tuple[str, str, str]:
    """READY, STATUS and RESTARTS."""
    sidecars = {
        text(each, "name")
        for each in mappings(pod, "spec", "initContainers")
        if each.get("restartPolicy") == "Always"
    }
    init = mappings(pod, "status", "initContainerStatuses")
    main = mappings(pod, "status", "containerStatuses")
    ready = sum(1 for each in main if each.get("ready") and "running" in mapping(each, "state"))
    reason = text(pod, "status", "reason") or text(pod, "status", "phase")
    if condition(pod, "PodScheduled").get("reason") == "SchedulingGated":
        reason = "SchedulingGated"
    starting = _starting(pod, init, sidecars)
    if starting and not is_true(pod, "Initialized"):
        reason, ready, counted = starting, 0, init
    else:
        reason = _running(pod, main, reason)
        counted = [*main, *(each for each in init if text(each, "name") in sidecars)]
    ready += sum(
        1
        for each in init
        if text(each, "name") in sidecars and each.get("started") and each.get("ready")
    )
    total = len(sequence(pod, "spec", "containers")) + len(sidecars)
    return f"{ready}/{total}", _leaving(pod) or reason, _restarts(counted, now)


def _starting(pod: Raw, statuses: list[Raw], sidecars: set[str]) -> str:
    """Which init container a pod waits for; "" where it waits for none."""
    for index, status in enumerate(statuses):
        ended = _ended(status)
        waiting = text(status, "state", "waiting", "reason")
        if ended is not None and not ended.get("exitCode"):
            continue
        if text(status, "name") in sidecars and status.get("started"):
            continue
        if ended is not None:
            return f"Init:{_how_it_ended(ended)}"
        if waiting and waiting != "PodInitializing":
            return f"Init:{waiting}"
        return f"Init:{index}/{len(sequence(pod, 'spec', 'initContainers'))}"
    return ""


def _running(pod: Raw, statuses: list[Raw], reason: str) -> str:
    running, failure = False, ""
    for status in reversed(statuses):
        ended = _ended(status)
        waiting = text(status, "state", "waiting", "reason")
        if waiting:
            reason = waiting
        elif ended is not None:
            reason = _how_it_ended(ended)
            failure = reason if ended.get("exitCode") else failure
        elif status.get("ready") and "running" in mapping(status, "state"):
            running = True
    if reason != "Completed":
        return reason
    if running and is_true(pod, "Ready"):
        return "Running"
    return failure or ("NotReady" if running else reason)


def _ended(status: Raw) -> Raw | None:
    """How a container ended; None where it did not."""
    return (
        mapping(status, "state", "terminated") if "terminated" in mapping(status, "state") else None
    )


def _how_it_ended(ended: Raw) -> str:
    if text(ended, "reason"):
        return text(ended, "reason")
    signal = ended.get("signal")
    return f"Signal:{signal}" if signal else f"ExitCode:{ended.get('exitCode', 0)}"


def _leaving(pod: Raw) -> str:
    if not at(pod, "metadata", "deletionTimestamp"):
        return ""
    if text(pod, "status", "reason") == "NodeLost":
        return "Unknown"
    return "" if text(pod, "status", "phase") in ("Succeeded", "Failed") else "Terminating"


def _restarts(statuses: list[Raw], now: datetime) -> str:
    counts = [each.get("restartCount") for each in statuses]
    total = sum(count for count in counts if isinstance(count, int))
    last = max(
        (text(each, "lastState", "terminated", "finishedAt") for each in statuses), default=""
    )
    return f"{total} ({since(last, now)} ago)" if total and last else str(total)
