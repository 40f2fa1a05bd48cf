"""The situations in which every pane is looked at: recorded meshes, one of them as it looks to somebody who may not see
all of it, or to whom it does not answer, and the scenes of the built-in cluster."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from functools import cache, partial

from msgspec.structs import replace

from meshtui.mesh import scopes
from meshtui.mesh.denial_watch import Heard, Watch
from meshtui.mesh.kinds import EVENT, NAMESPACE, NODE, POD, Kind
from meshtui.mesh.snapshot import (
    Answer,
    Phase,
    Problem,
    Scope,
    Snapshot,
    Source,
    Sweep,
    Trouble,
)
from meshtui.sim.scenes import names
from meshtui.ui.panes import PANES
from tests import recordings, scenes

WATCHED = scopes.of((need for pane in PANES for need in pane.NEEDS), ())
"""What the program lists and watches where no namespace was chosen."""

RBAC = "`meshtui rbac` prints the rights that are needed"
"""What the session says to do about a 403."""


def shop() -> Snapshot:
    """The recorded mesh, all of it read; of kinds that were not recorded there is nothing."""
    at = _all_read(recordings.snapshot("shop"))
    return replace(at, heard=recordings.heard("shop", at))


def acme() -> Snapshot:
    """The mesh of `shop` later, with a CA of the company's own."""
    return _later("acme")


def no_ca() -> Snapshot:
    """The mesh of `shop` later, with a CA that answers nobody."""
    return _later("no-ca")


def empty() -> Snapshot:
    """A cluster with nothing in it, all of it read."""
    at = shop()
    return replace(_all_read(Snapshot(at.now, at.server)), heard=Heard())


def no_crds() -> Snapshot:
    """`shop` without the kinds of Istio and of the Gateway API."""
    gone = {scope.kind for scope in WATCHED if _is_of_the_mesh(scope.kind)}
    at = shop()
    return _with_sources(
        replace(
            at,
            server=replace(
                at.server, kinds={k: v for k, v in at.server.kinds.items() if k not in gone}
            ),
            objects={k: found for k, found in at.objects.items() if k not in gone},
        ),
        gone,
        lambda kind: Source(
            Phase.ABSENT,
            problem=Problem(Trouble.ABSENT, f"{kind} is not installed in this cluster"),
        ),
    )


def forbidden() -> Snapshot:
    """`shop` to somebody who may list nothing at all."""
    at = shop()
    seen = Snapshot(at.now, at.server, heard=Heard())
    return _with_sources(seen, {scope.kind for scope in WATCHED}, refused)


def limited() -> Snapshot:
    """`shop` to somebody who may list namespaces, pods and daemon sets only, and neither look into pods nor read a
    Secret."""
    at = shop()
    hidden = {scope.kind for scope in WATCHED} - {NAMESPACE, POD}
    may_not = Problem(
        Trouble.FORBIDDEN, "jane may not create pods/portforward in istio-system", RBAC
    )
    return _with_sources(
        replace(
            at,
            objects={k: found for k, found in at.objects.items() if k not in hidden},
            answers=dict.fromkeys(at.answers, Answer(problem=may_not)),
            gets={},
            sweep=Sweep(total=3),
            heard=_unread(at),
        ),
        hidden,
        refused,
    )


def loading() -> Snapshot:
    """`shop` while it is read for the first time: namespaces and nodes are there, and ten of the pods."""
    at = shop()
    whole = {NAMESPACE, NODE}
    pods = dict(list(at.objects[POD].items())[:10])
    read = {POD: pods, **{kind: at.objects[kind] for kind in whole}}
    return _with_sources(
        Snapshot(at.now, at.server, read, at.sources, sweep=Sweep(total=3)),
        {scope.kind for scope in WATCHED} - whole,
        lambda kind: Source(Phase.LOADING, len(read.get(kind, ())), at.now),
    )


