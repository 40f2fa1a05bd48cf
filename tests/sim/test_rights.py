"""Rules are evaluated as Kubernetes' page on RBAC says, one rule and one action at a time."""

import pytest

from meshtui.sim.bootstrap import bootstrap
from meshtui.sim.kinds import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING, Kind
from meshtui.sim.objects import Raw
from meshtui.sim.rights import Action, User, allowed, refusal, rules
from meshtui.sim.store import Store
from meshtui.sim.tokens import account

JANE = User("jane", ("support",))
LIST = Action("list", "", "pods", namespace="shop")
SCALE = Action("update", "apps", "deployments", "scale", "shop", "web")


def rule(verbs: str, groups: str, resources: str, **rest: list[str]) -> Raw:
    return {
        "verbs": verbs.split(),
        "apiGroups": groups.split(",") if groups else [""],
        "resources": resources.split(),
        **rest,
    }


def grant(store: Store, kind: Kind, binding: Kind, subject: Raw, *granted: Raw) -> None:
    metadata = {"name": "r", "namespace": "shop"}
    store.create(kind, {"metadata": metadata, "rules": list(granted)})
    reference = {"kind": kind.name, "name": "r"}
    store.create(binding, {"metadata": metadata, "roleRef": reference, "subjects": [subject]})


def may(action: Action, *granted: Raw, user: User = JANE) -> bool:
    store = Store()
    subject = {"kind": "User", "name": user.name}
    grant(store, CLUSTER_ROLE, CLUSTER_ROLE_BINDING, subject, *granted)
    return allowed(store, user, action)


@pytest.mark.parametrize(
    ("action", "granted", "yes"),
    [
        (LIST, rule("list", "", "pods"), True),
        (LIST, rule("get watch", "", "pods"), False),
        (LIST, rule("list", "apps", "pods"), False),
        (LIST, rule("list", "", "pods/log"), False),
        (LIST, rule("*", "*", "*"), True),
        (SCALE, rule("*", "*", "*"), True),
        (SCALE, rule("update", "apps", "deployments"), False),
        (SCALE, rule("update", "apps", "deployments/scale"), True),
        (SCALE, rule("update", "apps", "*/scale"), True),
        (SCALE, rule("update", "apps", "*/status"), False),
        (SCALE, rule("update", "apps", "deployments/scale", resourceNames=["web"]), True),
        (SCALE, rule("update", "apps", "deployments/scale", resourceNames=["other"]), False),
        (LIST, rule("list", "", "pods", resourceNames=["web"]), False),
        (Action("get", path="/metrics"), rule("get", "", "pods"), False),
        (Action("get", path="/metrics"), {"verbs": ["get"], "nonResourceURLs": ["/metrics"]}, True),
        (Action("get", path="/logs/a"), {"verbs": ["get"], "nonResourceURLs": ["/logs/*"]}, True),
        (Action("get", path="/log"), {"verbs": ["get"], "nonResourceURLs": ["/logs/*"]}, False),
    ],
)
def test_one_rule(action: Action, granted: Raw, yes: bool) -> None:
    assert may(action, granted) is yes


def test_rules_do_not_mix() -> None:
    assert not may(LIST, rule("list", "", "secrets"), rule("get", "", "pods"))


@pytest.mark.parametrize(
    ("subject", "yes"),
    [
        ({"kind": "User", "name": "jane"}, True),
        ({"kind": "User", "name": "support"}, False),
        ({"kind": "Group", "name": "support"}, True),
        ({"kind": "Group", "name": "system:authenticated"}, True),
        ({"kind": "Group", "name": "jane"}, False),
    ],
)
def test_subjects(subject: Raw, yes: bool) -> None:
    store = Store()
    grant(store, ROLE, ROLE_BINDING, subject, rule("list", "", "pods"))
    assert allowed(store, JANE, LIST) is yes


def test_a_service_account_is_bound_by_name_or_by_the_group_of_its_namespace() -> None:
    subject = {"kind": "ServiceAccount", "name": "bot", "namespace": "tools"}
    for named in (subject, {"kind": "Group", "name": "system:serviceaccounts:tools"}):
        store = Store()
        grant(store, ROLE, ROLE_BINDING, named, rule("list", "", "pods"))
        assert allowed(store, account("tools", "bot"), LIST)
        assert not allowed(store, account("other", "bot"), LIST)


def test_a_role_holds_in_its_namespace_alone() -> None:
    store = Store()
    subject = {"kind": "User", "name": "jane"}
    grant(store, ROLE, ROLE_BINDING, subject, rule("list", "", "pods"))
    assert allowed(store, JANE, LIST)
    assert not allowed(store, JANE, Action("list", "", "pods", namespace="payments"))
    assert not allowed(store, JANE, Action("list", "", "pods"))


def test_a_binding_to_no_role_grants_nothing() -> None:
    store = Store()
    reference = {"kind": "ClusterRole", "name": "gone"}
    binding = {
        "metadata": {"name": "b"},
        "roleRef": reference,
        "subjects": [{"kind": "User", "name": "jane"}],
    }
    store.create(CLUSTER_ROLE_BINDING, binding)
    assert list(rules(store, JANE, "shop")) == []


def test_everybody_may_look_around_and_masters_may_all() -> None:
    store = Store()
    bootstrap(store)
    assert allowed(store, JANE, Action("get", path="/apis"))
    review = Action("create", "authorization.k8s.io", "selfsubjectaccessreviews")
    assert allowed(store, JANE, review)
    assert not allowed(store, JANE, LIST)
    assert allowed(store, User("root", ("system:masters",)), SCALE)


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (
            LIST,
            'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "shop"',
        ),
        (
            SCALE,
            'deployments.apps "web" is forbidden: User "jane" cannot update resource "deployments/scale" '
            'in API group "apps" in the namespace "shop"',
        ),
        (
            Action("list", "", "nodes"),
            'nodes is forbidden: User "jane" cannot list resource "nodes" in API group "" at the cluster scope',
        ),
        (Action("get", path="/metrics"), 'forbidden: User "jane" cannot get path "/metrics"'),
    ],
)
def test_refusals_read_as_those_of_a_real_server(action: Action, words: str) -> None:
    assert refusal(JANE, action).message == words
