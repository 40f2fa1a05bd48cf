"""Snapshots of the recorded meshes in tests/data/recordings, for tests that want a cluster as it really was."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from meshtui.kube.secrets import certificates_only
from meshtui.mesh import named_secrets, raw, ztunnels
from meshtui.mesh.denial_watch import Heard, Watch
from meshtui.mesh.kinds import NAMESPACE, NODE, POD, SECRET, Kind
from meshtui.mesh.logs import LogLine
from meshtui.mesh.memo import Memo
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import (
    Answer,
    Phase,
    Probe,
    Problem,
    Ref,
    Scope,
    Server,
    Snapshot,
    Source,
    Sweep,
    Trouble,
)

DATA = Path(__file__).parent / "data" / "recordings"

_TAKEN = {  # just after the last line that a ztunnel wrote
    "shop": datetime(2026, 11, 22, 12, 39, tzinfo=UTC),
    "no-ca": datetime(2026, 11, 22, 13, 28, tzinfo=UTC),
    "no-istiod": datetime(2026, 11, 22, 13, 29, tzinfo=UTC),
    "acme": datetime(2026, 11, 22, 13, 30, tzinfo=UTC),
}

_NOBODY = Problem(Trouble.REFUSED, "connection refused: nothing listens on port 15000 of that pod")


@dataclass(frozen=True, slots=True)
class Recording:
    """One recorded mesh: its files as they are."""

    name: str

    @property
    def taken(self) -> datetime:
        return _TAKEN[self.name]

    @property
    def read_at(self) -> datetime:
        """When the ztunnels were read."""
        return self.taken - timedelta(seconds=4)

    def objects(self) -> dict[Kind, list[Raw]]:
        """The recorded objects by kind."""
        found: dict[Kind, list[Raw]] = {}
        for file in sorted((DATA / self.name / "objects").glob("*.json")):
            plural, _, group = file.stem.partition(".")
            kind = Kind(group, plural, plural)
            found[kind] = json.loads(file.read_bytes())["items"]
        return found

    def nodes(self) -> list[str]:
        """The nodes whose ztunnel was recorded."""
        files = sorted((DATA / self.name).glob("ztunnel-*.config_dump.json"))
        return [file.name.removeprefix("ztunnel-").partition(".")[0] for file in files]

    def dump(self, node: str) -> bytes:
        """`/config_dump` of the ztunnel on that node."""
        return (DATA / self.name / f"ztunnel-{node}.config_dump.json").read_bytes()

    def metrics(self, node: str) -> bytes:
        """`/metrics` of the ztunnel on that node."""
        return (DATA / self.name / f"ztunnel-{node}.metrics.txt").read_bytes()

    def log(self, node: str) -> str:
        """The log of the ztunnel on that node."""
        return (DATA / self.name / f"ztunnel-{node}.log").read_text()


def snapshot(name: str) -> Snapshot:
    """The recorded mesh as the session would have it, everything live, of which nothing was derived yet.

    Of `acme`, `no-ca` and `no-istiod` few objects were recorded. It was the mesh of `shop` later, so namespaces and
    nodes are those of `shop`, and the pods are as the dump tells of them: no more than name, account, address, node and
    whether they are captured, with the labels of the same application in `shop`, and taken to be running.
    """
    return replace(_snapshot(name), memo=Memo())


@cache
def _snapshot(name: str) -> Snapshot:
    recording = Recording(name)
    lists = recording.objects()
    if POD not in lists:
        shop = Recording("shop").objects()
        lists |= {NAMESPACE: shop[NAMESPACE], NODE: shop[NODE], POD: _pods(recording)}
    answers = _answers(recording, lists[POD])
    found = Snapshot(
        now=recording.taken,
        server=Server(
            context=f"recorded-{name}",
            cluster=f"recorded-{name}",
            url="https://127.0.0.1:6443",
            version="v1.36.3",
            kinds=dict.fromkeys(lists, "v1"),
            answered=recording.taken,
            requests=42,
            forwards=12,
        ),
        objects={kind: {raw.key(item): item for item in items} for kind, items in lists.items()},
        sources={
            Scope(kind): Source(Phase.LIVE, len(items), recording.taken)
            for kind, items in lists.items()
        },
        answers=answers,
        sweep=Sweep(total=3, read=len(recording.nodes()), oldest=recording.read_at),
    )
    return replace(found, gets=_gets(found))


def heard(name: str, at: Snapshot) -> Heard:
    """What the session has when it has read the logs of the recorded ztunnels of a mesh, the kubelet's stamps being the
    ztunnels' own."""
    recording, watch = Recording(name), Watch(600)
    watch.see(at)
    proxies = watch.proxies(at.now)
    for pod in proxies:
        it = at.find(POD, pod.namespace, pod.name)
        node = raw.text(it, "spec", "nodeName")
        lines = recording.log(node).splitlines() if node in recording.nodes() else []
        for line in lines:
            watch.take(pod, LogLine(raw.moment(line.partition("\t")[0]), line))
        watch.take_up(pod, at.now)
    return watch.heard(proxies, {})


