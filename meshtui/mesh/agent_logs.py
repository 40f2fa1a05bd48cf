"""Agent logs: what the last ten minutes of the logs of ztunnels and CNI agents tell, by the signatures of
doctor-rules.md, E."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from meshtui.mesh import components
from meshtui.mesh.access.lines import AccessLine
from meshtui.mesh.access.reading import Counts, Reader
from meshtui.mesh.kinds import POD
from meshtui.mesh.logs import LogLine
from meshtui.mesh.pods import Pod
from meshtui.mesh.raw import entries, text
from meshtui.mesh.snapshot import Snapshot, Tail

_LINES, _SINCE = 1_000, 600
AGENT = (
    "failed to reconcile inpod rules",
    "Failed capturing pod, will not retry",
    "can't find netns",
    "refusing the pairing",
    "iptables artifacts detected",
    "without libjansson",
    "IP collision",
    "addressSet",
)
PROBED = ("IP collision", "addressSet")
"""Those of them that are of the set of probed addresses."""
ZTUNNEL = (
    "drain duration expired",
    "HBONE ping timeout/error",
    "cannot resolve port",
    "no service for target address",
    "failed to fetch information about local workload",
    "timed out waiting for workload",
)
_LEVEL = re.compile(r"\t(?:warn|error)\t")
_CONNECTS = ("Connection refused", "deadline has elapsed", "No route")


class Line(NamedTuple):
    """One line that tells something."""

    sign: str
    at: datetime | None
    text: str

    def named(self) -> str:
        """The pod that a CNI agent speaks of, as "namespace/name"; "" where it names none."""
        labelled = re.search(r"\bns=(\S+).*?\bname=(\S+)", self.text)
        written = labelled or re.search(r"\bpod ([a-z0-9.-]+)/([a-z0-9.-]+)", self.text)
        return f"{written[1]}/{written[2]}" if written else ""


class Written(NamedTuple):
    """What the end of a log tells."""

    lines: tuple[Line, ...]
    failed: tuple[AccessLine, ...]
    """Connections that could not be opened."""


def read(signs: Sequence[str], lines: Sequence[LogLine]) -> Written:
    found, failed = [], []
    reader = Reader(Counts())
    for each in lines:
        sign = next((sign for sign in signs if sign in each.text), "")
        if sign and (_LEVEL.search(each.text) or not each.text[:1].isdigit()):
            found.append(Line(sign, each.at, each.text[:500]))
        access = reader.read(each.text)
        if access is not None and any(words in access.error for words in _CONNECTS):
            failed.append(access)
    reader.end()
    return Written(tuple(found), tuple(failed))


read_agent = partial(read, AGENT)
read_ztunnel = partial(read, ZTUNNEL)


def tails(snapshot: Snapshot) -> Sequence[Tail]:
    """The end of the log of each ztunnel and CNI agent."""
    found = (tail(snapshot, pod) for pod in components.running(snapshot))
    return [each for each in found if each is not None]


def tail(snapshot: Snapshot, pod: Pod) -> Tail | None:
    if not (is_agent := components.is_cni(pod.labels)) and pod.labels.get("app") != "ztunnel":
        return None
    it = snapshot.find(POD, pod.namespace, pod.name)
    container = next((text(each, "name") for each in entries(it, "spec", "containers")), "")
    how = read_agent if is_agent else read_ztunnel
    return Tail(pod.namespace, pod.name, container, _LINES, _SINCE, how)
