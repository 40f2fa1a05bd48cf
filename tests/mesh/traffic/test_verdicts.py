"""Verdicts beyond the recordings: what is not known, CUSTOM and AUDIT, dry runs, near misses; and that odd policies
never take anything down."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshtui.mesh.peer_authentication import InForce
from meshtui.mesh.raw import Raw
from meshtui.mesh.traffic import conversion, envoy, rules, targets, verdicts, ztunnel
from meshtui.mesh.traffic.calls import Call, Http
from meshtui.mesh.traffic.envoy import Mesh
from meshtui.mesh.traffic.trials import every, some
from meshtui.mesh.traffic.verdicts import Decision, Outcome
from tests.anything import JSON, damaged
from tests.mesh.made import made, snapshot

ROOT = "istio-system"
MESH = Mesh(ROOT, ("cluster.local",))
WEB = "cluster.local/ns/shop/sa/web"


def policy(*written: Raw, action: str = "ALLOW", name: str = "p", **parts: Any) -> Raw:
    spec = {"action": action, "rules": list(written), **parts.pop("spec", {})}
    return made("AuthorizationPolicy", name, "shop", spec=spec, **parts)


def source(**fields: list[str]) -> Raw:
    return {"from": [{"source": fields}]}


def operation(**fields: list[str]) -> Raw:
    return {"to": [{"operation": fields}]}


def when(key: str, *values: str, **more: Any) -> Raw:
    return {"when": [{"key": key, "values": list(values), **more}]}


def request(**known: Any) -> Call:
    return Call(WEB, "10.0.0.1", "10.0.0.1", "10.0.0.2", 80, http=Http(**known))


def at_envoy(*written: Raw, call: Call | None = None) -> Decision:
    return verdicts.at_envoy(map(rules.read, written), call or request(method="GET"), MESH)


def at_ztunnel(*written: Raw, call: Call | None = None) -> Decision:
    own = verdicts.prepared(map(rules.read, written), ROOT)
    levels = InForce((), (), ())
    return verdicts.at_ztunnel_of(own, call or Call(WEB, port=80), ROOT, levels, "shop", {})


GET, POST = operation(methods=["GET"]), operation(methods=["POST"])


@pytest.mark.parametrize(
    ("written", "outcome", "by"),
    [
        ([], Outcome.ALLOWED, ""),
        ([policy(GET)], Outcome.ALLOWED, "shop/p"),
        ([policy(POST)], Outcome.REFUSED, ""),
        ([policy(GET, action="DENY"), policy(GET, name="q")], Outcome.REFUSED, "shop/p"),
        ([policy(GET, action="AUDIT")], Outcome.ALLOWED, ""),
        # an external authorizer may refuse what it is asked of, and cannot allow what others refuse
        ([policy(GET, action="CUSTOM")], Outcome.UNKNOWN, "shop/p"),
        ([policy(POST, action="CUSTOM")], Outcome.ALLOWED, ""),
        ([policy(GET, action="CUSTOM"), policy(GET, action="DENY", name="q")], Outcome.REFUSED, "shop/q"),
        ([policy(GET, action="CUSTOM"), policy(POST, name="q")], Outcome.REFUSED, ""),
        # what is not known decides only where nothing else does
        ([policy(operation(paths=["/x"]))], Outcome.UNKNOWN, "shop/p"),
        ([policy(operation(paths=["/x"]), GET)], Outcome.ALLOWED, "shop/p"),
        ([policy({**POST, "when": [{"key": "request.headers[a]", "values": ["b"]}]})], Outcome.REFUSED, ""),
        ([policy(operation(paths=["/x"]), action="DENY")], Outcome.UNKNOWN, "shop/p"),
        ([policy(operation(paths=["/x"]), action="DENY"), policy(POST, name="q")], Outcome.REFUSED, ""),
        ([policy(when("experimental.envoy.filters.a[b]", "c"))], Outcome.UNKNOWN, "shop/p"),
        # what names no header or claim drops an ALLOW's rule, and widens a DENY (istiod's generator.go)
        ([policy({**GET, **when("request.headers", "a")})], Outcome.REFUSED, ""),
        ([policy({**GET, **when("request.auth.claims", "a")}, action="DENY")], Outcome.REFUSED, "shop/p"),
        # a policy on trial decides nothing
        ([policy(GET, action="DENY", annotations={"istio.io/dry-run": "true"})], Outcome.ALLOWED, ""),
        ([policy(POST, annotations={"istio.io/dry-run": "true"})], Outcome.ALLOWED, ""),
        ([policy(POST, annotations={"istio.io/dry-run": "yes"})], Outcome.REFUSED, ""),
    ],
)  # fmt: skip
def test_what_an_envoy_decides(written: list[Raw], outcome: Outcome, by: str) -> None:
    decision = at_envoy(*written)
    assert (decision.outcome, decision.policy) == (outcome, by)


def test_whom_the_mesh_config_does_not_have_lets_nobody_in() -> None:
    """istiod has the proxy refuse what the policy selects (its builder.go, getBadCustomDenyRules)."""
    asks = policy(GET, action="CUSTOM", spec={"provider": {"name": "opa"}})
    for providers, outcome in (
        (frozenset({"opa"}), Outcome.UNKNOWN),
        (frozenset(), Outcome.REFUSED),
    ):
        mesh = Mesh(ROOT, ("cluster.local",), providers=providers)
        decision = verdicts.at_envoy([rules.read(asks)], request(method="GET"), mesh)
        assert decision.outcome is outcome
        other = verdicts.at_envoy([rules.read(asks)], request(method="POST"), mesh)
        assert other.outcome is Outcome.ALLOWED


@pytest.mark.parametrize(
    ("claims", "key", "outcome"),
    [
        ({"scope": "a b"}, "request.auth.claims[scope]", Outcome.ALLOWED),
        ({"x": {"scope": "a b"}}, "request.auth.claims[x][scope]", Outcome.REFUSED),
        ({"x": {"y": "a"}}, "request.auth.claims[x][y]", Outcome.ALLOWED),
    ],
)
def test_a_claim_is_a_list_only_where_istio_says_so(
    claims: Raw, key: str, outcome: Outcome
) -> None:
    assert at_envoy(policy(when(key, "a")), call=request(claims=claims)).outcome is outcome


@pytest.mark.parametrize(("written", "told"), [("10.0.0.0/8", True), ("10.0.0.0/08", False)])
def test_a_range_is_read_as_go_reads_it(written: str, told: bool) -> None:
    found = at_ztunnel(
        policy(source(ipBlocks=[written])), call=Call(WEB, "::ffff:10.1.1.1", port=80)
    )
    assert (found.outcome is Outcome.ALLOWED) is told


def test_audits_and_dry_runs_that_match_are_told() -> None:
    dry = {"istio.io/dry-run": "true"}
    decision = at_envoy(
        policy(GET, action="AUDIT", name="a"),
        policy(POST, action="AUDIT", name="b"),
        policy(GET, action="DENY", name="c", annotations=dry),
    )
    assert (decision.audited, decision.dry_run) == (("shop/a",), ("shop/c",))
    assert at_ztunnel(policy({}, action="DENY", annotations=dry)).dry_run == ("shop/p",)


def test_the_rule_that_decides_is_named_by_its_place_in_what_is_written() -> None:
    written = policy(GET, operation(ports=["81"]), operation(ports=["80"]))
    assert at_ztunnel(written).rule == 2  # of which the first never reaches a ztunnel


def test_the_nearest_miss_is_the_rule_that_the_fewest_fields_kept_out() -> None:
    far = {**source(namespaces=["other"]), **operation(ports=["81"])}
    near = {**source(principals=[WEB]), **operation(ports=["8080", "8081"])}
    (miss,) = at_ztunnel(policy(far, near)).misses
    assert (miss.policy, miss.rule) == ("shop/p", 1)
    assert [(each.field, each.wanted, each.given) for each in miss.fields] == [
        ("ports", ("8080", "8081"), "80")
    ]


def test_of_alternatives_the_one_that_misses_least_is_told() -> None:
    either = {"from": [{"source": {"namespaces": ["a"], "ipBlocks": ["10.9.0.0/16"]}}, *source(
        notNamespaces=["shop"]
    )["from"]]}  # fmt: skip
    (miss,) = at_ztunnel(policy(either)).misses
    assert [(each.field, each.given) for each in miss.fields] == [("notNamespaces", "shop")]


def test_a_rule_that_only_a_waypoint_could_heed_is_a_near_miss_at_a_ztunnel() -> None:
    (miss,) = at_ztunnel(policy({**source(principals=[WEB]), **GET})).misses
    assert "a waypoint for its methods" in str(miss)


def test_who_has_no_identity_is_told_as_none() -> None:
    (miss,) = at_ztunnel(policy(source(principals=["*"])), call=Call("", port=80)).misses
    assert str(miss) == "shop/p rule 1 wants principals [*], and it is none"


def test_an_address_that_is_not_known_leaves_it_open() -> None:
    decision = at_ztunnel(policy(source(ipBlocks=["10.0.0.0/8"])))
    assert decision.outcome is Outcome.UNKNOWN
    assert decision.reason == "shop/p rule 1 would allow it, depending on ipBlocks"


@pytest.mark.parametrize(
    ("written", "matches"),
    [
        (when("request.headers[x-a]", "b*"), True),
        (when("request.headers[X-A]", "*"), True),
        (when("request.headers[x-none]", "*"), None),
        (when("request.headers[:method]", "GET"), True),
        (when("request.auth.claims[groups]", "two"), True),
        (when("request.auth.claims[a][b]", "deep"), True),
        (when("request.auth.claims[a][c]", notValues=["deep"]), True),
        (when("request.auth.audiences", "me"), True),
        (when("request.auth.presenter", "me"), False),
        (source(requestPrincipals=["https://issuer/sub"]), True),
        (source(requestPrincipals=["https://issuer/*"]), True),
        (source(requestPrincipals=["https://*"]), False),  # the last slash parts it
        (source(notRequestPrincipals=["*"]), False),
        (source(remoteIpBlocks=["10.0.0.0/24"]), True),
        (source(trustDomains=["cluster.*"]), True),
        (source(notTrustDomains=["cluster.local"]), False),
        (source(principals=[f"spiffe://{WEB}"]), False),
        (source(serviceAccounts=["web"]), True),
        (source(serviceAccounts=["other/web"]), False),
        (operation(hosts=["SHOP.example"]), True),
        (operation(paths=["/a/{*}/c"]), True),
        (operation(paths=["/a/b"]), False),
        (operation(paths=["/a/b/c"]), True),
        (operation(ports=["80"]), True),
    ],
)
def test_single_fields_of_a_request(written: Raw, matches: bool | None) -> None:
    claims = {
        "iss": "https://issuer",
        "sub": "sub",
        "aud": ["me", "you"],
        "groups": ["one", "two"],
        "a": {"b": "deep"},
    }
    call = request(
        method="GET", host="shop.EXAMPLE", path="/a/x/../b/c?q=1", headers={"x-a": "bc"}, claims=claims
    )  # fmt: skip
    (trial,) = envoy.trials(rules.read(policy(written)), call, MESH)
    assert trial.holds is matches


def test_what_no_envoy_can_be_told_narrows_an_allow_and_widens_a_deny() -> None:
    odd = operation(ports=["http"])
    assert at_envoy(policy(odd)).outcome is Outcome.REFUSED
    assert at_envoy(policy(odd, action="DENY")).outcome is Outcome.REFUSED
    unknown = when("destination.labels[app]", "web")
    assert at_envoy(policy(unknown)).outcome is Outcome.REFUSED
    assert at_envoy(policy(unknown, action="DENY")).outcome is Outcome.ALLOWED


def test_aliases_count_at_an_envoy_and_not_at_a_ztunnel() -> None:
    written = policy(source(principals=["old/ns/shop/sa/web"]))
    mesh = Mesh(ROOT, ("cluster.local", "old"))
    assert verdicts.at_envoy([rules.read(written)], request(), mesh).outcome is Outcome.ALLOWED
    assert at_ztunnel(written).outcome is Outcome.REFUSED


@given(st.lists(st.sampled_from([True, False, None])))
def test_three_valued_logic(found: list[bool | None]) -> None:
    """Whatever the unknown ones turn out to be, what is said holds."""
    for guess in (True, False):
        turned_out = [guess if each is None else each for each in found]
        assert every(found) in (None, all(turned_out))
        assert some(found) in (None, any(turned_out))


FULL = policy(
    {
        "from": [{"source": {"principals": ["a", "*"], "notIpBlocks": ["10.0.0.0/8"], "serviceAccounts": ["x"]}}],
        "to": [{"operation": {"paths": ["/a/{*}"], "ports": ["80"], "notMethods": ["P*"]}}],
        "when": [{"key": "request.auth.claims[a]", "values": ["b"], "notValues": ["c"]}],
    },
    spec={
        "selector": {"matchLabels": {"app": "a"}},
        "targetRefs": [{"kind": "Service", "group": "", "name": "web"}],
        "provider": {"name": "ext"},
    },
    annotations={"istio.io/dry-run": "false"},
)  # fmt: skip
DUMPED = conversion.authorization(
    rules.read(policy(FULL["spec"]["rules"][0], action="DENY")), ROOT
).policy


@given(damaged(FULL, 4), st.sampled_from([request(), Call(None), Call("", "x", port=1)]))
def test_odd_policies_never_take_a_verdict_down(it: Any, call: Call) -> None:
    assert isinstance(at_envoy(it, call=call).reason, str)
    assert isinstance(at_ztunnel(it, call=call).reason, str)
    targets.acceptance(targets.of(it, snapshot(), ROOT))


@given(damaged(DUMPED, 4) | JSON.map(lambda it: {"rules": it, "action": "Deny"}))
def test_odd_dumps_never_take_a_verdict_down(it: Any) -> None:
    applied = ztunnel.applying([it], "shop", ())
    verdicts.at_ztunnel([*applied, it], Call(WEB, "10.0.0.1", port=80))


@given(st.text(), st.text())
def test_values_of_any_kind_are_compared(value: str, other: str) -> None:
    written = policy(
        source(principals=[value], namespaces=[value], trustDomains=[value]),
        operation(hosts=[value], paths=[value]),
        when(f"request.auth.claims{value}", other),
        when(f"request.headers{value}", other),
        action="DENY",
    )
    at_envoy(written, call=request(method=other, host=other, path=other, claims={}))
