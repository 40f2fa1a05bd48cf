"""The way one went: views back and forth, and the namespaces behind the digits."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from meshtui.app import MeshApp
from meshtui.files import Files
from meshtui.mesh.kinds import NAMESPACE
from meshtui.mesh.snapshot import Phase, Scope, Source
from meshtui.settings import Settings
from meshtui.ui.exchange import Jump
from meshtui.ui.trail import Trail, View
from tests.ui import situations
from tests.ui.looking import Looking, looking
from tests.ui.still import StillSession, app_of

SHOP = situations.shop()


def told(at: Looking) -> str:
    said = at.app._told
    return said[-1].text if said else ""


async def test_brackets_walk_along_the_views_with_cursor_filter_and_namespaces() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.type("/store\r")
        await at.press("j")
        first = at.main.here
        assert first.jump.key
        await at.type(":svc payments\r")
        await at.press("j", "j")
        second = at.main.here
        await at.press("tab")
        third = at.main.here
        await at.press("[")
        assert at.main.here == second
        await at.press("[")
        assert at.main.here == first
        assert len(at.rows) == 3
        await at.press("[")
        assert told(at) == "This is the first view."
        assert at.main.here == first
        await at.press("]", "]")
        assert at.main.here == third
        await at.press("]")
        assert told(at) == "There is no later view."


async def test_what_was_moved_to_meanwhile_is_what_one_comes_back_to() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.type(":svc\r")
        await at.press("[")
        await at.type("/ledger\r")
        await at.press("]", "[")
        assert at.pane.filter_text == "ledger"
        assert len(at.rows) == 2


async def test_what_leads_to_where_one_is_already_is_no_step_on_the_way() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.press("z")
        assert at.pane.NAME == "ztunnels"
        await at.press("o", "escape")  # `o`: the ztunnel of its node, which it is itself
        assert at.pane.NAME == "workloads"
        await at.press("-")
        assert at.pane.NAME == "ztunnels"


async def test_minus_goes_to_the_last_view_and_back_whichever_way_one_came() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.press("-")
        assert told(at) == "There was no other view yet."
        await at.type(":svc\r")
        await at.type(":cert\r")
        seen = []
        for _ in range(3):
            await at.press("-")
            seen.append(at.pane.NAME)
        assert seen == ["services", "certificates", "services"]
        await at.press("[", "-")
        assert at.pane.NAME == "services"


async def test_where_one_goes_from_a_view_before_replaces_what_came_after() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.type(":svc\r")
        await at.press("[")
        await at.type(":cert\r")
        await at.press("]")
        assert told(at) == "There is no later view."
        await at.press("[")
        assert at.pane.NAME == "workloads"


async def test_a_choice_of_namespaces_is_a_step_that_can_be_taken_back() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.type(":ns payments\r")
        assert len(at.rows) == 4
        await at.press("[")
        assert len(at.rows) == 26
        await at.press("]")
        assert len(at.rows) == 4
        await at.press("escape")
        assert len(at.rows) == 4, "escape leads out of rows, not out of namespaces"


def test_a_long_way_is_remembered_and_a_very_long_one_loses_its_beginning() -> None:
    def view(number: int) -> View:
        return View(Jump(str(number)))

    trail = Trail()
    for number in range(1500):
        trail.go(view(number), view(number + 1))
    number, steps = 1500, 0
    while (before := trail.back(view(number))) is not None:
        number, steps = int(before.jump.pane), steps + 1
        assert number == 1500 - steps
    assert steps > 500


# Favourites


async def test_digits_choose_the_namespaces_that_were_used_and_0_all() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.type(":ns payments,batch\r")
        await at.type(":wl shop\r")
        assert "ns: shop  0 all  2 payments,batch " in at.screen.splitlines()[0]
        await at.press("2")
        assert {row[1] for row in at.rows} == {"payments", "batch"}
        assert "ns: payments,batch  0 all  1 shop " in at.screen.splitlines()[0]
        await at.press("0")
        assert "ns: all  1 shop  2 payments,batch " in at.screen.splitlines()[0]
        assert len(at.rows) == 26
        await at.press("1")
        assert {row[1] for row in at.rows} == {"shop"}
        await at.press("3")
        assert told(at).startswith("3 has no namespaces yet")
        assert at.pane.NAME == "workloads"


async def test_a_choice_keeps_the_filter_and_the_row() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.type(":ns payments\r")
        await at.press("0")
        await at.type("/ledger\r")
        await at.press("j")
        row = at.pane.cursor
        await at.press("1")
        assert at.pane.filter_text == "ledger"
        assert at.pane.cursor == row


async def test_the_header_shows_as_many_as_fit() -> None:
    async with looking(SHOP, "workloads", (80, 24)) as at:
        for names in ("kube-node-lease", "kube-public,kube-system", "istio-system", "shop"):
            await at.type(f":ns {names}\r")
        header = at.screen.splitlines()[0]
        assert "ns: shop  0 all  2 istio-system" in header
        assert "kube-node" not in header
        assert header.endswith("● live")


def started(path: Path, context: str, settings: Settings | None = None) -> MeshApp:
    sessions = {context: StillSession(SHOP)}
    return app_of(sessions, settings=settings, now=SHOP.now, files=Files(favourites=path))


async def test_a_namespace_that_is_not_there_becomes_no_favourite() -> None:
    async with looking(SHOP, "workloads") as at:
        await at.type(":ns shpo\r")
        assert "There is no namespace shpo in this cluster." in at.screen
        assert not at.main.place.favourites
        await at.type(":ns shop\r")
        assert at.main.place.favourites == (("shop",),)


async def test_nor_does_one_before_it_is_known_which_there_are() -> None:
    unread = {**SHOP.sources, Scope(NAMESPACE): Source(Phase.LOADING)}
    loading = replace(SHOP, sources=unread, objects={**SHOP.objects, NAMESPACE: {}})
    async with looking(loading, "workloads") as at:
        for name in ("shpo", "shop"):
            await at.type(f":ns {name}\r")
            assert not at.main.place.favourites
        await at.show(SHOP)
        assert at.main.place.favourites == (("shop",),)


async def test_favourites_are_those_of_the_context_and_outlive_the_program(tmp_path: Path) -> None:
    path = tmp_path / "favourites.json"
    app = started(path, "a", Settings(namespaces=("batch",)))
    async with app.run_test(size=(120, 36)) as pilot:
        at = Looking(app, pilot, StillSession(SHOP))
        await at.until(lambda: app.snapshot is SHOP)
        await at.type(":ns shop\r")
        await at.until(lambda: path.exists() and "shop" in path.read_text())
    app = started(path, "a")
    async with app.run_test(size=(120, 36)) as pilot:
        at = Looking(app, pilot, StillSession(SHOP))
        await at.until(lambda: at.main.place.favourites == (("shop",), ("batch",)))
        await at.press("2")
        assert at.main.place.namespaces == ("batch",)
    app = started(path, "b")
    async with app.run_test(size=(120, 36)) as pilot:
        at = Looking(app, pilot, StillSession(SHOP))
        await at.until(lambda: app.snapshot is SHOP)
        assert at.main.place.favourites == ()


async def test_a_place_that_cannot_be_written_is_said_and_the_keys_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    app = started(tmp_path / "file" / "favourites.json", "a")
    async with app.run_test(size=(120, 36)) as pilot:
        at = Looking(app, pilot, StillSession(SHOP))
        await at.until(lambda: app.snapshot is SHOP)
        await at.type(":ns shop\r")
        await at.until(lambda: "cannot be kept" in told(at))
        await at.press("0", "1")
        assert at.main.place.namespaces == ("shop",)
