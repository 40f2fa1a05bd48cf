"""Reviews: who am I, what may I do, and may I do this. They are made and answered, never kept."""

from __future__ import annotations

from typing import Any

from meshtui.sim.errors import BadRequest
from meshtui.sim.kinds import Kind
from meshtui.sim.objects import Raw, mapping, sequence, text
from meshtui.sim.rights import Action, User, allowed, rules
from meshtui.sim.store import Store

_AUTHORIZATION = "authorization.k8s.io"
SELF = Kind("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview", namespaced=False)
SELF_ACCESS = Kind(
    _AUTHORIZATION, "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False
)
SELF_RULES = Kind(
    _AUTHORIZATION, "selfsubjectrulesreviews", "SelfSubjectRulesReview", namespaced=False
)
ACCESS = Kind(_AUTHORIZATION, "subjectaccessreviews", "SubjectAccessReview", namespaced=False)
REVIEWS = (SELF, SELF_ACCESS, SELF_RULES, ACCESS)


def reviewed(store: Store, user: User, kind: Kind, body: Any) -> Raw:
    """The review with its answer in `status`. Raises BadRequest where it asks nothing that can be answered."""
    spec = mapping(body, "spec")
    head = {"kind": kind.name, "apiVersion": kind.api_version}
    if kind == SELF:
        info = {"username": user.name, "groups": list(user.all_groups)}
        metadata = {"creationTimestamp": store.timestamp()}
        return {**head, "metadata": metadata, "status": {"userInfo": info}}
    if kind == SELF_RULES:
        return {**head, "metadata": {}, "spec": {}, "status": _rules(store, user, spec)}
    if kind == ACCESS:
        user = User(text(spec, "user"), tuple(str(group) for group in sequence(spec, "groups")))
    yes = allowed(store, user, _action(spec))
    return {**head, "metadata": {}, "spec": spec, "status": {"allowed": yes}}


def _action(spec: Raw) -> Action:
    asked = mapping(spec, "resourceAttributes")
    other = mapping(spec, "nonResourceAttributes")
    if bool(asked) == bool(other):
        raise BadRequest(
            "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        )
    if other:
        return Action(text(other, "verb"), path=text(other, "path"))
    return Action(
        text(asked, "verb"),
        text(asked, "group"),
        text(asked, "resource"),
        text(asked, "subresource"),
        text(asked, "namespace"),
        text(asked, "name"),
    )


def _rules(store: Store, user: User, spec: Raw) -> Raw:
    namespace = text(spec, "namespace")
    if not namespace:
        raise BadRequest("no namespace on request")
    found = list(rules(store, user, namespace))
    return {
        "resourceRules": [
            {
                key: rule[key]
                for key in ("verbs", "apiGroups", "resources", "resourceNames")
                if rule.get(key)
            }
            for rule in found
            if "resources" in rule
        ],
        "nonResourceRules": [
            {key: rule[key] for key in ("verbs", "nonResourceURLs")}
            for rule in found
            if "nonResourceURLs" in rule
        ],
        "incomplete": False,
    }
