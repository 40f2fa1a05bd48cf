"""What a pane says of its sources: why rows are missing, not all there or old, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from meshtui.mesh.kinds import GATEWAY, NAMESPACE, PEER_AUTHENTICATION, POD
from meshtui.mesh.snapshot import Phase, Problem, Scope, Server, Snapshot, Source, Trouble
from meshtui.ui import notices
from meshtui.ui.spans import join, text_of
from tests.mesh.made import NOW
from tests.ui import situations
from tests.ui.looking import looking

NEEDS = (POD, NAMESPACE, PEER_AUTHENTICATION, GATEWAY)


def told(**sources: Source) -> Snapshot:
    by_name = {"pods": POD, "namespaces": NAMESPACE, "policies": PEER_AUTHENTICATION}
    live = {Scope(kind): Source(Phase.LIVE) for kind in NEEDS}
    return Snapshot(NOW, sources=live | {Scope(by_name[k]): each for k, each in sources.items()})


def below(snapshot: Snapshot) -> list[str]:
    return join(notices.below(snapshot, NEEDS)).splitlines()


def test_nothing_is_said_under_rows_that_are_complete_and_current() -> None:
    assert below(told()) == []


def test_a_silent_server_is_one_line_for_all_kinds_with_the_first_retry() -> None:
    silence = Problem(Trouble.TIMEOUT, "no answer within 10 s")

    def stale(seconds: int) -> Source:
        return Source(Phase.STALE, 3, NOW, silence, NOW + timedelta(seconds=seconds))

    assert below(told(pods=stale(9), namespaces=stale(4))) == [
        "! no answer within 10 s (again at 12:39:04): pods, namespaces"
    ]


def test_each_refusal_has_the_servers_words_and_the_next_step_stands_once() -> None:
    snapshot = told(pods=situations.refused(POD), namespaces=situations.refused(NAMESPACE))
    assert below(snapshot) == [
        '? pods is forbidden: User "jane" cannot list resource "pods" in API group "" at the cluster scope',
        '? namespaces is forbidden: User "jane" cannot list resource "namespaces" in API group "" at the cluster scope',
        "  `meshtui rbac` prints the rights that are needed",
    ]


def test_what_is_not_installed_is_said_and_is_no_trouble() -> None:
    absent = Source(Phase.ABSENT, problem=Problem(Trouble.ABSENT, "it is not there"))
    assert below(told(policies=absent)) == ["· not installed: peerauthentications"]


def test_more_causes_than_there_is_room_for_are_counted_the_gravest_first() -> None:
    cut = Source(Phase.STALE, 3, NOW, Problem(Trouble.SERVER, "cut"))
    absent = Source(Phase.ABSENT)
    lines = below(told(pods=situations.refused(POD), namespaces=absent, policies=cut))
    assert [line[0] for line in lines] == ["!", "?", " "]
    assert lines[2].startswith("  and 1 more under :info")


async def test_where_a_filter_keeps_nothing_it_is_said_that_not_all_is_known() -> None:
    for situation, words in (
        (situations.stale, " ! no answer within 10 s (again at 12:39:08): pods,"),
        (situations.loading, "◌ Loading pods: 10 so far."),
        (situations.limited, "? peerauthentications.security.istio.io is forbidden"),
        (situations.shop, ""),
    ):
        async with looking(situation(), "workloads") as at:
            await at.type("/nothing-like-it\r")
            said = at.screen[at.screen.index("Nothing matches /nothing-like-it") :]
            under = said.splitlines()[3:-1]
            assert words in "\n".join(under)
            assert any(under) is bool(words)


async def test_info_has_every_cause() -> None:
    async with looking(situations.forbidden(), size=(140, 40)) as at:
        await at.type(":info\r")
        for scope in situations.WATCHED:
            assert f'cannot list resource "{scope.kind.plural}"' in " ".join(at.read.split())


async def test_info_tells_how_much_is_asked_of_the_server() -> None:
    shop = situations.shop()
    asked = replace(shop, server=replace(shop.server, requests=1042, forwards=12))
    async with looking(asked) as at:
        await at.type(":info\r")
        assert "requests    1,042 in the last minute, of which port-forwards 12" in at.read


async def test_causes_take_a_line_each_however_long_they_are() -> None:
    async with looking(situations.limited(), "ztunnels", (80, 24)) as at:
        lines = at.screen.splitlines()
        assert lines[-4].startswith(
            ' ? peerauthentications.security.istio.io is forbidden: User "jane"'
        )
        assert lines[-4].endswith("…")
        assert (
            lines[-2].strip()
            == "and 3 more under :info; `meshtui rbac` prints the rights that are needed"
        )


async def test_of_nothing_there_is_no_count_beside_the_reason() -> None:
    for situation in (situations.forbidden, situations.refusing):
        async with looking(situation(), "workloads", (80, 24)) as at:
            stamp = at.screen.splitlines()[1]
            assert "0" not in stamp


async def test_namespaces_that_may_not_be_listed_are_refused_and_not_none() -> None:
    shop = situations.shop()
    objects = {kind: found for kind, found in shop.objects.items() if kind != NAMESPACE}
    sources = {**shop.sources, Scope(NAMESPACE): situations.refused(NAMESPACE)}
    async with looking(replace(shop, objects=objects, sources=sources), "namespaces") as at:
        assert "✗ forbidden" in at.screen
        assert 'User "jane" cannot list resource "namespaces"' in at.screen
        assert situations.RBAC in at.screen


def test_what_may_be_listed_and_not_watched_is_not_called_live() -> None:
    refusal = Problem(
        Trouble.FORBIDDEN, "jane may not watch pods; listed every 30 s instead", "ask"
    )
    snapshot = told(pods=Source(Phase.LIVE, problem=refusal))
    assert below(snapshot) == ["! jane may not watch pods; listed every 30 s instead", "  ask"]
    assert text_of(notices.freshness(snapshot, NEEDS)) == "◍ pods not watched"
    assert text_of(notices.freshness(told(), NEEDS)) == "● live"


def test_a_server_that_fell_silent_is_believed_before_its_watches_notice() -> None:
    silence = Problem(Trouble.TIMEOUT, "no answer within 10 s", "is the VPN up?")
    snapshot = replace(told(), server=Server(answered=NOW, problem=silence))
    assert text_of(notices.freshness(snapshot, NEEDS)) == "◍ stale since 12:39:00"
    assert below(snapshot) == ["! no answer within 10 s", "  is the VPN up?"]
    stale = Source(Phase.STALE, 3, NOW, silence, NOW + timedelta(seconds=4))
    later = replace(snapshot, sources={Scope(kind): stale for kind in NEEDS})
    assert len(below(later)) == 2


def test_the_namespace_that_is_refused_is_named_before_what_is_refused_everywhere() -> None:
    def refused(where: str) -> Source:
        return Source(Phase.FORBIDDEN, problem=Problem(Trouble.FORBIDDEN, f"no pods {where}"))

    everywhere = Scope(POD, labels="app=ztunnel")
    there, here = Scope(POD, "payments"), Scope(POD, "shop")
    sources = {everywhere: refused("anywhere"), there: refused("in payments")}
    snapshot = Snapshot(NOW, sources={**sources, here: Source(Phase.LIVE)})
    assert below(snapshot) == ["? no pods in payments", "? no pods anywhere"]
    assert "no pods in payments" in join(notices.instead(snapshot, NEEDS, "none"))


def test_a_first_list_that_fails_says_why_it_is_not_there_yet() -> None:
    broken = Source(Phase.LOADING, problem=Problem(Trouble.SERVER, "etcd is away"))
    assert below(told(pods=broken)) == ["! etcd is away: pods"]


@pytest.mark.parametrize(
    ("situation", "word"),
    [
        (situations.shop, "● live"),
        (situations.forbidden, "✗ forbidden"),
        (situations.limited, "● live"),
        (situations.refusing, "✗ connection refused"),
    ],
)
async def test_the_header_says_how_one_is_connected(
    situation: Callable[[], Snapshot], word: str
) -> None:
    async with looking(situation(), size=(120, 30)) as at:
        assert word in at.screen.splitlines()[0]


async def test_a_cluster_that_was_never_reached_leaves_the_ways_on_open() -> None:
    async with looking(situations.refusing(), size=(80, 24)) as at:
        assert ":ctx looks at another cluster, ctrl+r tries at once, :q quits." in at.screen


async def test_rows_that_are_as_they_were_take_a_step_back_and_come_forward_again() -> None:
    async with looking(situations.stale(), "workloads") as at:
        then = at.pane.table.rich_style.color
        await at.show(situations.shop())
        assert at.pane.table.rich_style.color != then
        silent = replace(situations.shop().server, problem=Problem(Trouble.TIMEOUT, "no answer"))
        await at.show(replace(situations.shop(), server=silent))
        assert at.pane.table.rich_style.color == then


@pytest.mark.parametrize("pane", ["namespaces", "workloads"])
async def test_a_namespace_that_does_not_exist_is_not_one_without_rows(pane: str) -> None:
    async with looking(situations.shop(), pane) as at:
        await at.type(":ns nowhere\r")
        assert at.rows == []
        assert "There is no namespace nowhere in this cluster." in at.screen
        assert ":ns all looks at every namespace." in at.screen
        await at.type(":ns nowhere,payments\r")
        assert at.rows
        assert "! There is no namespace nowhere in this cluster." in at.screen
        await at.type(":ns payments\r")
        assert "There is no namespace" not in at.screen
