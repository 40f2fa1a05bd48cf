"""Matches of VirtualServices: routes that no request ever gets to (IST0130), and matches that an earlier one takes all
of (IST0131). The rest of what Istio's validation says is left to the API server, which has its schema."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence

from msgspec import Struct

from meshtui.mesh.doctor.configuration.objects import INFO, WARNING, analyzer, every, found
from meshtui.mesh.doctor.configuration.virtual_services import PROTOCOLS
from meshtui.mesh.doctor.findings import Found, Rule
from meshtui.mesh.kinds import VIRTUAL_SERVICE
from meshtui.mesh.raw import Raw, entries, number, table, text
from meshtui.mesh.snapshot import Snapshot

UNREACHABLE = Rule(
    "IST0130",
    "a route can never be used",
    WARNING,
    why="Routes are tried in order, and earlier ones take all that it would.",
    remedy="move it before them, or take it out",
    link="docs/reference/config/analysis/ist0130/",
)
INEFFECTIVE = Rule(
    "IST0131",
    "a match can never be used",
    INFO,
    why="A match of an earlier rule, or before it in the same one, takes all that it would.",
    remedy="move the more special match before the more general one, or take it out",
    link="docs/reference/config/analysis/ist0131/",
)


_Judged = Iterator[tuple[Rule, str, str]]
"""A rule of ours, the title of a route, and what is wrong with it."""


class _Match(Struct, frozen=True, eq=False):
    """One match that repeats no earlier one."""

    raw: Raw
    title: str
    route: str


def shadowed(snapshot: Snapshot) -> Iterator[Found]:
    for it in every(snapshot, VIRTUAL_SERVICE):
        for protocol in PROTOCOLS:
            routes = entries(it, "spec", protocol)
            distinct: list[_Match] = []
            judged = [*_in_order(routes, protocol, distinct)]
            if protocol == "http":
                judged += _covered(distinct)
            for rule, route, says in judged:
                said = f"{protocol} rule {route}: {says}"
                yield found(rule, VIRTUAL_SERVICE, it, said, f"spec.{protocol}", route)


def _in_order(routes: Sequence[Raw], protocol: str, distinct: list[_Match]) -> _Judged:
    """Judges each route by those before it, and gathers the matches that are no repeats."""
    takes_all = ""
    seen: dict[Hashable, str] = {}
    for index, it in enumerate(routes):
        route, matches, repeated = _title(it, index), entries(it, "match"), 0
        if not matches:
            if takes_all:
                yield UNREACHABLE, route, f"rule {takes_all} before it has no match and takes all"
            takes_all = route
        for place, match in enumerate(matches):
            title, shape = _title(match, place), _shape(match, unnamed=protocol == "http")
            if takes_all:  # whatever else is wrong with it does not matter any more
                says = f"rule {takes_all} before match {title} has no match and takes all"
                yield UNREACHABLE, route, says
                continue
            if shape in seen:
                repeated += 1
                yield INEFFECTIVE, route, f"match {title} repeats one of rule {seen[shape]}"
                continue
            seen[shape] = route
            distinct.append(_Match(match, title, route))
        if matches and repeated == len(matches):
            yield UNREACHABLE, route, "all its matches repeat earlier ones"


def _covered(matches: Sequence[_Match]) -> _Judged:
    """Matches by a prefix under the one of an earlier match that asks for no more."""
    by_prefix: dict[str, list[_Match]] = {}
    for it in matches:
        prefix = text(it.raw, "uri", "prefix")
        if not prefix:
            continue
        for end in {len(shorter) for shorter in by_prefix if len(shorter) < len(prefix)}:
            for earlier in by_prefix.get(prefix[:end], ()):
                if _covers(earlier.raw, it.raw):
                    says = f"match {it.title} is covered by match {earlier.title} of rule {earlier.route}"
                    yield INEFFECTIVE, it.route, says
        by_prefix.setdefault(prefix, []).append(it)


def _covers(earlier: Raw, later: Raw) -> bool:
    """Whether it asks for no more, beside the prefix. Compared as text, as Istio does."""
    return (
        number(earlier, "port") == number(later, "port")
        and _method(earlier).startswith(_method(later))
        and _asked(earlier.get("authority")).startswith(_asked(later.get("authority")))
        and all(
            _tables_cover(table(earlier, part), table(later, part))
            for part in ("headers", "queryParams", "withoutHeaders")
        )
    )


def _method(match: Raw) -> str:
    return _asked(match.get("method")) or "exact GET"


def _tables_cover(earlier: Raw, later: Raw) -> bool:
    return len(earlier) == len(later) and all(
        each in later and _asked(wanted).startswith(_asked(later[each]))
        for each, wanted in earlier.items()
    )


def _asked(written: object) -> str:
    """What a value must be, as text; "" for what is no exact value and no prefix."""
    return next(
        (f"{way} {said}" for way in ("exact", "prefix") if (said := text(written, way))), ""
    )


def _title(it: Raw, index: int) -> str:
    named = text(it, "name")
    return f'"{named}"' if named else f"#{index}"


def _shape(match: Raw, *, unnamed: bool) -> Hashable:
    """A value that is equal for matches that are the same in protobuf's JSON, which leaves out what is empty."""
    parts = {part: each for part, each in match.items() if each}
    return _frozen({part: parts[part] for part in parts if not (unnamed and part == "name")})


def _frozen(value: object) -> Hashable:
    if isinstance(value, Mapping):
        parts = ((str(part), _frozen(each)) for part, each in value.items() if each is not None)
        return frozenset(parts)
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    return value if isinstance(value, Hashable) else str(value)


ANALYZERS = (
    analyzer(
        "schema.ValidationAnalyzer.VirtualService",
        (UNREACHABLE, INEFFECTIVE),
        (VIRTUAL_SERVICE,),
        shadowed,
    ),
)
