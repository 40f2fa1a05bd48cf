"""Snapshot: everything known of a cluster at one moment, immutable, and how far each part can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct, field

from meshtui.mesh.kinds import Kind
from meshtui.mesh.logs import LogLine
from meshtui.mesh.memo import Memo
from meshtui.mesh.mutes import Mute
from meshtui.mesh.raw import Raw
from meshtui.mesh.served import Served

if TYPE_CHECKING:
    from meshtui.mesh.denial_watch import Heard  # it reads snapshots

T = TypeVar("T")


class Trouble(Enum):
    """What kind of failure it is. Each has its own words on screen and its own next step."""

    CONFIG = "configuration"
    CREDENTIALS = "credentials"
    UNAUTHORIZED = "not authenticated"
    FORBIDDEN = "forbidden"
    NAME = "name not found"
    REFUSED = "connection refused"
    TIMEOUT = "no answer"
    TLS = "certificate not trusted"
    HANDSHAKE = "no TLS"
    UNREACHABLE = "unreachable"
    ABSENT = "not installed"
    UNREADABLE = "version not readable"
    GONE = "gone"
    SERVER = "server error"
    BROKEN = "unreadable answer"


class Problem(Struct, frozen=True):
    """A failure as a value: what kind, what happened, and what to do about it."""

    trouble: Trouble
    text: str
    remedy: str = ""


class Scope(Struct, frozen=True):
    """One list-and-watch: a kind, in one namespace or in all, narrowed by selectors in kubectl's syntax."""

    kind: Kind
    namespace: str | None = None
    labels: str = ""
    fields: str = ""

    @property
    def narrowed(self) -> bool:
        """Whether selectors leave objects out."""
        return bool(self.labels or self.fields)

    @property
    def name(self) -> str:
        """What the objects are called, where only those of one name are wanted; "" otherwise."""
        return self.fields[len(_NAME) :] if self.fields.startswith(_NAME) else ""


_NAME = "metadata.name="


def named(kind: Kind, name: str, namespace: str | None = None) -> Scope:
    """The objects of that name: one, or one in each namespace. The server authorizes a list of them as a request for
    that name."""
    return Scope(kind, namespace, fields=f"{_NAME}{name}")


class Ref(Struct, frozen=True):
    """One object by name."""

    kind: Kind
    namespace: str
    name: str

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class Phase(Enum):
    """Where a source stands. Only LIVE may be read as complete and current."""

    LOADING = "loading"
    LIVE = "live"
    STALE = "stale"
    FORBIDDEN = "forbidden"
    ABSENT = "not installed"
    UNREADABLE = "version not readable"


class Source(Struct, frozen=True):
    """The state of one scope: how complete and how fresh its objects are."""

    phase: Phase
    count: int = 0
    """Objects read so far."""
    since: datetime | None = None
    """When this phase began; for STALE, when the objects were last known to be true."""
    problem: Problem | None = None
    retry_at: datetime | None = None

    @property
    def complete(self) -> bool:
        """Whether all objects of the scope were read once, be it a while ago: then "none" means none."""
        return self.phase in (Phase.LIVE, Phase.STALE)


LOADING = Source(Phase.LOADING)


class Probe(Struct, frozen=True):
    """One HTTP GET at a port inside a pod, through a port-forward."""

    namespace: str
    pod: str
    port: int
    path: str
    read: Callable[[bytes], Any]
    """Body to value. A module-level function, which probes are compared by. ValueError where unreadable."""
    share: Callable[[Any, Collection[Any]], Any] | None = None
    """A new value and the values of other probes with the same `read`, to the new value with the parts that equal one
    of theirs replaced by it: 300 nodes tell of the same 10,000 workloads, and one copy is enough."""
    keep: Callable[[Any, Any, datetime], Any] | None = None
    """What is kept of all values, from what was kept so far (None at first), a new value and its time: since when
    something is there, and how a counter rose. It grows no further than it bounds itself."""


class Tail(Struct, frozen=True):
    """The end of a container's log as it stands, which is not followed."""

    namespace: str
    pod: str
    container: str
    lines: int
    """So many at most."""
    since: int
    """Seconds back from now."""
    read: Callable[[Sequence[LogLine]], Any]
    """Lines to value, in a thread."""


