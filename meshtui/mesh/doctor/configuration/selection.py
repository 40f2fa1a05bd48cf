"""Selection: which pods many selectors take. Each pod is looked at once for all of them, and again once it changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from meshtui.mesh.doctor.configuration.objects import LEFT_OUT, every, labels
from meshtui.mesh.kinds import ISTIO_GATEWAY, POD
from meshtui.mesh.raw import Raw, namespace, strings
from meshtui.mesh.snapshot import Snapshot

Labels = tuple[tuple[str, str], ...]
"""The pairs of a selector, sorted; none takes everything."""

_NOTHING: Mapping[str, Raw] = {}


class Selectors(Struct, frozen=True, eq=False):
    """Selectors, each by the one of its pairs that the fewest of them have."""

    by_pair: Mapping[tuple[str, str], Sequence[tuple[Labels, frozenset[tuple[str, str]]]]]
    """Each as it is and as a set."""
    anything: tuple[Labels, ...]
    """The empty one, if it is among them."""

    def __bool__(self) -> bool:
        return bool(self.by_pair or self.anything)

    def taking(self, found: Mapping[str, str]) -> tuple[Labels, ...]:
        """Those that take these labels."""
        pairs, by_pair = found.items(), self.by_pair
        near = [each for pair in pairs if pair in by_pair for each in by_pair[pair]]
        return self.anything + tuple(each for each, asked in near if asked <= pairs)


def pairs(selector: Mapping[str, str]) -> Labels:
    return tuple(sorted(selector.items()))


def text_of(selector: Labels) -> str:
    """As kubectl takes it."""
    return ",".join(f"{label}={value}" for label, value in selector)


def selectors(each: Iterable[Labels]) -> Selectors:
    distinct = dict.fromkeys(each)
    often = Counter(pair for selector in distinct for pair in selector)
    by_pair: dict[tuple[str, str], list[tuple[Labels, frozenset[tuple[str, str]]]]] = {}
    for selector in filter(None, distinct):
        rarest = min(selector, key=often.__getitem__)
        by_pair.setdefault(rarest, []).append((selector, frozenset(selector)))
    return Selectors(by_pair, ((),) if () in distinct else ())


def of_gateways(snapshot: Snapshot) -> Mapping[Labels, Sequence[Raw]]:
    """By selector of an Istio Gateway the pods, of all namespaces, that it takes; without those that take none."""
    wanted = snapshot.once(_gateways, every(snapshot, ISTIO_GATEWAY))
    found = snapshot.objects.get(POD, _NOTHING)
    return snapshot.memo.kept(
        "pods of gateways", lambda: _taken(snapshot, found, wanted), (found, wanted)
    )


def _gateways(gateways: Sequence[Raw]) -> Selectors:
    return selectors(pairs(strings(it, "spec", "selector")) for it in gateways)


def _taken(
    snapshot: Snapshot, found: Mapping[str, Raw], wanted: Selectors
) -> Mapping[Labels, Sequence[Raw]]:
    if not wanted:
        return {}
    per_pod = snapshot.memo.each(
        "gateways of pods", found, taking, lambda pod: (wanted,), (wanted,)
    )
    taken: dict[Labels, list[Raw]] = {}
    for pod, each in zip(found.values(), per_pod, strict=True):
        for selector in each:
            taken.setdefault(selector, []).append(pod)
    return taken


def taking(pod: Raw, wanted: Selectors) -> tuple[Labels, ...]:
    """The selectors that take a pod; none of one that no analyzer looks at."""
    return () if namespace(pod) in LEFT_OUT else wanted.taking(labels(pod))
