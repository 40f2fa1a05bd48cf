"""Objects as Istio's analyzers see them, and the words that several of their rules use (istioctl-analyze.md, 2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from meshtui.mesh import meshconfig
from meshtui.mesh.doctor.analyzer import Analyzer, Findings
from meshtui.mesh.doctor.findings import Evidence, Found, Rule, Severity, Unsure
from meshtui.mesh.kinds import Kind
from meshtui.mesh.raw import Raw, annotation, name, namespace, strings, text
from meshtui.mesh.snapshot import Phase, Ref, Scope, Snapshot, Source

LEFT_OUT = ("kube-system", "kube-public", "kube-node-lease", "local-path-storage")
"""Namespaces that no analyzer looks at."""
ISTIO_SYSTEM = "istio-system"

ERROR, WARNING, INFO = Severity.HIGH, Severity.MEDIUM, Severity.INFO
"""What Istio's levels are here."""
_SUPPRESS = "galley.istio.io/analyze-suppress"


def every(snapshot: Snapshot, kind: Kind) -> Sequence[Raw]:
    """The objects of a kind, by namespace and name."""
    found = snapshot.objects.get(kind)
    if found is None:
        return ()
    return snapshot.memo.kept(("analyzed", kind), lambda: _every(found), (found,))


def _every(found: Mapping[str, Raw]) -> Sequence[Raw]:
    placed = [(namespace(raw), name(raw), raw) for raw in found.values()]
    inside = [each for each in placed if each[0] not in LEFT_OUT and each[1] not in LEFT_OUT]
    return [raw for _, _, raw in sorted(inside, key=itemgetter(0, 1))]


def judged(
    snapshot: Snapshot,
    kind: Kind,
    judge: Callable[..., Sequence[Found]],
    inputs: Callable[[Raw], tuple[Any, ...]] | None = None,
) -> Iterator[Found]:
    """What `judge` finds in each object of a kind, by itself and `inputs` of it; it is not asked again of one that
    did not change, nor its inputs."""
    for several in filter(None, snapshot.each(kind, judge, inputs)):
        for each in several:
            if each.objects[0].namespace not in LEFT_OUT and each.objects[0].name not in LEFT_OUT:
                yield each


def ref(kind: Kind, raw: Raw) -> Ref:
    return Ref(kind, namespace(raw), name(raw))


def found(
    rule: Rule, kind: Kind, raw: Raw, says: str, field: str = "", value: str = "", *others: Ref
) -> Found:
    """A finding about one object, with the field of it that shows it; `others` take part."""
    it = ref(kind, raw)
    called = f"{kind.title} {it.key}"
    evidence = (Evidence(called, field, value, it),) if field else ()
    return Found(rule, (it, *others), says, evidence)


def analyzer(
    name: str,
    rules: tuple[Rule, ...],
    needs: tuple[Kind | Scope, ...],
    run: Callable[[Snapshot], Findings],
    *,
    looks_up: tuple[Kind | Scope, ...] = (),
    looks_around: tuple[Kind, ...] = (),
    asked_for: bool = False,
) -> Analyzer:
    """One of Istio's analyzers. It says nothing of objects whose own annotation suppresses a code. Where not all
    objects of a kind that it looks things up in are known, one that it misses may well be there: all its rules are
    unknown then. Of kinds that it looks up within a namespace, in `looks_around`, it is enough to know those of the
    namespaces that were asked for."""

    def heard(snapshot: Snapshot) -> Iterator[Found | Unsure]:
        if missing := next(filter(None, (_unread(snapshot, each) for each in looks_up)), ""):
            yield from (Unsure(rule, missing) for rule in rules)
            return
        if not all(_is_known(snapshot.source(each)) for each in looks_around):
            return  # the examination itself says of what an analyzer needs why it is not known
        for each in run(snapshot):
            if isinstance(each, Unsure) or not suppressed(snapshot, each):
                yield each

    return Analyzer(name, rules, needs, heard, asked_for=asked_for)


def _unread(snapshot: Snapshot, need: Kind | Scope) -> str:
    if isinstance(need, Scope):
        return snapshot.unread(need.kind, need.namespace, need.labels)
    return snapshot.unread(need)


def _is_known(source: Source) -> bool:
    return source.complete or source.phase is Phase.ABSENT


def suppressed(snapshot: Snapshot, found: Found) -> bool:
    """Whether an annotation of the object that it is about asks not to hear of it."""
    first = found.objects[0]
    it = snapshot.find(first.kind, first.namespace, first.name)
    return it is not None and _suppresses(it, found.rule.code)


def _suppresses(raw: Raw, code: str) -> bool:
    codes = [each.strip() for each in annotation(raw, _SUPPRESS).split(",")]
    return code in codes or "*" in codes


def mesh(snapshot: Snapshot) -> Raw:
    """Mesh config as it is written, of the default revision; empty where there is none."""
    return next((config.written for config in meshconfig.of(snapshot)), {})


def root_namespace(snapshot: Snapshot) -> str:
    return text(mesh(snapshot), "rootNamespace") or ISTIO_SYSTEM


def listed(names: Iterable[str]) -> str:
    """The first five, and how many more there are."""
    known = list(names)
    return ", ".join(known[:5]) + (f" and {len(known) - 5} more" if len(known) > 5 else "")


def labels(raw: Raw) -> Mapping[str, str]:
    return strings(raw, "metadata", "labels")


def words(written: object) -> Sequence[str]:
    """The texts in a list; none where it is no list."""
    return [each for each in written if isinstance(each, str)] if isinstance(written, list) else []


def fqdn(where: str, host: str) -> str:
    """A host as written in an object of a namespace, in full: one with a dot or a wildcard stays as it is."""
    return host if host.startswith("*") or "." in host else f"{host}.{where}.svc.cluster.local"


def scopes(exported: object, where: str) -> Sequence[str]:
    """To whom something is exported: "*" for all, or namespaces, the object's own in place of "."."""
    names = words(exported)
    if not names or "*" in names:
        return ("*",)
    return [where if each == "." else each for each in names]


def hosts_match(one: str, other: str) -> bool:
    """Whether two hosts have a name in common, each perhaps with a leading wildcard."""
    first, second = one.startswith("*"), other.startswith("*")
    if first and second:
        short, long = sorted((one[1:], other[1:]), key=len)
        return long.endswith(short)
    if first:
        return other.endswith(one[1:])
    if second:
        return one.endswith(other[1:])
    return one == other


def of_control_plane(raw: Raw) -> bool:
    own = labels(raw)
    return "istio" in own or own.get("release") == "istio"
