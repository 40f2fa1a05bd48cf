"""How every pane looks in every situation, at two sizes, against looks that were looked at (tests/ui/looks).

`pytest tests/ui --snapshot-update` records them anew; review each one that changed.
"""

from __future__ import annotations

import difflib
import platform
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from meshtui.mesh.kinds import GATEWAY, NAMESPACE, POD, SERVICE
from meshtui.mesh.logs import LogLine
from meshtui.mesh.snapshot import Right
from meshtui.settings import Settings
from meshtui.ui.panes import PANES
from meshtui.ui.pick import Pick
from tests import recordings
from tests.ui.look import look, strips_of
from tests.ui.looking import Looking, looking
from tests.ui.situations import SCENES, SITUATIONS

LOOKS = Path(__file__).parent / "looks"
LOOKED_AT = {**SITUATIONS, **SCENES}
SIZES = ((80, 24), (160, 48))
RECORDED_WITH = ("3.11", "8.2.8")
"""Python and Textual: looks that others record would differ for no reason of ours."""

GHOST = "checkout-5f686c4cb7-fz2sg"


@pytest.fixture
def recording(request: pytest.FixtureRequest) -> bool:
    """Whether looks are recorded rather than compared."""
    asked = bool(request.config.getoption("--snapshot-update"))
    running = (platform.python_version().rpartition(".")[0], version("textual"))
    if asked and running != RECORDED_WITH:
        pytest.fail("looks are recorded with Python {} and Textual {} only".format(*RECORDED_WITH))
    return asked


def compare(name: str, at: Looking, recording: bool) -> str:
    """Holds the screen against the look of that name; what differs, "" where nothing does."""
    file, found = LOOKS / f"{name}.txt", look(at.app)
    if recording:
        file.parent.mkdir(exist_ok=True)
        file.write_text(found)
    before = file.read_text() if file.exists() else ""
    lines = before.splitlines(), found.splitlines()
    return "\n".join(difflib.unified_diff(*lines, f"{name}.txt", "now", lineterm="", n=0))


def expected(situation: str) -> list[str]:
    """The panes to look at: without a connection all are alike."""
    return [pane.NAME for pane in PANES][: 1 if situation == "refusing" else None]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("situation", LOOKED_AT)
async def test_every_pane(situation: str, size: tuple[int, int], recording: bool) -> None:
    differ = []
    async with looking(LOOKED_AT[situation](), size=size) as at:
        for pane in expected(situation):
            assert pane == at.pane.NAME
            name = f"{situation}/{pane}-{size[0]}x{size[1]}"
            differ.append(compare(name, at, recording))
            await at.press("tab")
    assert "\n".join(filter(None, differ)) == ""


def keys(*pressed: str) -> Callable[[Looking], Awaitable[None]]:
    return lambda at: at.press(*pressed)


def types(text: str) -> Callable[[Looking], Awaitable[None]]:
    return lambda at: at.type(text)


async def ghost(at: Looking) -> None:
    await at.select(GHOST)


async def ghost_described(at: Looking) -> None:
    await at.select(GHOST)
    await at.press("d")


async def yaml(at: Looking) -> None:
    await at.select(GHOST)
    await at.press("y")
    await at.until(lambda: "nodeName" in at.read)


async def log(at: Looking) -> None:
    await at.press("l")
    await at.until(lambda: "end of the log" in at.read)


async def node_2(at: Looking) -> None:
    await at.select("node-2")


async def tree(at: Looking) -> None:
    await at.select("storefront")
    await at.type(":tree\r")
    await at.until(lambda: "ztunnel-gnq4h" in at.screen)


async def tree_of_everything(at: Looking) -> None:
    await at.type(":tree\r")
    await at.until(lambda: "Gateway edge/public" in at.screen)
    await at.press("j", "space")


async def tree_of_what_is_known(at: Looking) -> None:
    await at.select(GHOST)
    await at.type(":tree\r")
    await at.until(lambda: "kinds forbidden" in at.screen)


async def enrolling(at: Looking) -> None:
    await at.select("plain")
    await at.press("m", "enter")
    await at.until(lambda: "accepted as a dry run" in at.screen)


async def rights(at: Looking) -> None:
    at.session.rights = {
        NAMESPACE: Right(True),
        POD: Right(True),
        SERVICE: Right(False, "jane may not patch services"),
        GATEWAY: Right(False, "jane may not create gateways", "the company forbids it"),
    }
    await at.type(":can\r")
    await at.until(lambda: "not answered yet" not in at.read)


async def evidence(at: Looking) -> None:
    await enrolling(at)
    await at.press("enter")
    await at.until(lambda: "0 of 1" in at.screen)


def asked(line: str, answer: str) -> Callable[[Looking], Awaitable[None]]:
    async def ask(at: Looking) -> None:
        await at.type(f"{line}\r")
        await at.until(lambda: answer in at.screen)

    return ask