def _gets(found: Snapshot) -> dict[Ref, Answer]:
    """The Secrets that are read by name, as the session keeps them; of those that are not there, that they are gone."""
    gets: dict[Ref, Answer] = {}
    for ref in named_secrets.refs(found):
        secret = found.find(SECRET, ref.namespace, ref.name)
        if secret is None:
            words = f'secrets "{ref.name}" not found'
            gets[ref] = Answer(problem=Problem(Trouble.GONE, words))
        else:
            gets[ref] = Answer(certificates_only(secret), found.now)
    return gets


def _answers(recording: Recording, pods: list[Raw]) -> dict[Probe, Answer]:
    """What the ztunnels of the recorded nodes said, and that nobody could be asked on another."""
    recorded, answers = recording.nodes(), {}
    for pod in pods:
        if raw.label(pod, "app") != "ztunnel":
            continue
        node = raw.text(pod, "spec", "nodeName")
        for probe, body in (
            (ztunnels.metrics_probe(pod), recording.metrics),
            (ztunnels.dump_probe(pod), recording.dump),
            (ztunnels.dump_detail_probe(pod), recording.dump),
        ):
            answers[probe] = (
                Answer(probe.read(body(node)), recording.read_at)
                if node in recorded
                else Answer(problem=_nobody(probe))
            )
    return answers


def _nobody(probe: Probe) -> Problem:
    text = f"connection refused: nothing listens on port {probe.port} of pod {probe.pod}"
    return Problem(Trouble.REFUSED, text)


def _pods(recording: Recording) -> list[Raw]:
    """The pods that the dump of the one recorded ztunnel tells of."""
    dump = json.loads(recording.dump("node-1"))
    uids = {
        (told["info"]["namespace"], told["info"]["name"]): uid
        for uid, told in dump["workloadState"].items()
    }
    labels = {
        (raw.namespace(pod), raw.text(pod, "spec", "serviceAccountName")): pod["metadata"]["labels"]
        for pod in Recording("shop").objects()[POD]
    }
    return [
        _pod(
            workload,
            uids.get((workload["namespace"], workload["name"]), ""),
            labels[workload["namespace"], workload["serviceAccount"]],
        )
        for workload in dump["workloads"]
    ]


def _pod(workload: Raw, uid: str, labels: Raw) -> Raw:
    metadata: dict[str, Any] = {
        "name": workload["name"],
        "namespace": workload["namespace"],
        "uid": uid or f"uid-of-{workload['name']}",
        "creationTimestamp": "2026-11-22T13:27:00Z",
        "labels": labels,
    }
    if workload["protocol"] == "HBONE":
        metadata["annotations"] = {"ambient.istio.io/redirection": "enabled"}
    return {
        "metadata": metadata,
        "spec": {
            "nodeName": workload["node"],
            "serviceAccountName": workload["serviceAccount"],
            "containers": [{"name": "app"}],
        },
        "status": {
            "phase": "Running",
            "podIP": workload["workloadIps"][0],
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [
                {"name": "app", "ready": True, "restartCount": 0, "state": {"running": {}}}
            ],
        },
    }
