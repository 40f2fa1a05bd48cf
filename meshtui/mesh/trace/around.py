"""Around: what every hop between two ends is judged by, looked up once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from msgspec import Struct, field

from meshtui.mesh import workloads
from meshtui.mesh.kinds import NAMESPACE
from meshtui.mesh.snapshot import Snapshot
from meshtui.mesh.trace.hops import Seen, seen
from meshtui.mesh.traffic import between, parties, passage
from meshtui.mesh.traffic.between import Judgement
from meshtui.mesh.traffic.calls import Http
from meshtui.mesh.traffic.parties import Member, Named
from meshtui.mesh.traffic.passage import Dataplane, Rulebook
from meshtui.mesh.waypoints import Binding
from meshtui.mesh.workloads import Workload


class Around(Struct, frozen=True, eq=False, dict=True):
    """One call in one snapshot: from pods to pods, by the name of a Service or by their addresses."""

    snapshot: Snapshot
    source: Named
    called: Named
    port: int | None
    """The Service's where one is called, else the pod's."""
    http: Http | None
    pod_ports: Mapping[str, int | None] = field(default_factory=dict)
    """The ports of pods to which a route sends the call, by "namespace/name"."""

    @cached_property
    def pods(self) -> Mapping[str, Workload]:
        return {each.pod.key: each for each in workloads.of(self.snapshot)}

    @cached_property
    def book(self) -> Rulebook:
        return parties.rulebook(self.snapshot)

    @cached_property
    def judgements(self) -> tuple[Judgement, ...]:
        """What policies make of it, as they are written."""
        return between.judge(self.snapshot, self.source, self.called, self.port, self.http)

    @cached_property
    def binding(self) -> Binding | None:
        """The waypoint that stands, or should stand, before who is called."""
        if self.called.service is not None:
            return self.called.waypoint
        return next((each.waypoint for each in self.called.members if each.waypoint), None)

    @cached_property
    def waypoint(self) -> passage.Waypoint | None:
        """The one that the call really takes, None where it goes direct."""
        return parties.waypoint(self.snapshot, self.binding) if self.takes_waypoint else None

    @property
    def waypoint_unread(self) -> str:
        """Why there may be one all the same where none is known; "" where it is known that there is none."""
        return "" if self.binding else self.snapshot.unread(NAMESPACE)

    @cached_property
    def takes_waypoint(self) -> bool:
        """Whether callers of this kind go through waypoints."""
        by_service = self.called.service is not None
        return any(
            passage.takes_waypoint(each.party, by_service)
            or (
                each.party.dataplane is Dataplane.GATEWAY
                and self.called.from_gateways
                and by_service
            )
            for each in self.source.members
        )

    @property
    def from_mesh(self) -> bool:
        """Whether the caller's own ztunnel takes its calls."""
        return any(each.party.dataplane is Dataplane.ZTUNNEL for each in self.source.members)

    def seen(self, member: Member) -> Seen:
        """What the ztunnel of a pod's node said."""
        it = self.pods.get(member.pod)
        return seen(self.snapshot, it.pod.node if it else "")

    def pod_port(self, member: Member) -> int | None:
        """The port of a pod that is called."""
        if member.pod in self.pod_ports:
            return self.pod_ports[member.pod]
        spec = self.called.service
        if spec is None or self.port is None:
            return self.port
        port = next((each for each in spec.ports if each.number == self.port), None)
        return parties.target_port(self.snapshot, port, member.pod) if port else None

    def principal(self, member: Member) -> str:
        """Whom the ztunnel of who is called takes for the caller: the waypoint where one sits between."""
        if self.waypoint is not None:
            at = self.waypoint
            return passage.identity(self.book.trust_domain, at.namespace, at.account)
        if not member.party.in_mesh:
            return ""
        it = member.party
        return passage.identity(self.book.trust_domain, it.namespace, it.account)

    def callers(self) -> Iterator[Member]:
        """One of the callers that a proxy may tell apart: by identity, and by whether they have one."""
        told = set()
        for each in self.source.members:
            key = (each.party.namespace, each.party.account, each.party.dataplane)
            if key not in told:
                told.add(key)
                yield each
