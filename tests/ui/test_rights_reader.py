"""`:can`: what one may do here, as the server says it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from msgspec.structs import replace

from meshtui import rights_feeding
from meshtui.mesh.kinds import CONFIGMAP, NAMESPACE, POD, Kind
from meshtui.mesh.snapshot import Right, Server
from meshtui.ui.exchange import Place
from meshtui.ui.reader import Reader
from meshtui.ui.rights_reader import Question, Rights, RightsReader, lines, places
from meshtui.ui.roles import Role, Rule, Where
from meshtui.ui.spans import join
from tests.cluster.cluster import Cluster
from tests.cluster.cluster import Rule as Granted
from tests.ui import situations
from tests.ui.looking import looking
from tests.ui.still import StillSession, until
from tests.ui.test_changes_on_both import over
from tests.ui.test_hostile import POISON, clean

SHOP = situations.shop()
EVERYWHERE: Mapping[Where, tuple[str | None, ...]] = dict.fromkeys(Where, (None,))


def told(*rules: Rule, where: tuple[str | None, ...], **refused: str) -> list[str]:
    """The lines about some rules, where all is allowed but verbs that are refused in the namespaces named."""
    asked = Rights({Role("x", "xs", lambda _: rules): rules}, dict.fromkeys(Where, where))
    answers = {
        each: Right(str(each.namespace) not in refused.get(each.verb, "").split())
        for each in asked.questions()
    }
    text = join(lines(Place(), Server(), replace(asked, answers=answers)))
    return [line for line in text.splitlines() if line[:1] in ("✓", "✗", "?")]


def test_what_is_allowed_alike_stands_together_and_what_is_not_has_its_namespace() -> None:
    rule = Rule(POD, ("get", "list", "watch"), "Workloads")
    assert told(rule, where=("shop", "payments")) == [
        "✓ allowed      get, list, watch pods in shop, payments  Workloads"
    ]
    assert told(rule, where=("shop", "payments"), watch="payments") == [
        "✓ allowed      get, list, watch pods in shop  Workloads",
        "✓ allowed      get, list pods in payments  Workloads",
        "✗ not allowed  watch pods in payments  Workloads",
    ]
    assert told(rule, where=(None, "istio-system"), list="None") == [
        "✓ allowed      get, watch pods in all namespaces  Workloads",
        "✓ allowed      get, list, watch pods in istio-system  Workloads",
        "✗ not allowed  list pods in all namespaces  Workloads",
    ]


def test_what_is_in_no_namespace_is_asked_about_once_and_each_name_by_itself() -> None:
    rule = Rule(NAMESPACE, ("list",), "Namespaces")
    assert told(rule, where=("shop", "payments")) == ["✓ allowed      list namespaces  Namespaces"]
    asked = Rights({}, EVERYWHERE).about(Rule(CONFIGMAP, ("get",), "", names=("a", "b")))
    assert [each.name for each in asked] == ["a", "b"]


def test_evidence_is_asked_about_where_istiod_and_ztunnels_run_too() -> None:
    assert places(("shop",), SHOP) == {
        Where.LOOKED_AT: ("shop",),
        Where.PROXIES: ("shop", "istio-system"),
        Where.CONTROL_PLANE: ("istio-system",),
    }
    assert places((), None) == EVERYWHERE, "where they run is not known"


def text_of(screen: RightsReader) -> str:
    """What a reader shows that is on no screen."""
    return join(lines(Place("kind-shop"), Server(), screen.rights))


class Silent(StillSession):
    """Answers about config maps, which are asked about first, and nothing else."""

    async def may(
        self,
        verb: str,
        kind: Kind,
        namespace: str | None = None,
        subresource: str = "",
        *,
        name: str = "",
    ) -> Right:
        if kind != CONFIGMAP:
            await asyncio.Event().wait()
        return Right(True)


async def test_what_is_not_answered_in_time_is_unknown_and_what_was_stays() -> None:
    screen = RightsReader(Place("kind-shop"), SHOP)
    assert "get, list, watch configmaps  Cluster" in text_of(screen)
    assert "allowed" not in text_of(screen), "nobody has said that yet"
    await rights_feeding.feed(Silent(SHOP), screen, patience=0.3)
    text = " ".join(text_of(screen).split())
    assert "✓ allowed get, list, watch configmaps " in text
    assert (
        "? unknown patch namespaces enrollment, and which waypoint is bound no answer within"
        in text
    )
    assert "✗" not in text
    assert "meshtui rbac" not in text, "nothing is known to be missing"


async def test_without_a_connection_nothing_is_known() -> None:
    screen = RightsReader(Place("kind-shop"), None)
    await rights_feeding.feed(None, screen)
    text = text_of(screen)
    assert "user        not known" in text
    assert text.count("there is no connection to ask") == text.count("? unknown")


async def test_once_it_is_left_nothing_more_is_asked() -> None:
    async with looking(SHOP, "workloads") as at:
        at.app._reading.session = Silent(SHOP)
        await at.type(":can\r")
        await at.until(lambda: "✓ allowed" in at.read)
        feeding = [each for each in at.app.workers if each.group == "rights to read"]
        assert [each.is_running for each in feeding] == [True]
        await at.press("q")
        await at.until(lambda: not feeding[0].is_running)


async def test_who_one_is_is_seen_once_it_is_known() -> None:
    nobody = replace(SHOP, server=replace(SHOP.server, user=""))
    jane = replace(SHOP, server=replace(SHOP.server, user="sre", impersonating="jane"))
    async with looking(nobody, "workloads") as at:
        await at.type(":can\r")
        assert "user        not known" in at.read
        await at.show(jane)
        assert "user        sre\nacting as   jane\n" in at.read


async def test_a_search_finds_what_came_after_it_was_typed() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.type(":can\r")
        screen = at.app.screen
        assert isinstance(screen, RightsReader)
        await at.type("/not allowed\r")
        assert "nowhere" in at.screen
        refused: dict[Question, Right] = dict.fromkeys(screen.rights.questions(), Right(False))
        screen.answer(replace(screen.rights, answers=refused))
        await at.press("n")
        assert "1 of " in at.screen.splitlines()[0]


async def test_hostile_words_of_the_server_steer_nothing() -> None:
    server = replace(SHOP.server, user=POISON, impersonating=POISON)
    async with looking(replace(SHOP, server=server), "workloads", context="c" + POISON) as at:
        at.session.rights = {POD: Right(False, POISON, POISON), NAMESPACE: Right(None, POISON)}
        at.main.choose_namespaces((POISON,))
        await at.type(":can\r")
        await at.until(lambda: "✗ not allowed" in at.read)
        clean(at)
        for line in at.read.splitlines():
            assert line.isprintable() or "\N{REPLACEMENT CHARACTER}" in line
        assert at.read.count("☠") > 5


async def test_who_may_little_sees_what_and_what_to_ask_for(cluster: Cluster) -> None:
    granted = [
        Granted("get list watch", "namespaces"),
        Granted("get list", "pods", namespace=cluster.namespace),
        Granted("get", "pods/log", namespace=cluster.namespace),
    ]
    async with over(cluster, await cluster.kubeconfig_of("jane", *granted)) as at:
        await at.pilot.press(*":can", "enter")

        def answered() -> bool:
            screen = at.app.screen
            return isinstance(screen, Reader) and "answered yet" not in join(screen.initial())

        await until(at.pilot, answered, seconds=30)
        assert isinstance(at.app.screen, RightsReader)
        text = " ".join(join(at.app.screen.lines.shown).split())
    here = cluster.namespace
    assert f"user jane.{here} namespaces {here} " in text
    for words in (
        "✓ allowed get, list, watch namespaces ",
        f"✓ allowed get, list pods in {here} ",
        f"✗ not allowed watch pods in {here} ",
        f"✓ allowed get pods/log in {here} ",
        f"✗ not allowed get, create pods/portforward in {here} ",
        "✗ not allowed patch namespaces enrollment",
        "`meshtui rbac read` prints the ClusterRole",
        "`meshtui rbac operate` prints the ClusterRole",
    ):
        assert words in text
    assert "unknown" not in text