class Answer(Struct, frozen=True):
    """What a probe brought last. After a failure the older value stays, with the problem beside it."""

    value: Any = None
    at: datetime | None = None
    """When `value` was read; None where nothing was ever read."""
    problem: Problem | None = None
    before: Any = None
    """The value read before `value`, and `before_at` when: a counter tells something only by how it rises."""
    before_at: datetime | None = None
    kept: Any = None
    """What the probe's `keep` made of all values."""


class Right(Struct, frozen=True):
    """Whether we may do a thing. Unknown (None) is neither yes nor no."""

    allowed: bool | None
    reason: str = ""
    """All of it in one sentence, where it is not allowed or not known."""
    cause: str = ""
    """Of that what is more than the question: what the server says, or why it says nothing."""


class Server(Struct, frozen=True):
    """Who answers, as whom, and whether it still does."""

    context: str = ""
    cluster: str = ""
    url: str = ""
    user: str = ""
    """As the server calls who acts; where somebody is impersonated, as the kubeconfig calls who does that."""
    impersonating: str = ""
    """As whom the kubeconfig's user acts, where `--as` or the kubeconfig asks for that."""
    insecure: bool = False
    """Its certificate is not verified, because the kubeconfig says so."""
    namespace: str = ""
    """The context's own; "" where the kubeconfig names none."""
    version: str = ""
    kinds: Mapping[Kind, str] = field(default_factory=dict)
    """Served kinds and the version that the server prefers, for the kinds anybody asked for or discovery named."""
    served: Mapping[Kind, Served] = field(default_factory=dict)
    """All that discovery tells of the kinds, in the server's order; empty where it was not read, or may not be."""
    answered: datetime | None = None
    """When it last answered `/version`."""
    problem: Problem | None = None
    retry_at: datetime | None = None
    requests: int = 0
    """Sent to it in the minute before the snapshot, all together, and of these the port-forwards."""
    forwards: int = 0


class Heading(Struct, frozen=True):
    """A column of the table that a server prints (meta/v1 TableColumnDefinition)."""

    name: str
    type: str = "string"
    """As OpenAPI has it: "string", "integer", "number", "boolean", "date"."""
    description: str = ""
    priority: int = 0
    """0 is always shown; others only where there is room."""


class Printed(Struct, frozen=True, eq=False):
    """The objects of a kind as the server prints them: its own columns, as `kubectl get -o wide` shows them."""

    headings: tuple[Heading, ...] = ()
    rows: Mapping[str, Raw] = field(default_factory=dict)
    """By "namespace/name": `metadata` (name, namespace, uid, times, labels and owners) and `cells`, one for each
    heading."""
    sources: Mapping[Scope, Source] = field(default_factory=dict)


class Sweep(Struct, frozen=True):
    """How far the sweep of the ztunnels is."""

    enabled: bool = True
    total: int = 0
    read: int = 0
    oldest: datetime | None = None


