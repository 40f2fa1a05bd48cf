"""DaemonSets, a pod on each node, and StatefulSets, pods by number."""

from __future__ import annotations

from collections.abc import Iterable

from meshtui.sim.behaviour import pods
from meshtui.sim.behaviour.injection import injected
from meshtui.sim.behaviour.names import template_hash
from meshtui.sim.behaviour.owners import Owners
from meshtui.sim.kinds import DAEMONSET, NODE, POD, STATEFULSET
from meshtui.sim.objects import (
    Raw,
    integer,
    labels,
    mapping,
    name,
    namespace,
    subset,
    text,
    uid,
)
from meshtui.sim.store import Change, Key, key_of

_HASH = "controller-revision-hash"


class DaemonSets(Owners):
    """Keeps one pod on each node that the template fits, and replaces those of an older template one by one."""

    kinds = (DAEMONSET, NODE, POD)

    def concerns(self, change: Change) -> Iterable[tuple[Key, float]]:
        if change.kind != NODE:
            yield from super().concerns(change)
        elif change.type != "MODIFIED":
            for each in self._world.store.list(DAEMONSET):
                yield key_of(each), 0.1

    def _keep(self, found: Raw) -> None:
        revision = template_hash(mapping(found, "spec", "template"))
        wanted = mapping(found, "spec", "template", "spec").get("nodeSelector") or {}
        nodes = [
            name(each) for each in self._world.store.list(NODE) if subset(wanted, labels(each))
        ]
        by_node: dict[str, list[Raw]] = {node: [] for node in nodes}
        for pod in self._world.pods_of[uid(found)]:
            if not pods.terminating(pod):
                by_node.setdefault(pods.node(pod), []).append(pod)
        for node, here in by_node.items():
            if node not in nodes:
                self._delete(found, here)
            elif not here:
                here.append(self._create(found, node, revision))
        self._replace(found, by_node, revision)
        self._world.write_status(DAEMONSET, found, _status(found, nodes, by_node, revision))

    def _replace(self, found: Raw, by_node: dict[str, list[Raw]], revision: str) -> None:
        """Go one pod further in a rolling update, or end the surge on a node."""
        strategy = mapping(found, "spec", "updateStrategy")
        surge = integer(strategy, "rollingUpdate", "maxSurge") > 0
        for here in by_node.values():
            old = [pod for pod in here if labels(pod).get(_HASH) != revision]
            if len(here) > 1 and old and any(pods.ready(pod) for pod in here if pod not in old):
                self._delete(found, old)
        if text(strategy, "type") == "OnDelete":
            return
        if not all(len(here) == 1 and pods.ready(here[0]) for here in by_node.values()):
            return
        for node, here in by_node.items():
            if labels(here[0]).get(_HASH) != revision:
                if surge:
                    here.append(self._create(found, node, revision))
                else:
                    self._delete(found, here)
                return

    def _create(self, owner: Raw, node: str, revision: str) -> Raw:
        title = f"{name(owner)}-{self._world.names.suffix()}"
        extra = {
            _HASH: revision,
            "pod-template-generation": str(owner["metadata"].get("generation", 1)),
            **pods.topology(self._world.node(node)),
        }
        pod = pods.from_template(owner, title, self._world, extra)
        pod["spec"] |= {"nodeName": node, "affinity": _on(node)}
        made = self._world.store.create(POD, pod)
        self._event(owner, "SuccessfulCreate", f"Created pod: {title}")
        return made

    def _delete(self, owner: Raw, gone: list[Raw]) -> None:
        for pod in gone:
            self._world.store.delete(POD, namespace(pod), name(pod))
            self._event(owner, "SuccessfulDelete", f"Deleted pod: {name(pod)}")

    def _event(self, owner: Raw, reason: str, message: str) -> None:
        self._world.events.write(owner, reason, message, "daemonset-controller")


class StatefulSets(Owners):
    """Pods name-0, name-1, …: made in order, replaced from the last."""

    kinds = (STATEFULSET, POD)

    def _keep(self, found: Raw) -> None:
        wanted = integer(found, "spec", "replicas", default=1)
        revision = f"{name(found)}-{template_hash(mapping(found, 'spec', 'template'))}"
        owned = {name(pod): pod for pod in self._world.pods_of[uid(found)]}
        titles = [f"{name(found)}-{number}" for number in range(wanted)]
        for title in [title for title in owned if title not in titles]:
            self._world.store.delete(POD, namespace(found), title)
        for number, title in enumerate(titles):
            if title not in owned:
                owned[title] = self._create(found, title, number, revision)
            if not pods.ready(owned[title]):
                break
        else:
            self._replace(titles, owned, revision)
        here = [owned[title] for title in titles if title in owned]
        self._world.write_status(STATEFULSET, found, _counts(found, here, revision))

    def _replace(self, titles: list[str], owned: dict[str, Raw], revision: str) -> None:
        for title in reversed(titles):
            if labels(owned[title]).get(_HASH) != revision:
                self._world.store.delete(POD, namespace(owned[title]), title)
                return

    def _create(self, owner: Raw, title: str, number: int, revision: str) -> Raw:
        extra = {
            _HASH: revision,
            "statefulset.kubernetes.io/pod-name": title,
            "apps.kubernetes.io/pod-index": str(number),
        }
        pod = pods.from_template(owner, title, self._world, extra)
        pod["spec"] |= {"hostname": title, "subdomain": text(owner, "spec", "serviceName")}
        made = self._world.store.create(POD, injected(pod, self._world))
        message = f"create Pod {title} in StatefulSet {name(owner)} successful"
        self._world.events.write(owner, "SuccessfulCreate", message, "statefulset-controller")
        return made


def _status(owner: Raw, nodes: list[str], by_node: dict[str, list[Raw]], revision: str) -> Raw:
    here = {node: pods_ for node, pods_ in by_node.items() if node in nodes and pods_}
    good = sum(any(map(pods.ready, each)) for each in here.values())
    updated = sum(any(labels(pod).get(_HASH) == revision for pod in each) for each in here.values())
    return {
        "currentNumberScheduled": len(here),
        "numberMisscheduled": 0,
        "desiredNumberScheduled": len(nodes),
        "numberReady": good,
        "observedGeneration": owner["metadata"].get("generation", 1),
        "updatedNumberScheduled": updated,
        "numberAvailable": good,
    } | ({"numberUnavailable": len(nodes) - good} if good < len(nodes) else {})


def _counts(owner: Raw, here: list[Raw], revision: str) -> Raw:
    good = sum(map(pods.ready, here))
    updated = [pod for pod in here if labels(pod).get(_HASH) == revision]
    before = text(owner, "status", "currentRevision") or revision
    return {
        "observedGeneration": owner["metadata"].get("generation", 1),
        "replicas": len(here),
        "readyReplicas": good,
        "availableReplicas": good,
        "currentReplicas": len(here) - len(updated) if before != revision else len(here),
        "updatedReplicas": len(updated),
        "currentRevision": revision if len(updated) == len(here) else before,
        "updateRevision": revision,
        "collisionCount": 0,
    }


def _on(node: str) -> Raw:
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    terms = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
