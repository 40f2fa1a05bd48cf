"""The rows of the certificates pane, whatever they are about."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from msgspec import Struct

from meshtui.mesh import life
from meshtui.mesh.chains import Chain
from meshtui.mesh.health import Verdict
from meshtui.mesh.identities import opened
from meshtui.mesh.life import Life, Renewal, Span
from meshtui.mesh.snapshot import Ref
from meshtui.mesh.x509 import Certificate, Unreadable


class Role(Enum):
    """What a row is about."""

    WORKLOAD = "workload"
    RENEWING = "workloads that renew normally"
    INTERMEDIATE = "intermediate CA"
    ROOT = "root CA"
    GATEWAY = "gateway"
    CA_SECRET = "Secret of the CA"
    REVOKED = "revocation list"
    UNREAD = "not read"


class Row(Struct, frozen=True):
    """One certificate, or the many of a namespace that renew normally."""

    key: str
    verdict: Verdict
    ref: Ref | None
    role: Role
    name: str
    """The SPIFFE URI, the names it serves, or what a CA is called."""
    held_by: str
    holders: tuple[Ref, ...] = ()
    issuer: str = ""
    not_before: datetime | None = None
    not_after: datetime | None = None
    due: datetime | None = None
    """When its renewal is expected; of many, the first of them."""
    renewal: Renewal | None = None
    count: int = 1
    chain: tuple[bytes | Unreadable, ...] = ()
    roots: tuple[bytes | Unreadable, ...] = ()

    def life(self, now: datetime) -> Life | None:
        """How it stands at `now`; None for a row without dates."""
        if self.not_before is None or self.not_after is None or self.renewal is None:
            return None
        return life.life(Span(self.not_before, self.not_after), now, self.renewal)

    def opened(self) -> tuple[Certificate | Unreadable, Chain | None]:
        """All that it says, and its chain: a third of a millisecond, so for the rows that are looked at."""
        return opened(self.chain, self.roots)


def odd(key: str, verdict: Verdict, ref: Ref | None, role: Role, title: str) -> Row:
    """A row without a certificate: what should have one, and why it has none."""
    holders = (ref,) if ref else ()
    held_by = f"{ref.kind.title} {ref.key}" if ref else ""
    return Row(key, verdict, ref, role, title, held_by, holders)
