"""Peer authentication: the mTLS mode in force and the object that decides it (derivation C5 of doctor-rules.md, rules
of istio-ambient.md, 7.6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import Enum

from msgspec import Struct, field

from meshtui.mesh import pods, raw
from meshtui.mesh.derived import derived
from meshtui.mesh.kinds import PEER_AUTHENTICATION
from meshtui.mesh.raw import Raw, strings, table, text
from meshtui.mesh.snapshot import Phase, Snapshot


class Mode(Enum):
    """What a pod in the mesh takes in. Two are not among Istio's: UNKNOWN, where what decides could not be read, and
    NONE, where there is no Istio that could ask for any."""

    UNSET = "unset"
    PERMISSIVE = "permissive"
    STRICT = "strict"
    DISABLE = "disable"
    UNKNOWN = "unknown"
    NONE = "none"


_MODES = {mode.name: mode for mode in (Mode.PERMISSIVE, Mode.STRICT, Mode.DISABLE)}
_LAST = datetime.max.replace(tzinfo=UTC)


class PeerAuthentication(Struct, frozen=True, eq=False):
    """One PeerAuthentication. Compared by identity."""

    namespace: str
    name: str
    created: datetime
    selector: Mapping[str, str] | None
    """The labels of the pods it is for; None where it is for all of its namespace."""
    mode: Mode
    ports: Mapping[str, Mode]
    """By the container's port, as a string."""

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"


class Mtls(Struct, frozen=True):
    """The mode in force. DISABLE is as good as PERMISSIVE in ambient: between captured pods mTLS stays."""

    mode: Mode
    decided_by: str = ""
    """The "namespace/name" of the object that decides; "" where none does and Istio's default holds."""
    ports: Mapping[str, Mode] = field(default_factory=dict)
    """Ports that differ, with their modes."""
    reason: str = ""
    """Why it is UNKNOWN or NONE."""


class InForce(Struct, frozen=True, eq=False):
    """What may decide in one namespace, by level, the oldest first. Compared by identity."""

    mesh: tuple[PeerAuthentication, ...]
    namespace: tuple[PeerAuthentication, ...]
    workloads: tuple[PeerAuthentication, ...]
    problem: str = ""
    """Why nothing could be read of them; "" where all of it was."""
    installed: bool = True


def in_force(snapshot: Snapshot, root: str) -> Mapping[str, InForce]:
    """By namespace what may decide in it, of all namespaces that are known or have pods. `root` is the namespace whose
    policies are for the whole mesh."""
    return derived(snapshot, _in_force, root)


def _in_force(snapshot: Snapshot, root: str) -> Mapping[str, InForce]:
    policies: dict[str, list[PeerAuthentication]] = {}
    oldest_first = sorted(
        snapshot.each(PEER_AUTHENTICATION, read), key=lambda each: (each.created, each.key)
    )
    for each in oldest_first:
        policies.setdefault(each.namespace, []).append(each)
    of_mesh = tuple(each for each in policies.get(root, ()) if each.selector is None)
    root_unread = _unread(snapshot, root)
    installed = snapshot.source(PEER_AUTHENTICATION).phase is not Phase.ABSENT

    def inputs(namespace: str) -> tuple[object, ...]:
        own = () if namespace == root else tuple(policies.get(namespace, ()))
        return of_mesh, own, root_unread or _unread(snapshot, namespace), installed

    names = pods.namespaces(snapshot)
    found = snapshot.memo.each("peer authentication", names, _levels, inputs)
    return dict(zip(names, found, strict=True))


def _unread(snapshot: Snapshot, namespace: str) -> str:
    """Why the policies of a namespace are not known; "" where they are, and where the kind is not installed."""
    source = snapshot.covering(PEER_AUTHENTICATION, namespace)
    if source.complete or source.phase is Phase.ABSENT:
        return ""
    if source.problem is not None:
        return source.problem.text
    return f"the PeerAuthentications of {namespace} were not read yet"


def _levels(
    _: str,
    of_mesh: tuple[PeerAuthentication, ...],
    own: tuple[PeerAuthentication, ...],
    problem: str,
    installed: bool,
) -> InForce:
    """In the root namespace a policy with a selector is for nobody in ambient, so `own` is empty there."""
    if problem or not installed:
        return InForce((), (), (), problem, installed)
    return InForce(
        mesh=of_mesh,
        namespace=tuple(each for each in own if each.selector is None),
        workloads=tuple(each for each in own if each.selector is not None),
    )


def effective(policies: InForce, labels: Mapping[str, str] | None = None) -> Mtls:
    """The mode for a pod with these labels, or for the namespace where none are given."""
    if policies.problem:
        return Mtls(Mode.UNKNOWN, reason=policies.problem)
    if not policies.installed:
        return Mtls(Mode.NONE, reason="PeerAuthentication is not installed in this cluster")
    mode, decided_by = Mode.PERMISSIVE, ""
    for level in (policies.mesh, policies.namespace):
        if level and level[0].mode is not Mode.UNSET:
            mode, decided_by = level[0].mode, level[0].key
    own = None if labels is None else _selecting(policies.workloads, labels)
    if own is None:
        return Mtls(mode, decided_by)
    inherited = mode
    if own.mode is not Mode.UNSET:
        mode, decided_by = own.mode, own.key
    return Mtls(mode, decided_by, _ports(own, mode, inherited))


def _selecting(
    policies: Iterable[PeerAuthentication], labels: Mapping[str, str]
) -> PeerAuthentication | None:
    return next(
        (each for each in policies if (each.selector or {}).items() <= labels.items()), None
    )


def _ports(own: PeerAuthentication, mode: Mode, inherited: Mode) -> Mapping[str, Mode]:
    """The ports that differ. Where the workload's own mode is unset under STRICT, exemptions that say DISABLE alone are
    passed over by istiod (7.6, derived from its source)."""
    if (
        own.mode is Mode.UNSET
        and inherited is Mode.STRICT
        and set(own.ports.values()) == {Mode.DISABLE}
    ):
        return {}
    return {port: each for port, each in own.ports.items() if each not in (Mode.UNSET, mode)}


def read(it: Raw) -> PeerAuthentication:
    """What one raw PeerAuthentication says. Never raises."""
    spec = table(it, "spec")
    labels = strings(spec, "selector", "matchLabels")
    return PeerAuthentication(
        namespace=raw.namespace(it),
        name=raw.name(it),
        created=raw.created(it) or _LAST,
        selector=labels or None,
        mode=_mode(text(spec, "mtls", "mode")),
        ports={
            str(port): _mode(text(each, "mode"))
            for port, each in table(spec, "portLevelMtls").items()
        },
    )


def _mode(written: str) -> Mode:
    return _MODES.get(written, Mode.UNSET)
