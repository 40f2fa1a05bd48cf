"""Held: what a ConfigMap or a Secret holds, as sections of its description."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from meshtui.mesh import certificate_facts, chains, named_secrets, raw, x509
from meshtui.mesh.kinds import CONFIGMAP, SECRET, Kind
from meshtui.mesh.life import Renewal
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Answer
from meshtui.mesh.x509 import Unreadable
from meshtui.ui import certificate_words, detail
from meshtui.ui.detail import Fact, Section
from meshtui.ui.spans import Span, Tone

_LINES = 300
"""So many lines of a ConfigMap are shown; it may hold a megabyte."""
_CERTIFICATES = 20
"""So many certificates of an entry of a Secret are shown; it may hold all that a browser trusts."""


def sections(kind: Kind, answer: Answer, now: datetime) -> Iterable[Section]:
    """What stands in an object that was read; nothing of other kinds."""
    if kind == CONFIGMAP and answer.value is not None:
        yield from _texts(answer.value)
    elif kind == SECRET:
        yield from _certificates(answer, now)


def _texts(configmap: Raw) -> Iterable[Section]:
    """Each key with its lines under it, as kubectl describes a ConfigMap."""
    room = _LINES
    for name, text in raw.strings(configmap, "data").items():
        lines = text.splitlines()
        shown = [(Span(detail.brief(each, 1000)),) for each in lines[:room]]
        if rest := len(lines) - len(shown):
            shown.append((Span(f"… {rest:,} more lines: y shows them", Tone.MUTED),))
        room = max(0, room - len(lines))
        yield Section(name, shown)


def _certificates(answer: Answer, now: datetime) -> Iterable[Section]:
    """Each certificate, decoded; of a Secret nothing else is read."""
    found = named_secrets.content(answer)
    renewal = Renewal.CERT_MANAGER if found.renewed else None
    for name, blocks in (found.entries or {}).items():
        read = [each if isinstance(each, Unreadable) else x509.read(each) for each in blocks]
        for at, certificate in enumerate(read[:_CERTIFICATES]):
            title = f"{name}, {at + 1} of {len(read)}" if len(read) > 1 else name
            if isinstance(certificate, Unreadable):
                yield Section(title, [Fact("unreadable", certificate.reason)])
                continue
            chain = chains.chain(certificate, read[at + 1 :])
            facts = certificate_facts.facts(certificate, chain, now, renewal)
            shown = [each for each in facts if each.label != "chain"]  # which no root is known for
            yield Section(title, [certificate_words.fact(each) for each in shown])
    words = "only the certificates of a Secret are read: no key, and no token"
    yield Section("Others", [(Span(words, Tone.MUTED),)])
