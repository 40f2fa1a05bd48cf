"""RightsReader: what one may do here of all that the program does, filled as the server answers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from msgspec import Struct

from meshtui.mesh import components, ztunnels
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import Kind
from meshtui.mesh.raw import namespace
from meshtui.mesh.snapshot import Right, Server, Snapshot
from meshtui.ui.exchange import Place
from meshtui.ui.reader import Reader
from meshtui.ui.roles import ROLES, Role, Rule, Where
from meshtui.ui.spans import Line, Span, Tone, mark, tone

Places = tuple[str | None, ...]
"""Namespaces; None for all at once, and for what is in none."""


class Question(Struct, frozen=True):
    """One thing that one may or may not do."""

    verb: str
    kind: Kind
    namespace: str | None
    subresource: str
    name: str


class Rights(Struct, frozen=True):
    """What to ask, and what was answered so far."""

    roles: Mapping[Role, Sequence[Rule]]
    places: Mapping[Where, Places]
    answers: Mapping[Question, Right] = {}
    unanswered: str = "not answered yet"
    """Why the others have no answer."""

    def questions(self) -> Sequence[Question]:
        return [
            each for rules in self.roles.values() for rule in rules for each in self.about(rule)
        ]

    def about(self, rule: Rule) -> Iterator[Question]:
        """What to ask about a rule."""
        for name in rule.names or ("",):
            for verb, place in product(rule.verbs, self.where(rule)):
                yield Question(verb, rule.kind, place, rule.subresource, name)

    def where(self, rule: Rule) -> Places:
        return self.places[rule.where] if rule.kind.namespaced else (None,)

    def right(self, question: Question) -> Right:
        """The answer, without the words that are its question's."""
        right = self.answers.get(question) or Right(None, self.unanswered)
        spoken = right.cause or ("" if right.allowed is False else right.reason)
        return Right(right.allowed, cause=spoken)


def places(chosen: Sequence[str], snapshot: Snapshot | None) -> Mapping[Where, Places]:
    """In which namespaces to ask, where these were chosen to be looked at; none for all."""
    looked_at: Places = tuple(chosen) or (None,)
    control_planes = components.namespaces(snapshot) if snapshot else ()
    nodes = map(namespace, ztunnels.pods(snapshot)) if snapshot else ()
    proxies = sorted({*control_planes, *nodes}.difference(chosen))
    return {
        Where.LOOKED_AT: looked_at,
        Where.PROXIES: (*looked_at, *proxies),
        Where.CONTROL_PLANE: control_planes or looked_at,
    }


class RightsReader(Reader):
    """Who one is, and each right with its mark, its word and what it is for."""

    def __init__(self, place: Place, snapshot: Snapshot | None) -> None:
        super().__init__("What you may do here")
        self._place = place
        self._server = snapshot.server if snapshot else Server()
        rules = {role: role.rules(()) for role in ROLES}
        self.rights = Rights(rules, places(place.namespaces, snapshot))
        self.answer(self.rights)

    def answer(self, rights: Rights) -> None:
        """More of it is known."""
        self.rights = rights
        self.show(lines(self._place, self._server, rights), _HANG)
        if self.is_mounted and self.search.value:
            self.find()

    def update_from(self, snapshot: Snapshot) -> None:
        before, self._server = self._server, snapshot.server
        if _who(before) != _who(self._server):
            self.answer(self.rights)


_HANG = 15
"""Where what stands behind mark and word begins."""

_SAID = {
    True: (Health.OK, "allowed"),
    False: (Health.BAD, "not allowed"),
    None: (Health.UNKNOWN, "unknown"),
}


def lines(place: Place, server: Server, rights: Rights) -> list[Line]:
    """Who one is and how much of each role one has, then one role under the other."""
    facts = (
        ("context", place.context),
        *_who(server),
        ("namespaces", ", ".join(place.namespaces) or "all"),
        ("read-only", place.read_only or "no"),
    )
    counts = {role: _count(rules, rights) for role, rules in rights.roles.items()}
    told = [(role.name, _told(counts[role])) for role in rights.roles]
    found: list[Line] = [
        (Span(f"{name:<12}", Tone.MUTED), Span(value)) for name, value in (*facts, *told)
    ]
    for role, rules in rights.roles.items():
        found += [(), (Span(f"{role.name.capitalize()}: {role.words}", Tone.STRONG),)]
        if counts[role][False]:
            step = (
                f"`meshtui rbac {role.name}` prints the ClusterRole to ask for, and how to bind it."
            )
            found.append((Span(f"  {step}", Tone.MUTED),))
        found += [line for rule in rules for line in _about(rule, rights)]
    return [*found, (), *((Span(words, Tone.MUTED),) for words in _notes(rights))]


def _who(server: Server) -> Sequence[tuple[str, str]]:
    user = ("user", server.user or "not known")
    return (user, ("acting as", server.impersonating)) if server.impersonating else (user,)


def _count(rules: Sequence[Rule], rights: Rights) -> Counter[bool | None]:
    return Counter(rights.right(each).allowed for rule in rules for each in rights.about(rule))


def _told(counts: Counter[bool | None]) -> str:
    return ", ".join(f"{counts[each]} {word}" for each, (_, word) in _SAID.items() if counts[each])


def _about(rule: Rule, rights: Rights) -> Iterator[Line]:
    """The verbs, names and namespaces of a rule of which the same is known together."""
    verbs, names, places = defaultdict(list), defaultdict(list), defaultdict(list)
    for each in rights.about(rule):
        verbs[rights.right(each), each.namespace, each.name].append(each.verb)
    for (right, place, name), found in verbs.items():
        names[right, place, tuple(found)].append(name)
    for (right, place, of), found in names.items():
        places[right, of, tuple(found)].append(place)
    for (right, of, named), where in places.items():
        health, word = _SAID[right.allowed]
        group = f".{rule.kind.group}" if rule.kind.group else ""
        what = " ".join((", ".join(of), f"{rule.resource}{group}", ", ".join(named))).rstrip()
        yield (
            mark(health),
            Span(f" {word:<{_HANG - 2}}"),
            Span(f"{what}{_in(right, where, rights.where(rule))}"),
            Span(f"  {rule.purpose}", Tone.MUTED),
            Span(f"  {right.cause}" if right.cause else "", tone(health)),
        )


def _in(right: Right, found: Sequence[str | None], asked: Places) -> str:
    if found == [None] == [*asked]:
        return ""
    if None in found and right.allowed:
        return " in all namespaces"
    return " in " + ", ".join(each or "all namespaces" for each in found)


def _notes(rights: Rights) -> Iterator[str]:
    refused = [each for each, right in rights.answers.items() if right.allowed is False]
    if any(each.kind.namespaced and each.namespace is None for each in refused):
        yield "What is not allowed in all namespaces may be in some: :ns NAMESPACE, then :can."
    yield "Answers are remembered for five minutes; :refresh forgets them, then :can asks again."
