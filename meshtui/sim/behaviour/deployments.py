"""Deployments: rolling updates, one ReplicaSet for each template, and the status that says how far they are."""

from __future__ import annotations

import math

from meshtui.sim.behaviour.names import template_hash
from meshtui.sim.behaviour.owners import Owners
from meshtui.sim.kinds import DEPLOYMENT, REPLICASET
from meshtui.sim.objects import (
    Raw,
    annotated,
    annotation,
    integer,
    mapping,
    mappings,
    merged,
    name,
    namespace,
    owner_reference,
    seconds,
    text,
)

_REVISION = "deployment.kubernetes.io/revision"
_KEPT = 10


class Deployments(Owners):
    """Rolls from one template to the next, one ReplicaSet for each."""

    kinds = (DEPLOYMENT, REPLICASET)

    def _keep(self, found: Raw) -> None:
        owned = list(self._world.sets_of[text(found, "metadata", "uid")])
        if not mapping(found, "spec", "template"):
            return
        title = f"{name(found)}-{template_hash(mapping(found, 'spec', 'template'))}"
        current = next((each for each in owned if name(each) == title), None)
        old = [each for each in owned if name(each) != title]
        if current is None:
            current = self._create(found, title, old)
        elif _revision(current) <= max(map(_revision, old), default=0):
            metadata = annotated(current, _REVISION, str(1 + max(map(_revision, old))))
            current = self._world.write(REPLICASET, current, metadata=metadata)
        if annotation(found, _REVISION) != (revision := str(_revision(current))):
            found = self._world.write(
                DEPLOYMENT, found, metadata=annotated(found, _REVISION, revision)
            )
        current, old = self._roll(found, current, old)
        self._tidy(old)
        self._world.write_status(DEPLOYMENT, found, self._status(found, current, old))

    def _create(self, owner: Raw, title: str, old: list[Raw]) -> Raw:
        digest, size = title.rpartition("-")[2], _size(owner, old)
        template = mapping(owner, "spec", "template")
        marked = {"pod-template-hash": digest}
        spec = {
            "replicas": size,
            "selector": {
                **mapping(owner, "spec", "selector"),
                "matchLabels": mapping(owner, "spec", "selector", "matchLabels") | marked,
            },
            "template": {
                **template,
                "metadata": {
                    **mapping(template, "metadata"),
                    "labels": mapping(template, "metadata", "labels") | marked,
                },
            },
        }
        if size:
            self._tell(owner, title, 0, size)
        return self._world.store.create(
            REPLICASET,
            {
                "metadata": {
                    "name": title,
                    "namespace": namespace(owner),
                    "uid": self._world.names.uid(),
                    "labels": mapping(template, "metadata", "labels") | marked,
                    "annotations": {
                        _REVISION: str(1 + max(map(_revision, old), default=0)),
                        **_sizes(owner),
                    },
                    "ownerReferences": [owner_reference(owner)],
                },
                "spec": spec,
                "status": {"replicas": 0},
            },
        )

    def _roll(self, owner: Raw, current: Raw, old: list[Raw]) -> tuple[Raw, list[Raw]]:
        """One step from the old ReplicaSets to the current one, within maxSurge and maxUnavailable."""
        wanted = integer(owner, "spec", "replicas", default=1)
        current = self._scale(
            owner, current, max(_size(owner, old), min(_replicas(current), wanted))
        )
        everyone = [current, *old]
        least = wanted - _bounds(owner, wanted)[1]
        missing = _replicas(current) - _available(current)
        budget = max(sum(map(_replicas, everyone)) - least - missing, 0)
        spare = max(sum(map(_available, everyone)) - least, 0)
        if _recreates(owner):
            budget = spare = sum(map(_replicas, old))
        result = []
        for each in sorted(old, key=_revision):
            bad = min(_replicas(each) - _available(each), budget)
            good = min(_available(each), spare, budget - bad)
            budget, spare = budget - bad - good, spare - good
            result.append(self._scale(owner, each, _replicas(each) - bad - good))
        return current, result

    def _scale(self, owner: Raw, each: Raw, size: int) -> Raw:
        before, notes = _replicas(each), mapping(each, "metadata", "annotations")
        wanted = notes | _sizes(owner)
        if before == size and notes == wanted:
            return each
        if before != size:
            self._tell(owner, name(each), before, size)
        return self._world.write(
            REPLICASET,
            each,
            metadata={**each["metadata"], "annotations": wanted},
            spec={**each["spec"], "replicas": size},
        )

    def _tell(self, owner: Raw, replica_set: str, before: int, size: int) -> None:
        how = "up" if size > before else "down"
        message = f"Scaled {how} replica set {replica_set} from {before} to {size}"
        self._world.events.write(owner, "ScalingReplicaSet", message, "deployment-controller")

    def _tidy(self, old: list[Raw]) -> None:
        empty = [each for each in old if not _replicas(each)]
        for each in sorted(empty, key=_revision)[: max(len(empty) - _KEPT, 0)]:
            self._world.store.delete(REPLICASET, namespace(each), name(each))

    def _status(self, owner: Raw, current: Raw, old: list[Raw]) -> Raw:
        wanted = integer(owner, "spec", "replicas", default=1)
        all_of = [current, *old]
        total = sum(integer(each, "status", "replicas") for each in all_of)
        good = sum(integer(each, "status", "availableReplicas") for each in all_of)
        updated = integer(current, "status", "replicas")
        status = {
            "observedGeneration": owner["metadata"].get("generation", 1),
            "replicas": total,
            "updatedReplicas": updated,
            "readyReplicas": good,
            "availableReplicas": good,
            "unavailableReplicas": max(wanted - good, 0),
            "terminatingReplicas": sum(
                integer(each, "status", "terminatingReplicas") for each in all_of
            ),
        }
        status = {key: value for key, value in status.items() if value or key.startswith("term")}
        done = updated == wanted == good and total == wanted
        enough = good >= wanted - _bounds(owner, wanted)[1]
        stamp = seconds(self._world.clock())
        before = mappings(owner, "status", "conditions")
        through = _progressing(name(current), done=True)
        done = done or any(each.get("message") == through["message"] for each in before)
        progress = _progressing(name(current), done=done)
        conditions = merged(before, [_enough(enough), progress], stamp)
        status["conditions"] = _updated(before, conditions, stamp)
        return status