def stale() -> Snapshot:
    """`shop` two minutes after its API server has fallen silent."""
    at = shop()
    since, again = at.now - timedelta(minutes=2), at.now + timedelta(seconds=8)
    silence = Problem(Trouble.TIMEOUT, "no answer within 10 s")
    return _with_sources(
        replace(at, server=replace(at.server, answered=since, problem=silence, retry_at=again)),
        {scope.kind for scope in WATCHED},
        lambda kind: Source(Phase.STALE, len(at.objects.get(kind, ())), since, silence, again),
    )


def refusing() -> Snapshot:
    """A cluster that was never reached."""
    at = shop()
    problem = Problem(
        Trouble.REFUSED,
        "127.0.0.1:6443 refuses connections: nothing listens there",
        "Start the cluster, or correct the address in the kubeconfig.",
    )
    server = replace(at.server, version="", kinds={}, answered=None, problem=problem)
    return Snapshot(at.now, server)


SITUATIONS: Mapping[str, Callable[[], Snapshot]] = {
    "shop": shop,
    "acme": acme,
    "no-ca": no_ca,
    "empty": empty,
    "no-crds": no_crds,
    "forbidden": forbidden,
    "limited": limited,
    "loading": loading,
    "stale": stale,
    "refusing": refusing,
}


@cache
def scene(name: str) -> Snapshot:
    """A scene of the built-in cluster, all of it read."""
    server = replace(shop().server, answered=scenes.NOW)
    return replace(scenes.watched(name, WATCHED), server=server)


SCENES: Mapping[str, Callable[[], Snapshot]] = {
    f"scene-{name}": partial(scene, name) for name in names()
}


def _unread(at: Snapshot) -> Heard:
    """What the logs have told to somebody who may not read them, where Telemetry and mesh config are hidden too."""
    pods, watch = {POD: at.objects[POD]}, Watch(600)
    watch.see(Snapshot(at.now, objects=pods, sources={Scope(POD): Source(Phase.LIVE)}))
    return watch.heard(
        (),
        {
            pod: Problem(Trouble.FORBIDDEN, f"jane may not get pods/log in {pod.namespace}", RBAC)
            for pod in watch.proxies(at.now)
        },
    )


def refused(kind: Kind) -> Source:
    """A kind that one may not list, in the API server's own words."""
    who, what = f'{kind} is forbidden: User "jane"', f'cannot list resource "{kind.plural}"'
    words = f'{who} {what} in API group "{kind.group}" at the cluster scope'
    return Source(Phase.FORBIDDEN, problem=Problem(Trouble.FORBIDDEN, words, RBAC))


def _all_read(at: Snapshot) -> Snapshot:
    """With what is watched live, and without the objects that are not: Secrets are read one by one."""
    watched = {scope.kind for scope in WATCHED} | {EVENT}
    return replace(
        at,
        objects={kind: found for kind, found in at.objects.items() if kind in watched},
        sources={
            scope: Source(Phase.LIVE, len(at.objects.get(scope.kind, ())), at.now)
            for scope in WATCHED
        },
    )


def _later(name: str) -> Snapshot:
    """The mesh of `shop` at the time of another recording, of which only a part was recorded again."""
    before, at = recordings.snapshot("shop"), recordings.snapshot(name)
    found = _all_read(
        replace(
            at,
            server=replace(at.server, kinds=before.server.kinds),
            objects={
                **{kind: found for kind, found in before.objects.items() if kind != EVENT},
                **at.objects,
            },
            gets={**before.gets, **at.gets},
        )
    )
    return replace(found, heard=recordings.heard(name, found))


def _with_sources(
    at: Snapshot, kinds: Collection[Kind], source: Callable[[Kind], Source]
) -> Snapshot:
    """With other sources for the watched scopes of these kinds."""
    others = {scope: source(scope.kind) for scope in WATCHED if scope.kind in kinds}
    return replace(at, sources={**at.sources, **others})


def _is_of_the_mesh(kind: Kind) -> bool:
    return kind.group.endswith("istio.io") or "gateway" in kind.group
