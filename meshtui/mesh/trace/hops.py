"""Hops: one thing on the way of a call, how it is, and the object or field of a dump that decides it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from meshtui.mesh import nodes, ztunnel_probes
from meshtui.mesh.doctor.findings import Evidence
from meshtui.mesh.dumps import DumpDetail
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.nodes import Ztunnel
from meshtui.mesh.snapshot import Answer, Ref, Snapshot
from meshtui.mesh.views import View


class Hop(Struct, frozen=True):
    """One hop. Its health is OK, UNKNOWN or BAD: what is not known is never ok."""

    title: str
    """Such as "capture of A"."""
    verdict: Verdict
    evidence: tuple[Evidence, ...] = ()
    """What decides it first."""
    step: str = ""
    """The next step; "" where there is nothing to do."""
    about: str = ""
    """Of several backends the one that it is about, "90 % shop/storefront"; "" where there is one way only."""

    @property
    def ref(self) -> Ref | None:
        """The object that decides it; None where nothing of it is an object."""
        return next((each.ref for each in self.evidence if each.ref is not None), None)

    @property
    def key(self) -> str:
        return f"{self.about} {self.title}".strip()


def well(title: str, reason: str, *evidence: Evidence) -> Hop:
    return Hop(title, Verdict(Health.OK, reason), evidence)


def broken(title: str, reason: str, *evidence: Evidence, step: str) -> Hop:
    return Hop(title, Verdict(Health.BAD, reason), evidence, step)


def unknown(title: str, reason: str, *evidence: Evidence, step: str = "") -> Hop:
    return Hop(title, Verdict(Health.UNKNOWN, reason), evidence, step)


READ_DUMP = "`meshtui rbac` prints the rights that reading ztunnels needs"
"""The next step where a dump is missing."""


def together(found: Sequence[Hop]) -> Hop:
    """One hop of several of the same title, each of one pod: the worst, which says of how many it is true. There must
    be one at least."""
    worst = max(found, key=lambda each: each.verdict.health.rank)
    alike = [hop for hop in found if hop.verdict.health is worst.verdict.health]
    reason, others = worst.verdict.reason, {hop.verdict for hop in alike} - {worst.verdict}
    if len(alike) < len(found):
        reason = f"{len(alike)} of {len(found)}: {reason}"
    elif others:
        reason = f"{reason} (and {len(found) - 1} more alike)"
    shown = dict.fromkeys(one for hop in alike for one in hop.evidence)
    return replace(worst, verdict=replace(worst.verdict, reason=reason), evidence=tuple(shown))


class Seen(NamedTuple):
    """What the ztunnel of a node said when it was last read with its lists."""

    ztunnel: Ztunnel | None
    view: View | None
    answer: Answer
    why: str
    """Why there is no view; "" where there is."""

    @property
    def key(self) -> str:
        """The "namespace/name" of its pod; "" where there is none."""
        return self.ztunnel.pod.key if self.ztunnel else ""

    def field(self, field: str, value: str) -> Evidence:
        """A field of its dump."""
        namespace, _, name = self.key.partition("/")
        ref = Ref(nodes.ZTUNNELS.kind, namespace, name)
        return Evidence(f"config_dump of {name}", field, value, ref, self.answer.at)


def seen(snapshot: Snapshot, node: str) -> Seen:
    """By the name of a node; an answer that is older than the ztunnel's process tells nothing."""
    found = nodes.of(snapshot).get(node)
    serving = [each for each in found.ztunnels if not each.pod.terminating] if found else []
    if found is None or not serving:
        why = (found.unread if found else "") or f"no ztunnel runs on {node or 'a node'}"
        return Seen(None, None, Answer(), why)
    ztunnel = max(serving, key=lambda each: each.pod.healthy)
    pod = ztunnel.pod
    answer = snapshot.answers.get(ztunnel_probes.detail(pod.namespace, pod.name), Answer())
    if not isinstance(answer.value, DumpDetail) or answer.at is None:
        problem = answer.problem.text if answer.problem else "its dump was not read yet"
        return Seen(ztunnel, None, answer, f"{pod.name}: {problem}")
    if pod.started is not None and answer.at < pod.started:
        why = f"{pod.name}: started anew since its dump was read"
        return Seen(ztunnel, None, answer, why)
    return Seen(ztunnel, answer.value.view, answer, "")


def pods(each: Iterable[str]) -> str:
    """The first few names, and how many more."""
    known = sorted(each)
    more = f" and {len(known) - 3} more" if len(known) > 3 else ""
    return ", ".join(known[:3]) + more
