"""The cluster at a glance: what the mesh is made of, how far it reaches, what comes up next and what is worst, each
with the place to look closer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from meshtui.mesh import (
    apis,
    attention,
    certificates,
    coming_up,
    components,
    gateways,
    history,
    meshconfig,
    namespaces,
    revisions,
    roots,
    routes,
    services,
    versions,
    waypoint_rows,
    workloads,
    ztunnels,
)
from meshtui.mesh.components import Component
from meshtui.mesh.health import OK, Health, Verdict, worst
from meshtui.mesh.kinds import PEER_AUTHENTICATION, Kind
from meshtui.mesh.meshconfig import MeshConfig
from meshtui.mesh.namespaces import Mode, Namespace
from meshtui.mesh.overview_items import Item, Place, Section
from meshtui.mesh.revisions import Revision
from meshtui.mesh.snapshot import Phase, Scope, Snapshot
from meshtui.mesh.ztunnels import Ztunnel

KINDS: tuple[Kind | Scope, ...] = tuple(
    dict.fromkeys(
        (
            *components.KINDS,
            meshconfig.SCOPE,
            *revisions.KINDS,
            apis.BUNDLE,
            *namespaces.KINDS,
            *workloads.KINDS,
            *services.KINDS,
            *ztunnels.KINDS,
            *waypoint_rows.KINDS,
            *gateways.KINDS,
            *routes.KINDS,
            *certificates.KINDS,
        )
    )
)


def of(snapshot: Snapshot, within: tuple[str, ...] = ()) -> Sequence[Section]:
    """The sections, in the order of their weight on the screen. `within` names the namespaces that are looked at, and
    leaves out what belongs to another; empty for all."""
    return snapshot.once(_sections, snapshot, within)


def _sections(snapshot: Snapshot, within: tuple[str, ...]) -> tuple[Section, ...]:
    rows = [row for row in namespaces.of(snapshot) if not within or row.name in within]
    inside = [row for row in rows if row.mode is not Mode.NONE]
    attended = list(attention.of(snapshot, within))
    return (
        Section("PANES", tuple(summary for summary, _ in attended)),
        Section("WORST", tuple(item for _, named in attended for item in named)),
        Section("ENROLLMENT", tuple(map(_namespace, _by_health(inside)))),
        Section("OUTSIDE", tuple(_namespace(row) for row in rows if row.mode is Mode.NONE)),
        Section("NODES", tuple(map(_node, ztunnels.of(snapshot)))),
        Section("COMING UP", tuple(coming_up.of(snapshot))),
        Section("WATCHED", tuple(_watched(snapshot))),
        Section("MESH", tuple(_mesh(snapshot))),
        Section("COMPONENTS", (*map(_component, components.of(snapshot)), _gateway_api(snapshot))),
        Section("REVISIONS", tuple(map(_revision, revisions.of(snapshot)))),
        Section("APIS", tuple(_apis(snapshot))),
    )


def _mesh(snapshot: Snapshot) -> Iterable[Item]:
    server = snapshot.server
    newest = next(iter(components.control_planes(snapshot)), "")
    kubernetes = versions.kubernetes(server.version, newest)
    yield Item("mesh/context", OK, "context", server.context)
    yield Item("mesh/server", OK, "server", server.url)
    yield Item("mesh/kubernetes", kubernetes, "Kubernetes", server.version or "unknown")
    if _is_without_istio(snapshot):
        why = "none of its parts and kinds is in this cluster; :ctx looks at another"
        yield Item("mesh/istio", Verdict(Health.NONE, why), "Istio", "not installed")
        return
    for config in meshconfig.of(snapshot) or (None,):
        yield from _config(snapshot, config)
    yield _roots(snapshot)


def _is_without_istio(snapshot: Snapshot) -> bool:
    parts = components.of(snapshot)
    absent = snapshot.source(PEER_AUTHENTICATION).phase is Phase.ABSENT
    return absent and all(part.wanted == 0 and not part.versions for part in parts)


def _config(snapshot: Snapshot, config: MeshConfig | None) -> Iterable[Item]:
    if config is None:
        source = components.source(snapshot, meshconfig.SCOPE)
        why = "no mesh config found" if source.complete else "mesh config not read"
        said = source.problem.text if source.problem else why
        yield Item("mesh/trust domain", Verdict(Health.UNKNOWN, said), "trust domain", "unknown")
        return
    several = "" if config.revision == "default" else f" ({config.revision})"
    verdict = Verdict(Health.UNKNOWN, config.problem) if config.problem else OK
    for text, value in (
        ("trust domain", config.trust_domain),
        ("mesh id", config.mesh_id or config.trust_domain),
        ("cluster id", config.cluster or "Kubernetes"),
        ("network", config.network or "–"),
        ("unknown destinations", config.outbound),
    ):
        key = f"mesh/{text}/{config.ref.key}"  # two may be of one revision, in two namespaces
        yield Item(key, verdict, f"{text}{several}", value, ref=config.ref)


def _roots(snapshot: Snapshot) -> Item:
    trust = certificates.trust(snapshot)
    in_use = [each for each in trust.known if each.certificate.der in trust.trusted]
    named = ", ".join(
        f"{each.certificate.title} ({roots.holders_in_words(each.holders)})" for each in in_use
    )
    key = f"ca/{in_use[0].certificate.fingerprint}" if in_use else ""
    verdict = worst([trust.agreement, *(each.agreement for each in in_use)])
    return Item("mesh/roots", verdict, "roots", named or "unknown", Place("certificates", key))


def _component(found: Component) -> Item:
    ready = "?" if found.ready is None else f"{found.ready}/{found.wanted}"
    told = ", ".join(
        f"{version or 'version not told'}" + (f" ×{count}" if len(found.versions) > 1 else "")
        for version, count in found.versions
    )
    share = None if found.ready is None or found.wanted is None else (found.ready, found.wanted)
    within = f"namespace/{found.ref.namespace}" if found.ref else ""
    jump = Place("workloads", within=within)
    if found.title in ("ztunnel", "istio-cni"):
        jump = Place("ztunnels")
    value = f"{ready}  {told}".strip()
    return Item(found.key, found.verdict, found.title, value, jump, found.ref, share=share)


def _revision(found: Revision) -> Item:
    tags = f", tag {', '.join(found.tags)}" if found.tags else ""
    value = f"{found.version or 'version not told'}{tags}"
    jump = Place("workloads", within=f"namespace/{found.ref.namespace}") if found.ref else None
    return Item(found.key, found.verdict, found.name, value, jump, found.ref)


def _by_health(rows: Sequence[Namespace]) -> Sequence[Namespace]:
    """The worst first."""
    return sorted(rows, key=lambda row: (-row.verdict.health.rank, row.name))


def _namespace(row: Namespace) -> Item:
    """The coverage of one namespace: captured of the pods that are wanted in the mesh."""
    counts = row.pods
    share = (counts.captured, counts.desired) if counts.desired else None
    value = row.mode.value if row.mode is not Mode.NONE else "outside"
    if share:
        value = f"{counts.captured}/{counts.desired}"
        if counts.unknown:
            value += f" {Health.UNKNOWN.mark} {counts.unknown}"
    return Item(
        key=f"enrollment/{row.key}",
        verdict=row.verdict,
        text=row.name,
        value=value,
        jump=Place("namespaces", row.key),
        ref=row.ref,
        share=share,
    )


def _node(row: Ztunnel) -> Item:
    proxied = "?" if row.proxied is None else f"{row.proxied}"
    of_expected = "" if row.partial else f" of {row.expected}"
    value = f"{proxied}{of_expected} proxied"
    if row.pod is None:
        value = "not known" if row.unread else "no ztunnel"
    return Item(
        key=f"node/{row.key}",
        verdict=row.verdict,
        text=row.node,
        value=value,
        jump=Place("ztunnels", row.key),
        ref=row.ref,
        share=None if row.proxied is None or row.partial else (row.proxied, row.expected),
    )


def _watched(snapshot: Snapshot) -> Iterable[Item]:
    """What is counted while one looks, over all namespaces."""
    watched = history.of(snapshot)
    a_slot = f"in {history.SLOT.seconds} s"
    for text, unit, pane, series in (
        ("captured", "pods", "namespaces", watched.series(lambda slot: slot.captured)),
        ("failing", "findings", "findings", watched.series(lambda slot: slot.failing)),
        ("refused", f"calls {a_slot}", "ztunnels", watched.series(lambda slot: slot.refused)),
        ("from istiod", f"messages {a_slot}", "ztunnels", watched.series(lambda slot: slot.told)),
    ):
        latest = next((each for each in reversed(series) if each is not None), None)
        health = Health.UNKNOWN if latest is None else Health.NONE
        value = "not known yet" if latest is None else f"{latest:,} {unit}"
        verdict = Verdict(health, _since(watched.since))
        yield Item(f"watched/{text}", verdict, text, value, Place(pane), series=series)


def _since(since: datetime | None) -> str:
    start = f"{since:%H:%M:%S} UTC" if since else "now"
    each = f"each mark is {history.SLOT.seconds} s"
    return f"as watched from here since {start}, {each}; what was before is not known"


def _gateway_api(snapshot: Snapshot) -> Item:
    version, channel = apis.bundle(snapshot)
    bundle = f"{version} {channel}".strip() or "bundle not told"
    return Item("api/bundle", apis.gateway_api(snapshot), "Gateway API", bundle)


def _apis(snapshot: Snapshot) -> Iterable[Item]:
    for found in apis.of(snapshot):
        value = found.version or found.verdict.reason
        yield Item(f"api/{found.kind}", found.verdict, found.kind.title, value)
