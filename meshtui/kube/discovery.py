"""Discovery: which kinds a server has, and in which version to read one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from meshtui.kube.api import JSON, Api, decode
from meshtui.kube.errors import Absent, Forbidden, KubeError, StatusError
from meshtui.kube.pace import Pace
from meshtui.mesh.kinds import Kind
from meshtui.mesh.served import Served
from meshtui.mesh.snapshot import Problem, Trouble

# Aggregated discovery (v2 from Kubernetes 1.30, v2beta1 from 1.27), one answer for all groups; a server or a group
# without it answers in the classic form.
_ACCEPT = ",".join(
    [
        f"{JSON};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        f"{JSON};g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
        JSON,
    ]
)


class Unreadable(KubeError):  # noqa: N818 - reads as what it is
    """The kind is installed, but in none of the versions that our readers understand."""


def choose(kind: Kind, served: Mapping[Kind, Served]) -> str:
    """The version to read: the first of ours that is served. Raises Absent or Unreadable."""
    found = served.get(kind)
    if found is None:
        where = f"{kind.title} ({kind})"
        raise Absent(Problem(Trouble.ABSENT, f"{where} is not installed in this cluster"), 404)
    for version in kind.versions:
        if version in found.versions:
            return version
    has, reads = ", ".join(found.versions), ", ".join(kind.versions)
    raise Unreadable(
        Problem(
            Trouble.UNREADABLE,
            f"{kind} is installed as {has}; this program reads {reads}",
            "a newer MeshTUI may read it",
        )
    )


@dataclass
class Discovery:
    """What a server has, read once and again when a kind is asked for that it had not."""

    api: Api
    pace: Pace
    served: Mapping[Kind, Served] = field(default_factory=dict)
    kinds: Mapping[Kind, str] = field(default_factory=dict)
    """Served kinds with the version that the server prefers."""
    refused: bool = False
    """Discovery is forbidden: the versions that we like best are tried, and each kind speaks for itself."""
    _doubted: set[Kind] = field(default_factory=set)
    _read_again: float = 0.0
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def version(self, kind: Kind) -> str:
        """The version in which to read a kind. Raises KubeError: Absent, Unreadable, or why discovery failed."""
        if not self.refused and (kind not in self.served or kind in self._doubted):
            await self._refresh()
        if self.refused:
            return kind.versions[0]
        return choose(kind, self.served)

    async def read(self) -> None:
        """Reads what the server has, unless that is known. Raises KubeError."""
        if not self.served:
            await self._refresh()

    def doubt(self, kind: Kind, *, moved: bool = False) -> None:
        """Its address was not found, or its version cannot be read: look again when it is asked for; soon, where it was
        there a moment ago."""
        self._doubted.add(kind)
        if moved:
            soon = time.monotonic() + self.pace.first_retry
            self._read_again = min(self._read_again, soon)

    def again(self) -> None:
        """Look again when a kind is asked for next, however soon that is: others may have been installed."""
        self.refused, self._read_again = False, 0.0
        self._doubted.update(self.served)

    async def _refresh(self) -> None:
        """One reading serves all who wait for it, and those who come soon after."""
        async with self._reading:
            if time.monotonic() < self._read_again:
                return
            try:
                core, groups = await asyncio.gather(self._read("/api"), self._read("/apis"))
            except Forbidden:
                self.refused = True
                return
            self.served = {found.kind: found for found in (*core, *groups)}
            self.kinds = {kind: found.versions[0] for kind, found in self.served.items()}
            self._doubted.clear()
            self._read_again = time.monotonic() + self.pace.absent / 2

    async def _read(self, path: str) -> Iterable[Served]:
        answer = decode(await self.api.read(path, accept=_ACCEPT), _Groups, path)
        if answer.kind == "APIGroupDiscoveryList":
            return _aggregated(answer)
        if path == "/api":
            addresses = [("", version, f"/api/{version}") for version in answer.versions]
        else:
            addresses = [
                (group.name, version.version, f"/apis/{group.name}/{version.version}")
                for group in answer.groups
                for version in group.preferred_first()
            ]
        return await self._classic(addresses)

    async def _classic(self, addresses: list[tuple[str, str, str]]) -> Iterable[Served]:
        """One request for each group and version, eight at once. A group whose own server is down is passed over,
        as kubectl does."""
        gate = asyncio.Semaphore(8)

        async def resources(path: str) -> list[_Resource]:
            async with gate:
                try:
                    return (await self.api.get(path, _Resources)).resources
                except StatusError:
                    return []

        answers = await asyncio.gather(*(resources(path) for _, _, path in addresses))
        found: dict[Kind, Served] = {}
        for (group, version, _), listed in zip(addresses, answers, strict=True):
            for resource in listed:
                if "/" not in resource.name:
                    kind = Kind(
                        group, resource.name, resource.kind, (version,), resource.namespaced
                    )
                    _add(found, kind, resource, resource.singularName)
        return found.values()


def _aggregated(answer: _Groups) -> Iterable[Served]:
    found: dict[Kind, Served] = {}
    for group in answer.items:
        for version in group.versions:
            for resource in version.resources:
                kind = Kind(
                    group.metadata.name,
                    resource.resource,
                    resource.responseKind.kind if resource.responseKind else "",
                    (version.version,),
                    resource.scope == "Namespaced",
                )
                _add(found, kind, resource, resource.singularResource)
    return found.values()


def _add(found: dict[Kind, Served], kind: Kind, told: _Told, singular: str) -> None:
    """Adds a kind in one version; what is told of it in the one that the server prefers, which comes first, counts."""
    known = found.get(kind)
    if known is not None:
        found[kind] = replace(known, versions=(*known.versions, *kind.versions))
        return
    short, categories = tuple(told.shortNames or ()), tuple(told.categories or ())
    verbs = tuple(told.verbs or ())
    found[kind] = Served(kind, kind.versions, singular, short, categories, verbs)


class _Named(msgspec.Struct):
    name: str = ""


class _ResponseKind(msgspec.Struct):
    kind: str = ""


class _Told(msgspec.Struct, kw_only=True):
    """What both forms tell of a resource alike."""

    verbs: list[str] | None = None
    shortNames: list[str] | None = None  # noqa: N815 - the name on the wire
    categories: list[str] | None = None


class _AggregatedResource(_Told):
    resource: str
    scope: str = ""
    singularResource: str = ""  # noqa: N815
    responseKind: _ResponseKind | None = None  # noqa: N815 - the name on the wire


class _Version(msgspec.Struct):
    version: str
    resources: list[_AggregatedResource] = []


class _Group(msgspec.Struct):
    """A group in either form: the aggregated one names itself in its metadata."""

    metadata: _Named = msgspec.field(default_factory=_Named)
    name: str = ""
    versions: list[_Version] = []
    preferredVersion: _Version | None = None  # noqa: N815

    def preferred_first(self) -> list[_Version]:
        first = self.preferredVersion.version if self.preferredVersion else ""
        return sorted(self.versions, key=lambda version: version.version != first)


class _Groups(msgspec.Struct):
    """What `/api` and `/apis` answer: APIGroupDiscoveryList, or APIVersions and APIGroupList."""

    kind: str = ""
    items: list[_Group] = []
    versions: list[str] = []
    groups: list[_Group] = []


class _Resource(_Told):
    name: str
    singularName: str = ""  # noqa: N815
    kind: str = ""
    namespaced: bool = False


class _Resources(msgspec.Struct):
    resources: list[_Resource] = []
