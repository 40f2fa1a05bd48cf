"""The log level of a proxy from the keyboard: asked for, refused, set back by itself, and by the next run."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from meshtui.kube import audit
from meshtui.kube.errors import Unreachable
from meshtui.mesh.kinds import POD
from meshtui.mesh.snapshot import Problem, Ref, Trouble
from meshtui.settings import Settings
from meshtui.ui.confirm import Confirm
from meshtui.ui.main import Main
from meshtui.ui.pick import Pick
from tests.ui import situations
from tests.ui.looking import Looking, looking
from tests.ui.test_changes import PRODUCTION, asked, story, told

SHOP = situations.shop()
ZTUNNEL = Ref(POD, "istio-system", "ztunnel-4rh2t")
ASKED = (ZTUNNEL, 15000, "/logging")
SET = (ZTUNNEL, 15000, "/logging?level=debug")
BACK = (ZTUNNEL, 15000, "/logging?reset&level=hickory_server::server=off,info")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


async def asking(at: Looking, *, level: int = 1) -> None:
    """As far as the question for a level: debug is the second."""
    await at.select("node-1")
    await at.press("m")
    await at.until(lambda: isinstance(at.app.screen, Pick))
    await at.press("enter")
    await at.until(lambda: "each decision about each connection" in at.screen)
    await asked(at, *["down"] * level, "enter")


async def test_a_level_is_asked_for_set_and_goes_back_by_itself(file: Path) -> None:
    async with looking(SHOP, "ztunnels", audit_file=file) as at:
        await asking(at)
        assert at.session.posted == [ASKED], "the question alone, which changes nothing"
        screen = at.screen
        assert "Set the log level of istio-system/ztunnel-4rh2t to debug" in screen
        assert "log level hickory_server::server=off,info" in screen
        assert "debug, for 15 minutes, then as before" in screen
        assert "its log grows fast" in screen
        assert "dry run" not in screen, "there is none"
        at.app._changing.levels.lasts = timedelta(milliseconds=1)
        await at.press("enter")
        await at.until(lambda: len(at.session.posted) == 3)
        assert at.session.posted == [ASKED, SET, BACK]
        await told(at, "Set the log level of istio-system/ztunnel-4rh2t back: done")
        await at.until(lambda: len(story(file)) == 4)
        assert story(file) == ["intent", "outcome applied"] * 2
        first, _, _, last = audit.read(file)
        assert last["undoes"] == first["id"]
        assert first["posts"] == [SET[2]]
        await at.type(":levels\r")
        await told(at, "No log level that was set from here is to be set back.")


async def test_what_is_declined_is_not_posted(file: Path) -> None:
    async with looking(SHOP, "ztunnels", audit_file=file) as at:
        await asking(at)
        await at.press("escape")
        await told(at, "nothing was changed")
        assert at.session.posted == [ASKED]
        assert story(file) == ["outcome declined"]


async def test_read_only_posts_nothing_and_says_why(file: Path) -> None:
    settings = Settings(pane="ztunnels", read_only=True)
    async with looking(SHOP, settings=settings, audit_file=file) as at:
        await at.select("node-1")
        await at.press("m")
        await told(at, "Read-only")
        assert at.session.posted == []
        assert len(at.app.screen_stack) == 1


async def test_a_lock_that_closes_while_one_is_asked_lets_nothing_through(file: Path) -> None:
    async with looking(SHOP, "ztunnels", audit_file=file) as at:
        await asking(at)
        at.app._changing.lock.close()
        await at.press("enter")
        await told(at, "refused: read-only")
        assert at.session.posted == [ASKED]
        assert story(file) == ["outcome refused"]


async def test_in_production_the_name_is_typed(file: Path) -> None:
    settings = Settings(pane="ztunnels", read_only=False)
    async with looking(SHOP, context=PRODUCTION, settings=settings, audit_file=file) as at:
        await asking(at)
        assert "Type ztunnel-4rh2t and enter to go on" in at.screen
        await at.press("enter")
        assert isinstance(at.app.screen, Confirm)
        await at.type("ztunnel-4rh2t\r")
        await at.until(lambda: len(at.session.posted) == 2)


async def test_an_answer_that_never_came_is_told_as_that_and_is_offered_to_be_set_back(
    file: Path,
) -> None:
    async with looking(SHOP, "ztunnels", audit_file=file) as at:
        await asking(at)
        at.session.refusal = Unreachable(Problem(Trouble.UNREACHABLE, "the line was cut"))
        await at.press("enter")
        await told(at, "unknown: the line was cut")
        assert story(file) == ["intent", "outcome unknown"]
        at.session.refusal = None
        await at.type(":levels\r")
        await at.until(lambda: isinstance(at.app.screen, Pick))
        await asked(at, "enter")
        await at.press("enter")
        await at.until(lambda: at.session.posted[-1] == BACK)


async def test_what_an_earlier_run_left_is_said_and_set_back_by_the_next(file: Path) -> None:
    async with looking(SHOP, "ztunnels", audit_file=file) as at:
        await asking(at)
        await at.press("enter")
        await told(at, "to debug: done, until")
    async with looking(SHOP, "ztunnels", audit_file=file) as at:
        await told(at, "1 log level was set by an earlier run and never set back: :levels does.")
        await at.type(":levels\r")
        await at.until(lambda: isinstance(at.app.screen, Pick))
        assert "set back istio-system/ztunnel-4rh2t" in at.screen
        assert "from debug, due at 2" in at.screen
        await asked(at, "enter")
        await at.press("enter")
        await at.until(lambda: at.session.posted == [BACK])
        await at.until(lambda: isinstance(at.app.screen, Main))
    async with looking(SHOP, "ztunnels", audit_file=file) as at:
        await at.type(":levels\r")
        await told(at, "No log level that was set from here is to be set back.")
        assert "never set back" not in " ".join(it.text for it in at.app._told)


async def test_a_pod_that_was_replaced_has_its_own_level_again(file: Path) -> None:
    async with looking(SHOP, "ztunnels", audit_file=file) as at:
        await asking(at)
        await at.press("enter")
        await told(at, "to debug: done, until")
    pods = {k: it for k, it in SHOP.objects[POD].items() if k != ZTUNNEL.key}
    replaced = replace(SHOP, objects={**SHOP.objects, POD: pods})
    async with looking(replaced, "ztunnels", audit_file=file) as at:
        await at.type(":levels\r")
        await told(at, "No log level that was set from here is to be set back.")
