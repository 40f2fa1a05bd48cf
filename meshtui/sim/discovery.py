"""Discovery: which groups, versions and resources there are, one by one or all in one document (v2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from meshtui.sim.errors import NoSuchPath
from meshtui.sim.kinds import NAMESPACE, POD, SERVICE_ACCOUNT, Kind, group_version
from meshtui.sim.objects import Raw
from meshtui.sim.reviews import REVIEWS
from meshtui.sim.store import Store

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
VERSION: Mapping[str, str] = {
    "major": "1",
    "minor": "36",
    "gitVersion": "v1.36.3",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "",
}
"""The Kubernetes that this server behaves like."""

_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_CHANGE = ("get", "patch", "update")


class _Part(Struct, frozen=True):
    """A subresource."""

    name: str
    kind: str
    verbs: tuple[str, ...]
    group: str = ""
    version: str = ""


_PARTS: Mapping[Kind, tuple[_Part, ...]] = {
    POD: (
        _Part("log", "Pod", ("get",)),
        _Part("portforward", "PodPortForwardOptions", ("create", "get")),
    ),
    SERVICE_ACCOUNT: (_Part("token", "TokenRequest", ("create",), "authentication.k8s.io", "v1"),),
}


def _parts(kind: Kind) -> Iterator[_Part]:
    yield from _PARTS.get(kind, ())
    if kind.scale:
        yield _Part("scale", "Scale", _CHANGE, "autoscaling", "v1")
    if kind.status:
        yield _Part("status", kind.name, _CHANGE)


def _verbs(kind: Kind) -> tuple[str, ...]:
    if kind == NAMESPACE:
        return tuple(verb for verb in _VERBS if verb != "deletecollection")
    return _VERBS


def _groups(store: Store) -> dict[str, dict[str, list[Kind]]]:
    """Kinds by group and version; the groups as kube-apiserver lists them, its own first."""
    found: dict[str, dict[str, list[Kind]]] = {}
    for kind in (*store.kinds, *REVIEWS):
        for version in kind.versions:
            found.setdefault(kind.group, {}).setdefault(version, []).append(kind)
    return found


def core_versions(address: str) -> Raw:
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def group_list(store: Store) -> Raw:
    groups = [_group(name, list(versions)) for name, versions in _groups(store).items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def one_group(store: Store, name: str) -> Raw:
    versions = _groups(store).get(name)
    if not name or versions is None:
        raise NoSuchPath
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, list(versions))}


def _group(name: str, versions: list[str]) -> Raw:
    told = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": told, "preferredVersion": told[0]}


def resource_list(store: Store, group: str, version: str) -> Raw:
    kinds = _groups(store).get(group, {}).get(version)
    if kinds is None:
        raise NoSuchPath
    resources = [resource for kind in kinds for resource in _resources(kind)]
    return {
        "kind": "APIResourceList",
        **({"apiVersion": "v1"} if group else {}),
        "groupVersion": group_version(group, version),
        "resources": resources,
    }


def _resources(kind: Kind) -> Iterator[Raw]:
    if kind in REVIEWS:
        yield {**_named(kind), "verbs": ["create"]}
        return
    yield {
        **_named(kind),
        "verbs": list(_verbs(kind)),
        **({"shortNames": list(kind.short)} if kind.short else {}),
        **({"categories": list(kind.categories)} if kind.categories else {}),
    }
    for part in _parts(kind):
        yield {
            "name": f"{kind.plural}/{part.name}",
            "singularName": "",
            "namespaced": kind.namespaced,
            **({"group": part.group, "version": part.version} if part.group else {}),
            "kind": part.kind,
            "verbs": list(part.verbs),
        }


def _named(kind: Kind) -> Raw:
    return {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.name,
    }


def aggregated(store: Store, *, core: bool) -> Raw:
    """All of `/api`, or all of `/apis`, in one document."""
    items = [
        {
            "metadata": {"name": name} if name else {},
            "versions": [
                {
                    "version": version,
                    "resources": [_aggregated(kind) for kind in kinds],
                    "freshness": "Current",
                }
                for version, kinds in versions.items()
            ],
        }
        for name, versions in _groups(store).items()
        if (name == "") == core
    ]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


def _aggregated(kind: Kind) -> Raw:
    def response(name: str, group: str = "", version: str = "") -> dict[str, Any]:
        return {"group": group, "version": version, "kind": name}

    parts = [
        {
            "subresource": part.name,
            "responseKind": response(part.kind, part.group, part.version),
            "verbs": list(part.verbs),
        }
        for part in _parts(kind)
    ]
    return {
        "resource": kind.plural,
        "responseKind": response(kind.name),
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": ["create"] if kind in REVIEWS else list(_verbs(kind)),
        **({"shortNames": list(kind.short)} if kind.short else {}),
        **({"categories": list(kind.categories)} if kind.categories else {}),
        **({"subresources": parts} if parts else {}),
    }
