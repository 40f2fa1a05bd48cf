"""Gateway listeners: how each is: what its controller says of it, and whether its certificates are there for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from meshtui.mesh import listeners, raw, reasons
from meshtui.mesh.gateway_certificates import Served
from meshtui.mesh.grants import Grant
from meshtui.mesh.health import Health, Verdict, worst
from meshtui.mesh.kinds import GATEWAY_API
from meshtui.mesh.listeners import Listener
from meshtui.mesh.named_secrets import Use
from meshtui.mesh.raw import Raw, conditions, dig, entries, number, text
from meshtui.mesh.reasons import Judged


class Certificate(Struct, frozen=True):
    """A certificate that a listener serves."""

    use: Use
    served: Served
    permitted: bool
    """Whether the listener may name a Secret of that namespace."""

    def verdict(self, now: datetime) -> Verdict:
        if self.permitted:
            return self.served.verdict((self.use,), now)
        secret = self.use.secret
        words = f"no ReferenceGrant in {secret.namespace} lets Gateway {self.use.gateway.key} name Secret {secret.name}"
        return Verdict(Health.BAD, words)

    def days_left(self, now: datetime) -> int | None:
        """Whole days until it expires, negative once it has; None where there is no certificate."""
        found = self.served.certificate
        return (found.not_after - now).days if found else None

    @property
    def coverage(self) -> str:
        """Which of the listener's hostnames it can stand for, in words; "" where there is no certificate."""
        found = self.served.certificate
        if found is None:
            return ""
        names = [each.value for each in found.names if each.kind == "DNS"]
        if not self.use.hostnames:
            return f"for {', '.join(names)}" if names else "for no host name"
        return "; ".join(_coverage(names, each) for each in self.use.hostnames)


class Listening(Struct, frozen=True):
    """One listener, and how it is."""

    listener: Listener
    attached: int | None
    """Routes that are attached to it, as its controller counts; None where it does not say."""
    judged: tuple[Judged, ...]
    certificates: tuple[Certificate, ...]
    said: Verdict
    """What its controller says of it."""

    def verdict(self, now: datetime) -> Verdict:
        return worst([*(each.verdict(now) for each in self.certificates), self.said])


def of_gateway(
    it: Raw, uses: Sequence[Use], served: Sequence[Served], grants: Iterable[Grant]
) -> tuple[Listening, ...]:
    """The listeners of a Gateway of the Gateway API with their status."""
    generation = number(it, "metadata", "generation")
    told = {text(each, "name"): each for each in entries(it, "status", "listeners")}
    origin = (GATEWAY_API, "Gateway", raw.namespace(it))
    granted = tuple(grants)
    return tuple(
        _listening(
            each,
            told.get(each.name, {}),
            generation,
            tuple(
                Certificate(use, found, _permitted(use, origin, granted))
                for use, found in zip(uses, served, strict=True)
                if use.listener == each.name
            ),
        )
        for each in listeners.of_gateway(it)
    )


def of_istio_gateway(
    it: Raw, uses: Sequence[Use], served: Sequence[Served]
) -> tuple[Listening, ...]:
    """The servers of an Istio Gateway, of which no controller says anything."""
    return tuple(
        Listening(
            each,
            None,
            (),
            tuple(
                Certificate(use, found, True)
                for use, found in zip(uses, served, strict=True)
                if use.listener == each.name
            ),
            Verdict(Health.NONE),
        )
        for each in listeners.of_istio_gateway(it)
    )


def _listening(
    listener: Listener,
    told: Mapping[str, object],
    generation: int,
    certificates: tuple[Certificate, ...],
) -> Listening:
    """A reference that cannot be resolved comes before the listener that is not programmed because of it."""
    judged = reasons.judged(conditions(told, "conditions").values(), generation)
    by_cause = sorted(judged, key=lambda each: each.condition.type != "ResolvedRefs")
    attached = dig(told, "attachedRoutes")
    return Listening(
        listener=listener,
        attached=attached if isinstance(attached, int) else None,
        judged=judged,
        certificates=certificates,
        said=worst(each.verdict for each in by_cause),
    )


def _permitted(use: Use, origin: tuple[str, str, str], grants: Iterable[Grant]) -> bool:
    secret = use.secret
    return secret.namespace == origin[2] or any(
        each.namespace == secret.namespace and each.permits(origin, ("", "Secret", secret.name))
        for each in grants
    )


def _coverage(names: Sequence[str], hostname: str) -> str:
    """A "*" in a certificate stands for exactly one label, the first (RFC 6125, 6.4.3); one in a listener's hostname
    for one or more, so that a certificate may cover a part of it."""
    asked = hostname.lower()
    known = [each.lower() for each in names]
    if asked in known or (not asked.startswith("*.") and f"*.{asked.partition('.')[2]}" in known):
        return f"covers {hostname}"
    under = [each for each in known if asked.startswith("*.") and each.endswith(asked[1:])]
    if under:
        return f"covers only {', '.join(under)} of {hostname}"
    return f"has no name for {hostname}"