class Snapshot(Struct, frozen=True, eq=False):
    """All that is known at `now`. Compared by identity: comparing 10,000 objects would cost more than drawing them."""

    now: datetime
    server: Server = Server()
    objects: Mapping[Kind, Mapping[str, Raw]] = field(default_factory=dict)
    """By kind and "namespace/name"."""
    sources: Mapping[Scope, Source] = field(default_factory=dict)
    answers: Mapping[Probe, Answer] = field(default_factory=dict)
    tables: Mapping[Kind, Printed] = field(default_factory=dict)
    """What was asked for as the server prints it. It is kept apart from `objects` and `sources`: a printed row is no
    object, and tells nothing of what is derived from those."""
    gets: Mapping[Ref, Answer] = field(default_factory=dict)
    """Single objects that were asked for by name; a value is what the session keeps of the object."""
    tails: Mapping[Tail, Answer] = field(default_factory=dict)
    """The ends of logs that were asked for."""
    sweep: Sweep = Sweep()
    heard: Heard | None = None
    """What access logs have told; None where nobody asked for it."""
    muted: Mapping[str, Mute] = field(default_factory=dict)
    """By finding: what somebody knows of and does not want to be told of."""
    examines: bool = True
    """Whether the doctor looks at it; not where it is shown before that, since a first look at 10,000 pods takes half a
    second."""
    memo: Memo = field(default_factory=Memo)

    def raw(self, kind: Kind) -> Collection[Raw]:
        """The objects of a kind, in no order."""
        return self.objects.get(kind, {}).values()

    def find(self, kind: Kind, namespace: str, name: str) -> Raw | None:
        return self.objects.get(kind, {}).get(f"{namespace}/{name}" if namespace else name)

    def each(
        self,
        kind: Kind,
        derive: Callable[..., T],
        inputs: Callable[[Raw], tuple[Any, ...]] | None = None,
    ) -> Iterable[T]:
        """`derive(raw, *inputs(raw))` of every object of a kind, remembered as long as the object and its inputs are
        the same ones. `now` must not be an input: what depends on it is applied to the result."""
        objects = self.objects.get(kind, {})
        if inputs is None:
            return self.memo.mapped((kind, derive), objects, derive)
        return self.memo.each((kind, derive), objects, derive, inputs)

    def once(self, derive: Callable[..., T], *inputs: Any) -> T:
        """`derive(*inputs)` of the whole, remembered as long as the inputs are the same ones; see `each`."""
        return self.memo.once(derive, inputs)

    def covering(self, kind: Kind, namespace: str | None = None, labels: str = "") -> Source:
        """How far one may trust what is known of a kind in one namespace (in all of them, where none is given), or of
        its objects with these labels: the most trustworthy of the scopes that take them in; LOADING where nobody
        asked for them."""
        return covering(self.sources_of(kind), namespace, labels)

    def unread(self, kind: Kind, namespace: str | None = None, labels: str = "") -> str:
        """Why the objects of a kind in a namespace (in all of them, where none is given), or those of its objects with
        these labels, are not all known; "" where they are, or the kind is not installed."""
        source = self.covering(kind, namespace, labels)
        if source.complete or source.phase is Phase.ABSENT:
            return ""
        if source.problem is not None:
            return source.problem.text
        if source is LOADING and any(each.kind == kind and each.namespace for each in self.sources):
            return f"the {kind.plural} of {namespace or 'other namespaces'} were not asked for"
        return f"the {kind.plural}{f' of {namespace}' if namespace else ''} were not all read yet"

    def sources_of(self, kind: Kind) -> Sequence[tuple[Scope, Source]]:
        """The scopes of a kind; there may be one for each of 300 namespaces, and much asks for those of a kind."""
        by_kind: Mapping[Kind, Sequence[tuple[Scope, Source]]] = self.once(_by_kind, self.sources)
        return by_kind.get(kind, ())

    def source(self, kind: Kind) -> Source:
        """The state of a kind over all of its scopes: the least trustworthy one, with the counts added up. Among equals
        one with a problem, and of a scope that is not narrowed."""
        return self.memo.kept(("source", kind), lambda: self._source(kind), (self.sources,))

    def _source(self, kind: Kind) -> Source:
        scoped = sorted(self.sources_of(kind), key=lambda each: each[0].narrowed)
        found = [source for _, source in scoped]
        if not found:
            return LOADING
        worst = max(found, key=lambda each: (_DISTRUST[each.phase], each.problem is not None))
        return Source(
            worst.phase,
            sum(source.count for source in found),
            worst.since,
            worst.problem,
            worst.retry_at,
        )


def covering(
    sources: Iterable[tuple[Scope, Source]], namespace: str | None = None, labels: str = ""
) -> Source:
    """Of the sources of one kind, the one that `Snapshot.covering` tells of."""
    found = [
        source
        for scope, source in sources
        if scope.namespace in (None, namespace)
        and scope.labels in ("", labels)
        and not scope.fields
    ]
    return min(found, key=lambda source: _DISTRUST[source.phase], default=LOADING)


def _by_kind(sources: Mapping[Scope, Source]) -> Mapping[Kind, Sequence[tuple[Scope, Source]]]:
    found: dict[Kind, list[tuple[Scope, Source]]] = {}
    for scope, source in sources.items():
        found.setdefault(scope.kind, []).append((scope, source))
    return found


_DISTRUST = {
    Phase.LIVE: 0,
    Phase.UNREADABLE: 1,
    Phase.ABSENT: 2,
    Phase.FORBIDDEN: 3,
    Phase.STALE: 4,
    Phase.LOADING: 5,
}
