"""Any kind the cluster serves: opened by every name kubectl has for it, shown as the server prints it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from textual.pilot import Pilot

from meshtui.app import MeshApp
from meshtui.clusters import clusters
from meshtui.files import Files
from meshtui.mesh import events
from meshtui.mesh.kinds import CONFIGMAP, DAEMONSET, EVENT, POD, SECRET, Kind
from meshtui.mesh.served import Served
from meshtui.mesh.snapshot import (
    Answer,
    Heading,
    Phase,
    Printed,
    Problem,
    Ref,
    Scope,
    Snapshot,
    Source,
    Trouble,
)
from meshtui.settings import Settings
from meshtui.sim import process
from meshtui.ui.commands import Command, find
from meshtui.ui.panes.served import ServedPane
from meshtui.ui.reader import Describe, Yaml
from meshtui.ui.unbound import COMMANDS
from tests.ui import situations
from tests.ui.looking import Looking, drawn, looking
from tests.ui.still import until
from tests.ui.test_hostile import POISON, clean, steers

SHOP = situations.shop()
ALL = ("get", "list", "watch", "patch")
ISTIO_GATEWAY = Kind("networking.istio.io", "gateways", "Gateway")
CLASS = Kind("storage.k8s.io", "storageclasses", "StorageClass", namespaced=False)
ROUTER = Kind("example.test", "routers", "Router")
OTHER_ROUTER = Kind("other.test", "routers", "Router")
REVIEW = Kind("authentication.k8s.io", "tokenreviews", "TokenReview", namespaced=False)
SERVED = (
    Served(CONFIGMAP, ("v1",), "configmap", ("cm",), (), ALL),
    Served(EVENT, ("v1",), "event", ("ev",), (), ALL),
    Served(SECRET, ("v1",), "secret", (), (), ALL),
    Served(POD, ("v1",), "pod", ("po",), ("all",), ALL),
    Served(CLASS, ("v1",), "storageclass", ("sc",), (), ALL),
    Served(ISTIO_GATEWAY, ("v1", "v1beta1"), "gateway", ("gw",), ("istio-io",), ALL),
    Served(ROUTER, ("v1",), "router", ("rtr",), (), ("get", "list")),
    Served(OTHER_ROUTER, ("v1",), "router", (), (), ALL),
    Served(REVIEW, ("v1",), "tokenreview", (), (), ("create",)),
)
HEADINGS = (
    Heading("Name", "string"),
    Heading("Data", "integer"),
    Heading("Age", "string"),
    Heading("Note", "string", priority=1),
)


def printed_row(name: str, namespace: str, *cells: Any, **more: Any) -> dict[str, Any]:
    created = (SHOP.now - timedelta(days=3)).isoformat()
    metadata = {"name": name, "uid": f"uid-{namespace}-{name}", "creationTimestamp": created}
    if namespace:
        metadata["namespace"] = namespace
    return {"metadata": {**metadata, **more}, "cells": [name, *cells]}


def printed(
    kind: Kind,
    rows: Sequence[Mapping[str, Any]] = (),
    source: Source | None = None,
    headings: Sequence[Heading] = HEADINGS,
) -> dict[Kind, Printed]:
    found = source or Source(Phase.LIVE, len(rows), SHOP.now)
    by_key = {f"{row['metadata']['uid']}": row for row in rows}
    return {kind: Printed(tuple(headings), by_key, {Scope(kind): found})}


ONE = printed_row("one", "shop", 1, "5s", "deep", labels={"app": "web"})
TWO = printed_row("two", "plain", 22, "5s", "blue")


def serving(*tables: Mapping[Kind, Printed]) -> Snapshot:
    """The recorded mesh in a cluster that serves these kinds, with tables of some."""
    server = replace(SHOP.server, served={each.kind: each for each in SERVED})
    merged = {kind: each for table in tables for kind, each in table.items()}
    return replace(SHOP, server=server, tables=merged)


CONFIGMAPS = serving(printed(CONFIGMAP, [ONE, TWO]))


def told(at: Looking) -> list[str]:
    return [each.text for each in at.app._told]


def kind_of(at: Looking) -> str:
    assert isinstance(at.pane, ServedPane)
    return str(at.pane.kind)


NAMES = {
    "cm": "configmaps",
    "configmaps": "configmaps",
    "ConfigMap": "configmaps",
    "v1/configmaps": "configmaps",
    "ev": "events",
    "sc": "storageclasses.storage.k8s.io",
    "gateways.networking.istio.io": "gateways.networking.istio.io",
    "gw.networking.istio.io": "gateways.networking.istio.io",
    "gateway.v1.networking.istio.io": "gateways.networking.istio.io",
    "networking.istio.io/v1/gateways": "gateways.networking.istio.io",
    "routers": "routers.example.test",
    "router.other.test": "routers.other.test",
    "v1/pods": "pods",
}


async def test_a_kind_opens_by_every_name_that_kubectl_has_for_it() -> None:
    async with looking(serving()) as at:
        for typed, kind in NAMES.items():
            await at.type(f":{typed}\r")
            assert kind_of(at) == kind
            await at.press("escape")
            assert at.pane.NAME == "cluster"


async def test_our_own_panes_keep_their_names() -> None:
    async with looking(serving()) as at:
        for typed, pane in {"po": "workloads", "pods": "workloads", "gw": "gateways"}.items():
            await at.type(f":{typed}\r")
            assert pane == at.pane.NAME


async def test_of_two_kinds_with_one_name_the_servers_first_is_taken_and_the_other_said() -> None:
    async with looking(serving()) as at:
        await at.type(":routers\r")
        words = "This is routers.example.test. Of the same name: :routers.other.test."
        assert told(at) == [words]
        await at.type(":cm\r")
        assert told(at) == [words]


OPENS_NOTHING = {
    "nope": "There is no command :nope. The cluster serves no kind of that name.",
    "tokenreview": "TokenReview cannot be listed: there is nothing to show.",
    "istio-io": ":istio-io is a category, of :gateways.networking.istio.io.",
    "configmaps.apps": "There is no command :configmaps.apps. The cluster serves no kind",
}


async def test_a_name_that_opens_nothing_is_one_clear_line() -> None:
    async with looking(serving()) as at:
        for typed, words in OPENS_NOTHING.items():
            await at.type(f":{typed}\r")
            assert at.pane.NAME == "cluster"
            assert told(at)[-1].startswith(words)
            assert "\n" not in told(at)[-1]
        assert len(told(at)) == len(OPENS_NOTHING)


async def test_a_command_of_k9s_says_what_is_here_instead_and_completes_to_no_other() -> None:
    async with looking(serving()) as at:
        for name, words in COMMANDS.items():
            await at.type(f":{name}\r")
            assert told(at)[-1] == words


async def test_where_discovery_was_not_read_nothing_is_denied() -> None:
    async with looking(SHOP) as at:
        await at.type(":cm\r")
        (said,) = told(at)
        assert "Which kinds the cluster serves is not known." in said


async def test_completion_offers_kinds_after_our_own_panes() -> None:
    async with looking(serving()) as at:
        await at.type(":")
        offered = [option.id for option in at.main.prompt.choices.options]
        assert offered[0] == "cluster"
        await at.type("config")
        assert "ConfigMap, v1 (cm)" in at.screen
        await at.press("enter")
        assert kind_of(at) == "configmaps"
        await at.type(":s")
        offered = [option.id or "" for option in at.main.prompt.choices.options]
        assert offered.index("services") < offered.index("secrets")
        await at.press("escape")
        await at.type(":cm sh")
        assert at.main.prompt.choices.get_option_at_index(0).id == "configmaps shop"


async def test_the_help_names_three_of_them_and_not_all() -> None:
    async with looking(serving()) as at:
        await at.press("?")
        assert ":cm :crd :vs.networking.istio.io" in at.read
        assert ":storageclasses" not in at.read


async def test_rows_are_what_the_server_prints_with_ages_reckoned() -> None:
    async with looking(CONFIGMAPS) as at:
        await at.type(":cm\r")
        assert at.rows == [
            ("·", "plain", "two", "22", "3d", "blue"),
            ("·", "shop", "one", "1", "3d", "deep"),
        ]
        assert "NAMESPACE" in at.screen
        assert "DATA" in at.screen
        assert "ConfigMap" in at.screen
        assert "● live" in at.screen
        await at.until(lambda: at.session.tables != ())
        assert at.session.tables == (Scope(CONFIGMAP),)
        await at.press("tab")
        await at.until(lambda: at.session.tables == ())


async def test_columns_that_the_server_counts_as_wide_are_there_where_there_is_room() -> None:
    async with looking(CONFIGMAPS, size=(160, 40)) as at:
        await at.type(":cm\r")
        assert "NOTE" in at.screen
        assert "note       blue" in at.detail
    async with looking(CONFIGMAPS, size=(50, 24)) as at:
        await at.type(":cm\r")
        assert "NOTE" not in at.screen
        assert "DATA" in at.screen


async def test_a_kind_of_the_cluster_has_no_namespaces() -> None:
    table = printed(CLASS, [printed_row("fast", "", 1, "5s", "")])
    async with looking(serving(table), settings=Settings(namespaces=("shop",))) as at:
        await at.type(":sc\r")
        assert at.rows == [("·", "fast", "1", "3d", "")]
        assert "NAMESPACE" not in at.screen


async def test_chosen_namespaces_narrow_what_is_asked_for_and_shown() -> None:
    async with looking(CONFIGMAPS) as at:
        await at.type(":cm shop,edge\r")
        assert [row[2] for row in at.rows] == ["one"]
        await at.until(lambda: at.session.tables != ())
        assert set(at.session.tables) == {Scope(CONFIGMAP, "shop"), Scope(CONFIGMAP, "edge")}


async def test_the_cursor_stays_on_its_object_while_rows_come_and_go() -> None:
    async with looking(CONFIGMAPS) as at:
        await at.type(":cm\r")
        await at.press("j")
        assert at.under_cursor[1:3] == ("shop", "one")
        changed = printed_row("one", "shop", 5, "5s", "deep")
        first = printed_row("first", "batch", 0, "5s", "")
        await at.show(serving(printed(CONFIGMAP, [first, TWO, changed])))
        assert at.under_cursor == ("·", "shop", "one", "5", "3d", "deep")
        await at.show(serving(printed(CONFIGMAP, [first, TWO])))
        assert at.under_cursor[1:3] == ("plain", "two")


async def test_another_kind_begins_at_its_first_row_and_the_way_back_at_the_old_one() -> None:
    both = serving(
        printed(CONFIGMAP, [ONE, TWO]),
        printed(
            SECRET,
            [printed_row("a", "shop", "Opaque"), printed_row("b", "shop", "Opaque")],
            headings=(Heading("Name"), Heading("Type")),
        ),
    )
    async with looking(both) as at:
        await at.type(":cm\r")
        await at.press("j")
        await at.type(":secret\r")
        assert at.under_cursor == ("·", "shop", "a", "Opaque")
        await at.press("escape")
        assert kind_of(at) == "configmaps"
        assert at.rows.index(at.under_cursor) == 1


async def test_the_filter_reads_the_servers_cells() -> None:
    async with looking(CONFIGMAPS) as at:
        await at.type(":cm\r")
        await at.type("/blue\r")
        assert [row[2] for row in at.rows] == ["two"]
        assert "1 of 2" in at.screen


async def test_a_column_that_the_kind_does_not_have_is_said_where_its_text_matches_nothing() -> (
    None
):
    async with looking(CONFIGMAPS) as at:
        await at.type(":cm\r")
        await at.type("/colour:blue\r")
        assert at.rows == []
        assert "It was looked for as a text: no column colour" in at.screen
        await at.press("escape")
        await at.type("/nothing\r")
        assert at.rows == []
        assert "as a text" not in at.screen


async def test_describe_shows_what_it_holds_conditions_metadata_and_events_of_the_object() -> None:
    ref = Ref(CONFIGMAP, "shop", "one")
    async with looking(CONFIGMAPS) as at:
        await at.type(":cm\r")
        await at.press("j", "d")
        assert isinstance(at.app.screen, Describe)
        assert "being read" in at.read
        scope = events.scope(ref, "uid-shop-one")
        await at.until(lambda: ref in at.wanted[2])
        assert scope in at.wanted[0]
        assert at.session.tables == (Scope(CONFIGMAP),)
        whole = {
            "metadata": {"name": "one", "namespace": "shop", "annotations": {"who": "me"}},
            "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "Because"}]},
            "data": {"why": "The label names nothing.\nIt is mistyped.\n"},
        }
        said = {
            "metadata": {"name": "one.1", "namespace": "shop", "uid": "e"},
            "involvedObject": {"uid": "uid-shop-one"},
            "reason": "Rotated",
            "message": "the key was turned",
        }
        await at.show(
            replace(
                CONFIGMAPS,
                gets={ref: Answer(whole, SHOP.now)},
                objects={**SHOP.objects, EVENT: {"shop/one.1": said}},
                sources={**SHOP.sources, scope: Source(Phase.LIVE)},
            )
        )
        await at.until(lambda: "who=me" in at.read)
        held = [line.strip() for line in at.read.splitlines()]
        why = held.index("why")
        assert held[why : why + 3] == ["why", "The label names nothing.", "It is mistyped."]
        assert "Ready=False" in at.read
        assert "Because" in at.read
        assert "Rotated" in at.read
        assert "the key was turned" in at.read
        assert "app=web" in at.read
        problem = Problem(Trouble.FORBIDDEN, "jane cannot get configmaps")
        await at.show(replace(CONFIGMAPS, gets={ref: Answer(problem=problem)}))
        await at.until(lambda: "jane cannot get configmaps" in at.read)


async def test_enter_describes_y_shows_yaml_c_copies_and_l_is_of_pods_alone() -> None:
    async with looking(CONFIGMAPS) as at:
        await at.type(":cm\r")
        await at.press("enter")
        assert isinstance(at.app.screen, Describe)
        await at.press("escape", "y")
        assert isinstance(at.app.screen, Yaml)
        await at.until(lambda: at.session.asked == [Ref(CONFIGMAP, "plain", "two")])
        await at.press("escape", "c")
        assert at.app.clipboard == "plain/two"
        assert "l logs" not in at.screen
        for key in "lp":
            at.app._told.clear()
            await at.press(key)
            assert told(at) == ["There is no log behind this row."]
        await at.type(":v1/pods\r")
        assert "l logs" in at.screen


async def test_j_goes_to_the_owner_of_a_row_and_without_one_to_its_namespace() -> None:
    """By group and kind: two kinds are called Router."""
    owner = {"apiVersion": "other.test/v1", "kind": "Router", "name": "two", "uid": "uid-shop-two"}
    made = printed_row("made", "shop", 1, "5s", "", ownerReferences=[owner])
    routers = [printed_row(name, "shop", 1, "5s", "") for name in ("one", "two")]
    tables = printed(CONFIGMAP, [made, TWO]), printed(OTHER_ROUTER, routers)
    async with looking(serving(*tables)) as at:
        await at.type(":cm\r")
        await at.press("j", "J")
        assert kind_of(at) == "routers.other.test"
        assert at.under_cursor[1:3] == ("shop", "two")
        await at.press("escape", "k", "J")
        assert at.pane.NAME == "namespaces"
        assert at.under_cursor[1] == "plain"


async def test_j_goes_from_a_ztunnel_to_its_daemonset() -> None:
    served = Served(DAEMONSET, ("v1",), "daemonset", ("ds",), (), ALL)
    known = replace(SHOP, server=replace(SHOP.server, served={DAEMONSET: served}))
    async with looking(known, "ztunnels") as at:
        await at.press("J")
        assert kind_of(at) == "daemonsets.apps"


async def test_a_kind_that_the_server_lets_nobody_patch_is_not_edited() -> None:
    async with looking(serving(printed(ROUTER, [ONE]))) as at:
        await at.type(":rtr\r")
        await at.press("e")
        assert told(at)[-1] == "Router: the server lets nobody change one."


FORBIDDEN = Problem(Trouble.FORBIDDEN, "jane cannot list configmaps", situations.RBAC)


WITHOUT_ROWS: Sequence[tuple[Source, Sequence[str]]] = (
    (Source(Phase.LOADING, 0), ["Loading configmaps", "◌ loading configmaps"]),
    (Source(Phase.FORBIDDEN, problem=FORBIDDEN), ["jane cannot list", "meshtui rbac"]),
    (Source(Phase.LIVE), ["There is no ConfigMap.", "● live"]),
    (
        Source(Phase.ABSENT, problem=Problem(Trouble.ABSENT, "gone")),
        ["ConfigMap (configmaps) is not installed in this cluster."],
    ),
)


async def test_why_there_are_no_rows_is_said_as_other_panes_say_it() -> None:
    async with looking(serving()) as at:
        await at.type(":cm\r")
        for source, words in WITHOUT_ROWS:
            await at.show(serving(printed(CONFIGMAP, [], source)))
            assert [each for each in words if each not in at.screen] == []


async def test_before_anything_came_it_is_loading() -> None:
    async with looking(serving()) as at:
        await at.type(":cm\r")
        assert "◌ Loading configmaps: 0 so far." in at.screen


async def test_rows_of_a_cut_watch_look_old() -> None:
    since = SHOP.now - timedelta(minutes=2)
    source = Source(Phase.STALE, 2, since, Problem(Trouble.TIMEOUT, "no answer within 10 s"))
    async with looking(serving(printed(CONFIGMAP, [ONE, TWO], source))) as at:
        await at.type(":cm\r")
        assert len(at.rows) == 2
        assert "configmaps stale since" in at.screen
        assert at.pane.table.has_class("-stale")
        assert "no answer within 10 s" in at.screen
        await at.show(CONFIGMAPS)
        assert not at.pane.table.has_class("-stale")


async def test_events_that_warn_are_marked_and_the_newest_stand_first() -> None:
    headings = (Heading("Type"), Heading("Message"), Heading("Name", priority=1))
    old = printed_row("old", "shop")
    new = printed_row("new", "shop", creationTimestamp=SHOP.now.isoformat())
    old["cells"], new["cells"] = ["Warning", "back-off", "old"], ["Normal", "pulled", "new"]
    async with looking(serving(printed(EVENT, [old, new], headings=headings))) as at:
        await at.type(":events\r")
        assert at.rows == [
            ("·", "shop", "Normal", "pulled", "new"),
            ("!", "shop", "Warning", "back-off", "old"),
        ]


async def test_the_tab_is_there_while_it_has_a_kind_and_tab_goes_round() -> None:
    async with looking(CONFIGMAPS, size=(180, 30)) as at:
        assert "ConfigMap" not in at.screen
        await at.press("shift+tab")
        assert at.pane.NAME == "findings"
        await at.type(":cm\r")
        await at.press("tab")
        assert at.pane.NAME == "cluster"
        assert "ConfigMap" in at.screen
        await at.press("shift+tab")
        assert kind_of(at) == "configmaps"
        await at.press("escape")
        assert at.pane.NAME == "cluster", "no way leads back: to the first pane"


async def test_what_strangers_put_into_cells_columns_and_kinds_steers_nothing() -> None:
    headings = (Heading("Name"), Heading(f"Da{POISON}ta"), Heading("Deep", priority=1))
    deep: list[Any] = []
    for _ in range(50):
        deep = [deep]
    rows: list[dict[str, Any]] = [
        printed_row(f"one{POISON}", "shop", f"x{POISON}", deep, labels={POISON: POISON}),
        printed_row("two", "shop", None, True, {"a": POISON}, "one cell more", 5),
        printed_row("three", "shop"),
        {"metadata": {"uid": "four", "name": None, "labels": 5}, "cells": None},
        {"metadata": {"uid": "five", "name": "five", "namespace": "shop"}, "cells": "abc"},
        printed_row("six", "shop", "x" * 100_000),
    ]
    evil = Kind("evil.test", f"evils{POISON}", f"Evil{POISON}")
    at_first = serving(printed(CONFIGMAP, rows, headings=headings))
    poisoned = Served(evil, ("v1",), "evil", (POISON,), (), ALL)
    served = {**at_first.server.served, evil: poisoned}
    snapshot = replace(
        at_first,
        server=replace(at_first.server, served=served),
        tables={**at_first.tables, **printed(evil, rows, headings=headings)},
    )
    async with looking(snapshot) as at:
        for command in (":cm\r", ":evil\r"):
            await at.type(command[:-1])
            clean(at)
            await at.press("enter")
            assert len(at.rows) == 6
            for row in at.pane.table.rows:
                at.pane.table.select(row.key)
                await at.press("d")
                clean(at)
                assert steers(at.read.replace("\n", "")) == ""
                await at.press("escape")


# On the built-in cluster, as it is


async def shown(pilot: Pilot[int], app: MeshApp, *words: str) -> None:
    """Waits until all of these words are on the screen."""

    def there() -> bool:
        screen = drawn(app)
        return all(each in screen for each in words)

    await until(pilot, there, seconds=60)


def commands_of(app: MeshApp) -> list[Command]:
    return app._main.commands


async def test_on_a_cluster_tables_come_and_change(tmp_path: Path) -> None:
    with process.running("shop") as kubeconfig:
        settings = Settings(kubeconfig=(kubeconfig,))
        app = MeshApp(settings, clusters(settings), files=Files(tmp_path / "audit.jsonl"))
        async with app.run_test(size=(140, 40)) as pilot:
            await until(pilot, lambda: find(commands_of(app), "cm") is not None, seconds=60)
            await pilot.press(*":cm", "enter")
            await shown(pilot, app, "DATA", "istio-ca-root-cert", "● live")
            await pilot.press(*":deploy", "enter")
            await shown(pilot, app, "UP-TO-DATE", "storefront")
            await pilot.press(*":crd", "enter")
            await shown(pilot, app, "CREATED AT", "virtualservices.networking.istio.io")
            await pilot.press(*":virtualservices", "enter")
            await shown(pilot, app, "GATEWAYS", "HOSTS", "classic")
            await pilot.press("y")
            await shown(pilot, app, "kind: VirtualService")
            await pilot.press("escape", *":vs", "enter")
            await shown(pilot, app, "BACKENDS")
            await pilot.press(*":events", "enter")
            await shown(pilot, app, "LAST SEEN", "REASON")


async def test_what_stands_behind_a_kind_is_read_as_behind_a_pane() -> None:
    async with looking(CONFIGMAPS) as at:
        await at.type(":cm plain,shop /blue\r")
        assert [row[2] for row in at.rows] == ["two"]
        assert at.main.place.namespaces == ("plain", "shop")
        await at.type(":cm all app=web\r")
        assert [row[2] for row in at.rows] == ["one"]
        await at.type(":cm =\r")
        assert "is not understood" in told(at)[-1]
        await at.press("[")
        assert [row[2] for row in at.rows] == ["two"]


async def test_a_column_of_the_server_can_be_filtered_by_also_before_it_is_known() -> None:
    async with looking(serving()) as at:
        await at.type(":cm /data:^22\r")
        assert at.rows == []
        await at.show(CONFIGMAPS)
        assert [row[2] for row in at.rows] == ["two"]
        await at.type(":secrets\r")
        await at.press("escape")
        assert kind_of(at) == "configmaps"
        assert [row[2] for row in at.rows] == ["two"]
