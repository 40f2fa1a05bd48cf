"""Enrollment: whether a pod is really in the mesh, as a chain of evidence from its label to its ztunnel (derivations C2
and C8 of doctor-rules.md).

Three parties decide without asking each other: the CNI agent by labels, istiod by the agent's annotation, and the
ztunnel of the node by what the agent handed to it. A pod that fails one link names the link; a link that could not be
read is unknown, with the reason, and never counted as seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import Enum

from msgspec import Struct
from msgspec.structs import replace

from meshtui.mesh import capture
from meshtui.mesh.capture import Capture, Wanted
from meshtui.mesh.dumps import UP
from meshtui.mesh.health import Health, Verdict
from meshtui.mesh.listings import Listed, Listings, newer
from meshtui.mesh.nodes import Node, Ztunnel
from meshtui.mesh.pods import REDIRECTION, Pod

YOUNG = timedelta(seconds=30)
"""So long after a pod, or its ztunnel or CNI agent, was started nothing is held against it."""
CHANGED = timedelta(seconds=15)
"""So long after a label or annotation was written."""


class State(Enum):
    """What the chain comes to, as `word` and health."""

    CAPTURED = ("proxied", Health.OK)
    OUTSIDE = ("outside", Health.NONE)
    SIDECAR = ("sidecar", Health.NONE)
    ENDED = ("ended", Health.NONE)
    WAITING = ("no address yet", Health.UNKNOWN)
    SETTLING = ("settling", Health.UNKNOWN)
    UNSEEN = ("not all seen", Health.UNKNOWN)
    UNASKED = ("captured unasked", Health.WARN)
    NOT_ANNOTATED = ("not annotated", Health.BAD)
    PENDING = ("pending", Health.BAD)
    NOT_PROXIED = ("not proxied", Health.BAD)
    NOT_LISTED = ("not listed as HBONE", Health.BAD)

    def __init__(self, word: str, health: Health) -> None:
        self.word = word
        self.health = health

    __hash__ = object.__hash__  # Enum's own is written in Python, and thousands are grouped


class Link(Struct, frozen=True):
    """One piece of evidence: seen, broken, unknown, or not applicable."""

    title: str
    """ "wanted", "annotated", "listed" or "proxied"."""
    health: Health
    text: str
    """The object, field and value that say so, or why they could not be read."""
    at: datetime | None = None
    """When what it says was read or written; None for what the watch holds current."""
    comes_to: State | None = None
    """What the chain comes to where this is its broken link."""


class Enrollment(Struct, frozen=True):
    """Whether a pod is in the mesh, and the chain it follows from."""

    state: State
    word: str
    """For a table: "proxied", "not annotated", "3 of 4 links", those that were seen."""
    reason: str
    links: tuple[Link, ...]
    """In order: wanted, annotated, listed, proxied."""
    wanted: bool | None
    ztunnel: str
    """The "namespace/name" of the ztunnel that serves it, or should."""
    settles: datetime | None = None
    """Until then a failure may be the delay of a change that is under way."""

    @property
    def verdict(self) -> Verdict:
        return Verdict(self.state.health, self.reason)

    def at(self, now: datetime) -> Enrollment:
        """The same at one moment: a failure is held back as long as a change under way may explain it."""
        if self.settles is None or now >= self.settles:
            return self
        return replace(
            self,
            state=State.SETTLING,
            word=State.SETTLING.word,
            reason=f"something changed just now, so this may pass: {self.reason}",
        )


def enrollment(
    pod: Pod,
    namespace: Mapping[str, str] | None,
    relabelled: datetime | None,
    by: Capture,
    node: Node | None,
    listed: Listed,
) -> Enrollment:
    """The enrollment of one pod. `namespace` are the labels of its namespace, None where not known, and `relabelled`
    when those were last written; `node` is None for a pod that is not scheduled. Nothing here depends on the time."""
    wanted = capture.wanted(pod, namespace, by)
    proxied, ztunnel = _proxied(pod, node, wanted)
    links = (
        _wanted(wanted, by),
        _annotated(pod, wanted, node),
        _listed(listed, wanted, pod),
        proxied,
    )
    state = _state(pod, wanted, links)
    return Enrollment(
        state=state,
        word=_word(state, links),
        reason=_reason(state, pod, wanted, links),
        links=links,
        wanted=wanted.answer,
        ztunnel=ztunnel,
        settles=_settles(pod, relabelled, node)
        if state.health.rank > Health.UNKNOWN.rank
        else None,
    )


def chain(pod: Pod, found: Enrollment, listings: Listings) -> tuple[Link, ...]:
    """The links in full: in how many dumps it is listed is told here, since that changes with every dump that comes."""
    text, at = listings.words(pod)
    wanted, annotated, listed, proxied = found.links
    return wanted, annotated, Link(listed.title, listed.health, text, at), proxied


def _wanted(wanted: Wanted, by: Capture) -> Link:
    assumed = f" (Istio's default is assumed: {by.assumed})" if by.assumed else ""
    health = {True: Health.OK, False: Health.NONE, None: Health.UNKNOWN}[wanted.answer]
    return Link("wanted", health, wanted.reason + assumed)


def _annotated(pod: Pod, wanted: Wanted, node: Node | None) -> Link:
    value = pod.redirection
    said = f"annotation {REDIRECTION}={value}"
    at = pod.edited if "cni" in pod.edited_by else None
    if value == "enabled":
        health = Health.WARN if wanted.answer is False else Health.OK
        return Link("annotated", health, said, at)
    if value == "pending":
        why = f"{said}: its traffic is redirected, but its ztunnel has not taken it over"
        return Link("annotated", Health.BAD, why, at, State.PENDING)
    if value:
        why = f"{said}, which istiod takes for not captured"
        return Link("annotated", Health.BAD, why, at, State.NOT_ANNOTATED)
    missing = f"no annotation {REDIRECTION}"
    if wanted.answer is not True:
        return Link("annotated", Health.NONE, missing)
    why = f"{missing}: never captured by {_agent(pod, node)}"
    return Link("annotated", Health.BAD, why, None, State.NOT_ANNOTATED)


def _agent(pod: Pod, node: Node | None) -> str:
    if node is None:
        return "a CNI agent: it is not scheduled"
    if not node.agents:
        return f"a CNI agent: none is known on {pod.node}"
    agent = node.agents[0]
    return (
        f"{agent.name} of {pod.node} ({'ready' if agent.healthy else agent.status + ', not ready'})"
    )


def _listed(listed: Listed, wanted: Wanted, pod: Pod) -> Link:
    """Its text in full, with the count of dumps, comes with `chain`."""
    if listed is Listed.HBONE:
        return Link("listed", Health.OK, "HBONE")
    if listed in (Listed.OLD, Listed.UNREAD):
        health = Health.NONE if wanted.answer is False and not pod.redirection else Health.UNKNOWN
        return Link("listed", health, "no dump that is new enough was read")
    expected = wanted.answer is not True or pod.redirection != "enabled"
    said = "TCP" if listed is Listed.TCP else "not listed"
    if expected:
        return Link("listed", Health.NONE, said)
    return Link("listed", Health.BAD, said, None, State.NOT_LISTED)


def _proxied(pod: Pod, node: Node | None, wanted: Wanted) -> tuple[Link, str]:
    """The link, and the key of the ztunnel that it is about."""
    if node is None:
        return Link("proxied", Health.UNKNOWN, "it is not scheduled to a node yet"), ""
    if not node.ztunnels:
        if node.unread:
            return Link("proxied", Health.UNKNOWN, node.unread), ""
        missing = f"no ztunnel runs on {node.name}"
        if not wanted.answer:
            return Link("proxied", Health.NONE, missing), ""
        return Link("proxied", Health.BAD, missing, None, State.NOT_PROXIED), ""
    found = [(_served(pod, each, wanted), each.pod.key) for each in node.ztunnels]
    best = [Health.OK, Health.UNKNOWN, Health.BAD, Health.NONE, Health.WARN]
    return min(found, key=lambda each: best.index(each[0].health))


def _served(pod: Pod, ztunnel: Ztunnel, wanted: Wanted) -> Link:
    """What one ztunnel says of the pod. Silence counts only in a dump that is newer than the pod."""
    dump, at, name = ztunnel.current, ztunnel.reading.at, ztunnel.pod.name
    expected = wanted.answer is not False or bool(pod.redirection)
    if dump is None or dump.proxied is None:
        health = Health.UNKNOWN if expected else Health.NONE
        return Link("proxied", health, _unread(ztunnel), at)
    mine = dump.proxied.get(pod.uid)
    if mine is not None and mine.state == UP:
        return Link("proxied", Health.OK, f"Up in workloadState of {name}", at)
    if mine is not None:
        said = f"{mine.state or 'without a state'} in workloadState of {name}"
        return Link("proxied", Health.BAD, said, at, State.PENDING)
    count = len(dump.proxied)
    absent = f"absent from workloadState of {name} ({count} {'pod' if count == 1 else 'pods'})"
    if wanted.answer is not True or not pod.redirection:
        return Link("proxied", Health.NONE, absent, at)
    if not newer(at, pod.since):
        why = f"the dump of {name} was read before it last changed"
        return Link("proxied", Health.UNKNOWN, why, at)
    return Link("proxied", Health.BAD, absent, at, State.NOT_PROXIED)


def _unread(ztunnel: Ztunnel) -> str:
    name, reading = ztunnel.pod.name, ztunnel.reading
    if reading.problem is not None:
        return f"{name} could not be read: {reading.problem.text}"
    if reading.dump is None:
        return f"{name} was not read yet"
    if reading.dump.proxied is None:
        return f"the dump of {name} has no workloadState"
    return f"{name} was started anew since it was read"


def _state(pod: Pod, wanted: Wanted, links: tuple[Link, ...]) -> State:
    _, annotated, listed, proxied = links
    if pod.finished or pod.terminating:
        return State.ENDED
    if wanted.answer is False:
        if pod.redirection in ("enabled", "pending"):
            return State.UNASKED
        return State.SIDECAR if pod.sidecar else State.OUTSIDE
    if wanted.answer is None and not pod.redirection:
        return State.UNSEEN
    if not pod.address and not pod.redirection:
        return State.WAITING
    for link in (annotated, proxied, listed):  # a ghost is worse than a delay of istiod
        if link.comes_to is not None:
            return link.comes_to
    seen = all(link.health is Health.OK for link in links)
    return State.CAPTURED if seen else State.UNSEEN


def _word(state: State, links: Iterable[Link]) -> str:
    if state is not State.UNSEEN:
        return state.word
    return f"{sum(link.health is Health.OK for link in links)} of 4 links"


def _reason(state: State, pod: Pod, wanted: Wanted, links: tuple[Link, ...]) -> str:
    _, annotated, listed, proxied = links
    where = f" of {pod.node}" if pod.node else ""
    match state:
        case State.CAPTURED:
            return f"in the mesh: {proxied.text}"
        case State.OUTSIDE | State.SIDECAR:
            return f"not in the ambient mesh: {wanted.reason}"
        case State.ENDED:
            return "it is being deleted" if pod.terminating else f"it has ended ({pod.status})"
        case State.WAITING:
            return f"it has no address yet ({pod.status}), and is captured when it has one"
        case State.UNASKED:
            return f"{annotated.text}, although nothing asks for it: {wanted.reason}"
        case State.NOT_ANNOTATED:
            return f"wanted by {wanted.reason}, but {annotated.text}"
        case State.PENDING:
            said = annotated if annotated.health is Health.BAD else proxied
            return f"its traffic is held up: {said.text}"
        case State.NOT_PROXIED:
            callers = (
                "Kubernetes and istiod call" if listed.health is Health.OK else "Kubernetes calls"
            )
            return f"{callers} it enrolled, but no ztunnel{where} proxies it: {proxied.text}"
        case State.NOT_LISTED:
            return f"annotated, but istiod has told the ztunnels nothing of it ({listed.text})"
    told = (links[0], annotated, proxied, listed)
    first = next((link for link in told if link.health is Health.UNKNOWN), None)
    seen = sum(link.health is Health.OK for link in links)
    return f"{seen} of 4 links seen" + (f": {first.text}" if first else "")


def _settles(pod: Pod, relabelled: datetime | None, node: Node | None) -> datetime | None:
    """When a failure counts: some time after the pod, what serves it, or a label on which it hangs was last new. A
    DaemonSet that is rolled out thus holds back what concerns the nodes it is at, not the whole mesh."""
    servers = [each.pod for each in node.ztunnels] + [*node.agents] if node else []
    started = [pod.created, *(server.started or server.created for server in servers)]
    written = [pod.edited, relabelled]
    return max(
        [at + YOUNG for at in started if at is not None]
        + [at + CHANGED for at in written if at is not None],
        default=None,
    )
