"""Call: what one request asks for, read from its method, its path and its query."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec import Struct

from meshtui.sim.errors import BadRequest, MethodNotAllowed, NoSuchPath
from meshtui.sim.kinds import NAMESPACE, Kind
from meshtui.sim.rights import Action, User
from meshtui.sim.selectors import name_in

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


class Call(Struct, frozen=True):
    """One request for a resource."""

    user: User
    verb: str
    """Kubernetes' word, such as "list"."""
    kind: Kind
    version: str
    namespace: str
    """Empty for a kind of the cluster, and for all namespaces."""
    name: str
    subresource: str
    query: Mapping[str, str]

    @property
    def action(self) -> Action:
        """What one must be allowed to do."""
        return Action(
            self.verb,
            self.kind.group,
            self.kind.plural,
            self.subresource,
            self.namespace if self.kind.namespaced else self._own_namespace,
            self.name or name_in(self.query.get("fieldSelector", "")),
        )

    @property
    def _own_namespace(self) -> str:
        """A Namespace counts as being in itself."""
        return self.name if self.kind == NAMESPACE else ""

    def flag(self, name: str) -> bool:
        return self.query.get(name, "") not in ("", "0", "false", "False")

    def number(self, name: str) -> int | None:
        """A whole number of the query, None where it says none; BadRequest where it is no number."""
        said = self.query.get(name, "")
        if not said:
            return None
        try:
            return int(said)
        except ValueError:
            raise BadRequest(f'strconv.ParseInt: parsing "{said}": invalid syntax') from None

    @property
    def dry_run(self) -> bool:
        said = self.query.get("dryRun", "")
        if said not in ("", "All"):
            raise BadRequest(f'Invalid value: "{said}": supported values: "All"')
        return bool(said)


class UnknownGroup(NoSuchPath):
    """A path of no API at all, answered in plain text."""


def read(
    method: str, path: str, query: Mapping[str, str], user: User, kinds: Collection[Kind]
) -> Call:
    """The call that a request makes. Raises UnknownGroup, NoSuchPath or MethodNotAllowed."""
    group, version, rest = _split(path)
    known = [kind for kind in kinds if kind.group == group and version in kind.versions]
    if not known:
        raise UnknownGroup
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource, *more = (*rest, "", "")[: max(len(rest), 3)]
    kind = next((kind for kind in known if kind.plural == plural), None)
    if kind is None:
        raise UnknownGroup if known[0].custom else NoSuchPath
    if more or bool(namespace) > kind.namespaced:
        raise NoSuchPath
    verb = _verb(method, query, bool(name))
    if (verb == "create" and not subresource and (name or kind.namespaced > bool(namespace))) or (
        name and kind.namespaced and not namespace
    ):
        raise MethodNotAllowed
    return Call(user, verb, kind, version, namespace, name, subresource, query)


def _split(path: str) -> tuple[str, str, list[str]]:
    steps = [step for step in path.split("/") if step]
    if steps[:1] == ["api"] and len(steps) > 2:
        return "", steps[1], steps[2:]
    if steps[:1] == ["apis"] and len(steps) > 3:
        return steps[1], steps[2], steps[3:]
    raise UnknownGroup


def _verb(method: str, query: Mapping[str, str], named: bool) -> str:
    if method == "GET":
        if named:
            return "get"
        watched = query.get("watch", "") not in ("", "0", "false")
        return "watch" if watched else "list"
    verb = _VERBS.get(method)
    if verb is None or (verb in ("update", "patch") and not named):
        raise MethodNotAllowed
    if verb == "delete" and not named:
        return "deletecollection"
    return verb
