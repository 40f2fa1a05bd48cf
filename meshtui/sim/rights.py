"""Who may do what: RBAC from the Role, ClusterRole and binding objects in the store, as Kubernetes evaluates them."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from meshtui.sim.errors import Forbidden
from meshtui.sim.kinds import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING
from meshtui.sim.objects import Raw, mapping, mappings, sequence, text
from meshtui.sim.store import Store

EVERYTHING: Raw = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
EVERYWHERE: Raw = {"verbs": ["*"], "nonResourceURLs": ["*"]}
MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"


class User(Struct, frozen=True):
    name: str
    groups: tuple[str, ...] = ()

    @property
    def all_groups(self) -> tuple[str, ...]:
        """With the one that everyone is in who has said who they are."""
        return tuple(dict.fromkeys((*self.groups, AUTHENTICATED)))


class Action(Struct, frozen=True):
    """What someone wants to do: to a resource, or to a path that is none."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def full_resource(self) -> str:
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def allowed(store: Store, user: User, action: Action) -> bool:
    return MASTERS in user.groups or any(
        _permits(rule, action) for rule in rules(store, user, action.namespace)
    )


def demand(store: Store, user: User, action: Action) -> None:
    """Raises Forbidden, in Kubernetes' words, where the user may not."""
    if not allowed(store, user, action):
        raise refusal(user, action)


def refusal(user: User, action: Action) -> Forbidden:
    if action.path:
        return Forbidden(
            f'forbidden: User "{user.name}" cannot {action.verb} path "{action.path}"', {}
        )
    qualified = f"{action.resource}.{action.group}" if action.group else action.resource
    where = f'in the namespace "{action.namespace}"' if action.namespace else "at the cluster scope"
    named = f' "{action.name}"' if action.name else ""
    return Forbidden(
        f'{qualified}{named} is forbidden: User "{user.name}" cannot {action.verb} resource '
        f'"{action.full_resource}" in API group "{action.group}" {where}',
        {
            **({"name": action.name} if action.name else {}),
            **({"group": action.group} if action.group else {}),
            "kind": action.resource,
        },
    )


def rules(store: Store, user: User, namespace: str) -> Iterator[Raw]:
    """The rules that hold for a user in a namespace ("" for those of the whole cluster alone)."""
    if MASTERS in user.groups:
        yield from (EVERYTHING, EVERYWHERE)
    for binding in store.list(CLUSTER_ROLE_BINDING):
        if _binds(binding, user, ""):
            yield from _rules_of(store, binding, "")
    for binding in store.list(ROLE_BINDING, namespace) if namespace else ():
        if _binds(binding, user, namespace):
            yield from _rules_of(store, binding, namespace)


def _binds(binding: Raw, user: User, namespace: str) -> bool:
    for subject in mappings(binding, "subjects"):
        name = text(subject, "name")
        match text(subject, "kind"):
            case "User" if name == user.name:
                return True
            case "Group" if name in user.all_groups:
                return True
            case "ServiceAccount":
                where = text(subject, "namespace") or namespace
                if user.name == f"system:serviceaccount:{where}:{name}":
                    return True
    return False


def _rules_of(store: Store, binding: Raw, namespace: str) -> Iterator[Raw]:
    reference = mapping(binding, "roleRef")
    kind = CLUSTER_ROLE if text(reference, "kind") == "ClusterRole" else ROLE
    role = store.get(kind, namespace, text(reference, "name"))
    if role is not None:
        yield from mappings(role, "rules")


def _permits(rule: Raw, action: Action) -> bool:
    if not _has(sequence(rule, "verbs"), action.verb):
        return False
    if action.path:
        return any(_covers(url, action.path) for url in sequence(rule, "nonResourceURLs"))
    names = sequence(rule, "resourceNames")
    return (
        _has(sequence(rule, "apiGroups"), action.group)
        and any(_matches(resource, action) for resource in sequence(rule, "resources"))
        and (not names or action.name in names)
    )


def _has(said: list[object], wanted: str) -> bool:
    return "*" in said or wanted in said


def _matches(resource: object, action: Action) -> bool:
    if resource in ("*", action.full_resource):
        return True
    return bool(action.subresource) and resource == f"*/{action.subresource}"


def _covers(url: object, path: str) -> bool:
    if not isinstance(url, str):
        return False
    return path.startswith(url[:-1]) if url.endswith("*") else url == path