def _enough(enough: bool) -> Raw:
    return {
        "type": "Available",
        "status": "True" if enough else "False",
        "reason": "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
        "message": f"Deployment {'has' if enough else 'does not have'} minimum availability.",
    }


def _progressing(replica_set: str, *, done: bool) -> Raw:
    return {
        "type": "Progressing",
        "status": "True",
        "reason": "NewReplicaSetAvailable" if done else "ReplicaSetUpdated",
        "message": f'ReplicaSet "{replica_set}" '
        + ("has successfully progressed." if done else "is progressing."),
    }


def _updated(before: list[Raw], after: list[Raw], stamp: str) -> list[Raw]:
    """With lastUpdateTime, which moves with reason and message too."""
    known = {text(each, "type"): each for each in before}
    result = []
    for each in after:
        old = known.get(each["type"], {})
        same = all(old.get(part) == each[part] for part in ("status", "reason", "message"))
        result.append(
            {**each, "lastUpdateTime": old.get("lastUpdateTime", stamp) if same else stamp}
        )
    return result


def _bounds(owner: Raw, wanted: int) -> tuple[int, int]:
    """How many pods too many, and how many too few, a rolling update allows."""
    rolling = mapping(owner, "spec", "strategy", "rollingUpdate")
    surge = _share(rolling.get("maxSurge", "25%"), wanted, up=True)
    unavailable = _share(rolling.get("maxUnavailable", "25%"), wanted, up=False)
    return surge, unavailable if surge or unavailable else 1


def _share(value: object, of: int, *, up: bool) -> int:
    if isinstance(value, str) and value.endswith("%") and value[:-1].isdecimal():
        part = of * int(value[:-1]) / 100
        return math.ceil(part) if up else math.floor(part)
    return value if isinstance(value, int) else 0


def _size(owner: Raw, old: list[Raw]) -> int:
    """How many pods of the current template there may be now."""
    wanted = integer(owner, "spec", "replicas", default=1)
    if _recreates(owner):
        return 0 if any(integer(each, "status", "replicas") for each in old) else wanted
    running = sum(map(_replicas, old))
    return max(min(wanted, wanted + _bounds(owner, wanted)[0] - running), 0)


def _sizes(owner: Raw) -> Raw:
    """What a ReplicaSet is told of its Deployment's size."""
    wanted = integer(owner, "spec", "replicas", default=1)
    return {
        "deployment.kubernetes.io/desired-replicas": str(wanted),
        "deployment.kubernetes.io/max-replicas": str(wanted + _bounds(owner, wanted)[0]),
    }


def _recreates(owner: Raw) -> bool:
    return text(owner, "spec", "strategy", "type") == "Recreate"


def _available(each: Raw) -> int:
    return min(integer(each, "status", "availableReplicas"), _replicas(each))


def _replicas(each: Raw) -> int:
    return integer(each, "spec", "replicas", default=1)


def _revision(each: Raw) -> int:
    value = annotation(each, _REVISION) or ""
    return int(value) if value.isdecimal() else 0