SCREENS: dict[str, tuple[str, str, Callable[[Looking], Awaitable[None]]]] = {
    # name: situation, pane, what to do there
    "aliases": ("shop", "workloads", keys("ctrl+a")),
    "can": ("limited", "cluster", rights),
    "certificate-of-a-workload": ("acme", "certificates", keys("j", "j", "enter", "x")),
    "certificate-of-the-root": ("acme", "certificates", keys("end", "enter")),
    "chain-of-the-ghost": ("shop", "workloads", ghost),
    "command-being-typed": ("shop", "workloads", types(":ns sh")),
    "contexts": ("shop", "workloads", types(":ctx\r")),
    "described-ghost": ("shop", "workloads", ghost_described),
    "enrolling": ("shop", "namespaces", enrolling),
    "evidence-of-an-enrollment": ("shop", "namespaces", evidence),
    "filter": ("shop", "workloads", types("/shop check")),
    "filter-that-is-none": ("shop", "workloads", types("/ch(eck")),
    "filter-without-rows": ("shop", "workloads", types("/nothing-like-it\r")),
    "help": ("shop", "certificates", keys("?")),
    "info": ("limited", "cluster", types(":info\r")),
    "log": ("shop", "ztunnels", log),
    "messages": ("shop", "cluster", keys("z", "q", "!")),
    "namespaces-behind-digits": ("shop", "workloads", types(":ns shop\r:ns payments,batch\r")),
    "pods-of-a-namespace": ("shop", "namespaces", keys("G", "enter")),
    "sixteen-colours": ("shop", "ztunnels", types(":theme ansi-dark\r")),
    "trace": (
        "shop",
        "workloads",
        asked(":trace shop/storefront payments/ledger", "none allows it"),
    ),
    "trace-through-a-gateway": (
        "shop",
        "routes",
        asked(":trace outside https://shop.acme.example/cart", "no load balancer"),
    ),
    "tree": ("shop", "services", tree),
    "tree-of-everything": ("shop", "cluster", tree_of_everything),
    "tree-of-what-is-known": ("limited", "workloads", tree_of_what_is_known),
    "verdict": (
        "shop",
        "workloads",
        asked(":verdict shop/storefront payments/ledger:8080", "refused: "),
    ),
    "who": ("shop", "workloads", asked(":who payments/ledger:8080", "may be called")),
    "yaml": ("shop", "workloads", yaml),
    "ztunnel-with-a-ghost": ("shop", "ztunnels", node_2),
}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", SCREENS)
async def test_screens(name: str, size: tuple[int, int], recording: bool) -> None:
    situation, pane, do = SCREENS[name]
    lines = recordings.Recording("shop").log("node-1").splitlines()
    said = [LogLine(None, line) for line in lines]
    async with looking(SITUATIONS[situation](), pane, size, log=said) as at:
        await do(at)
        assert compare(f"screens/{name}-{size[0]}x{size[1]}", at, recording) == ""


@pytest.mark.parametrize("context", ["prod-eu1", "kind-shop"])
async def test_where_one_is(context: str, recording: bool) -> None:
    async with looking(SITUATIONS["shop"](), "namespaces", (80, 24), context=context) as at:
        assert compare(f"screens/header-of-{context}-80x24", at, recording) == ""


async def test_without_colour(monkeypatch: pytest.MonkeyPatch, recording: bool) -> None:
    """NO_COLOR: not even greys, and the cursor is seen all the same (no-color.org)."""
    monkeypatch.setenv("NO_COLOR", "1")
    async with looking(SITUATIONS["shop"](), "workloads", (120, 36)) as at:
        await ghost(at)
        assert compare("screens/no-colour-120x36", at, recording) == ""
        for strip in strips_of(at.app):
            for _, style, _ in strip:
                assert style is None or not (style.color and not style.color.is_default)
                assert style is None or not (style.bgcolor and not style.bgcolor.is_default)


async def test_without_colour_a_dialog_leaves_to_be_seen_what_is_behind_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with looking(SITUATIONS["shop"](), "namespaces", (120, 36)) as at:
        await at.press("m")
        assert isinstance(at.app.screen, Pick)
        assert "CAPTURED" in at.screen


@pytest.mark.parametrize("pane", ["cluster", "certificates"])
async def test_in_ascii(pane: str, recording: bool) -> None:
    settings = Settings(pane=pane, ascii=True)
    async with looking(SITUATIONS["shop"](), size=(120, 36), settings=settings) as at:
        assert compare(f"screens/ascii-{pane}-120x36", at, recording) == ""


def test_no_look_is_left_over() -> None:
    """A look of what is not there any more would never be looked at again."""
    wanted = {
        f"{situation}/{pane}-{w}x{h}.txt"
        for situation in LOOKED_AT
        for pane in expected(situation)
        for w, h in SIZES
    }
    wanted |= {f"screens/{name}-{w}x{h}.txt" for name in SCREENS for w, h in SIZES}
    wanted |= {f"screens/header-of-{context}-80x24.txt" for context in ("prod-eu1", "kind-shop")}
    wanted |= {"screens/no-colour-120x36.txt"}
    wanted |= {f"screens/ascii-{pane}-120x36.txt" for pane in ("cluster", "certificates")}
    assert {str(file.relative_to(LOOKS)) for file in LOOKS.rglob("*.txt")} == wanted
