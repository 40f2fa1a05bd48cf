"""The certificates that a ztunnel holds for the pods of its node: renewed at half of their life, or not to be had.

A ztunnel reads once, at its start, by which root it verifies istiod when it asks for certificates. So one that has
outlived the root keeps what it has until that expires, and gets nothing new (istio/ztunnel issue 1679).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec import Struct

from meshtui.sim.behaviour import pods
from meshtui.sim.behaviour.ca import LIFE, RENEWAL, Authority, Certificate
from meshtui.sim.behaviour.registry import enrolled
from meshtui.sim.behaviour.world import World
from meshtui.sim.objects import Raw, moment, name, namespace, text

UNREACHABLE = "signing gRPC error (Unknown error): client error (Connect)"
"""Why there is no certificate, where the root of istiod is not trusted."""
_CAP = 150.0


class Complaint(Struct, frozen=True):
    """A line of the log on a certificate that was asked for in vain."""

    level: str
    message: str
    identity: str


class WorkloadCertificates:
    """Of one ztunnel, by SPIFFE identity."""

    def __init__(self, world: World, authority: Authority, pod: Raw) -> None:
        self.authority = authority
        """Whom it asks, and whose root it trusts."""
        self._world = world
        self._pod = pod
        self._started = world.clock()
        self._asked: dict[str, datetime] = {}
        self._signed: dict[str, tuple[datetime, Certificate]] = {}
        self._retries: dict[str, datetime] = {}

    def ask(self, pod: Raw) -> None:
        """A pod is there that needs one."""
        self._asked.setdefault(self._identity(pod), self._world.clock())

    def held(self, pod: Raw) -> Certificate | None:
        """The one of a pod; None where its state is Unavailable."""
        identity = self._identity(pod)
        asked = self._last(self._first(identity, pod))
        if asked is None:
            return None
        known = self._signed.get(identity)
        if known is None or known[0] != asked:
            known = asked, self.authority.workload(identity, asked, name(self._pod))
            self._signed[identity] = known
        return known[1]

    def dumped(self) -> list[Raw]:
        """As `/config_dump` has them: one for each service account of the pods that istiod takes for captured."""
        wanted = self._wanted()
        for identity in [each for each in self._asked if each not in wanted]:
            self._asked.pop(identity)
            self._signed.pop(identity, None)
        return [self._entry(identity, wanted[identity]) for identity in sorted(wanted)]

    def retry(self) -> Iterator[Complaint]:
        """Ask once more for each that is overdue, and say what came of it; nothing as long as istiod is trusted."""
        now = self._world.clock()
        for identity, pod in sorted(self._wanted().items()) if self.authority.replaced else ():
            asked = self._last(self._first(identity, pod))
            due = asked + RENEWAL if asked else now
            if now < max(due, self._retries.get(identity, due)):
                continue
            # The first waits are shorter; only the last one, which stays, is told apart from them here.
            wait = _CAP * self._world.names.random.uniform(0.8, 1.0)
            self._retries[identity] = now + timedelta(seconds=wait)
            if asked:
                kept, retry = self._instant(asked + LIFE), self._instant(self._retries[identity])
                message = (
                    f"certificate renewal failed ({UNREACHABLE}); "
                    f"retaining existing valid certificate until {kept}; next retry at {retry}"
                )
                yield Complaint("info", message, identity)
            else:
                message = (
                    f"certificate fetch failed ({UNREACHABLE}) and no valid existing certificate; "
                    f"will retry in {wait:.6f}s (backoff capped at {_CAP:.0f}s)"
                )
                yield Complaint("warn", message, identity)

    def _wanted(self) -> dict[str, Raw]:
        return {
            self._identity(pod): pod
            for pod in self._world.pods_on[pods.node(self._pod)]
            if enrolled(pod) and pods.ip(pod) and not pods.finished(pod)
        }

    def _entry(self, identity: str, pod: Raw) -> Raw:
        found = self.held(pod)
        if found is None:
            state = f"Unavailable: {UNREACHABLE}"
            return {"identity": identity, "state": state, "certChain": [], "rootCerts": []}
        root = self.authority.root.dumped
        return {
            "identity": identity,
            "state": "Available",
            "certChain": [found.dumped, self.authority.intermediate.dumped, root],
            "rootCerts": [root],
        }

    def _first(self, identity: str, pod: Raw) -> datetime:
        """When one was first asked for."""
        if identity not in self._asked:
            begun = moment(text(pod, "status", "startTime")) or self._started
            self._asked[identity] = max(begun, self._started)
        return self._asked[identity]

    def _last(self, first: datetime) -> datetime | None:
        """When the one was asked for that is still valid: renewed at half of its life for as long as that went well."""
        now, end = self._world.clock(), self.authority.replaced
        until = now if end is None else min(now, end)
        if end is not None and first >= end:
            return None
        asked = first + max((until - first) // RENEWAL, 0) * RENEWAL
        return asked if now < asked + LIFE else None

    def _identity(self, pod: Raw) -> str:
        return self.authority.identity(namespace(pod), pods.account(pod))

    def _instant(self, when: datetime) -> str:
        """A moment on the clock of the node, which counts from its start."""
        since = when - self._started + timedelta(days=1)
        return f"Instant {{ tv_sec: {int(since.total_seconds())}, tv_nsec: {since.microseconds * 1000} }}"
