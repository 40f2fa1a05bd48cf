"""What is muted: how long and why as it is typed, and that it outlives the program."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from meshtui.mesh.mutes import BadMute, Mute, parse
from meshtui.mutes import Mutes
from tests.mesh.made import NOW

KEY = "AMB-019 namespaces/batch"
WEEK = parse(KEY, "7d the upgrade is on Friday", NOW)


@pytest.mark.parametrize(
    ("typed", "lasts"),
    [
        ("45m lunch", timedelta(minutes=45)),
        ("2h tests", timedelta(hours=2)),
        (" 7d  the upgrade", timedelta(days=7)),
        ("4w frozen", timedelta(weeks=4)),
        ("always by design", None),
    ],
)
def test_how_long_and_why(typed: str, lasts: timedelta | None) -> None:
    mute = parse(KEY, typed, NOW)
    assert mute.until == (NOW + lasts if lasts else None)
    assert mute.reason == typed.strip().partition(" ")[2].strip()


@pytest.mark.parametrize(
    "typed", ["", "7d", "7d  ", "the upgrade", "7y long", "-1d no", "7", "d x"]
)
def test_a_mute_needs_both(typed: str) -> None:
    with pytest.raises(BadMute, match="how long"):
        parse(KEY, typed, NOW)


def test_a_mute_ends_by_itself_unless_it_is_for_good() -> None:
    assert WEEK.holds(NOW + timedelta(days=6, hours=23))
    assert not WEEK.holds(NOW + timedelta(days=7))
    assert parse(KEY, "always by design", NOW).holds(NOW + timedelta(days=9999))


def test_another_run_knows_them_and_other_contexts_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "mutes.json"
    first, second, third = Mutes(path), Mutes(path), Mutes(path)
    first.add("a", WEEK)
    first.save("a", NOW)
    second.add("b", parse("AMB-010 pods/x", "always by design", NOW))
    second.save("b", NOW)
    third.load()
    assert third.of("a") == {KEY: WEEK}
    assert third.of("b")["AMB-010 pods/x"].until is None
    third.remove("a", KEY)
    third.save("a", NOW)
    assert json.loads(path.read_text())["a"] == []
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_has_ended_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "mutes.json"
    known = Mutes(path)
    known.add("a", WEEK)
    known.save("a", NOW + timedelta(days=8))
    assert json.loads(path.read_text()) == {"a": []}


@pytest.mark.parametrize(
    "written",
    [
        None,
        7,
        {},
        {"finding": KEY, "reason": "r", "since": "yesterday", "until": None},
        {"finding": KEY, "reason": "r", "since": "2026-11-25T14:00:00", "until": None},
        {"finding": KEY, "reason": "r", "since": None, "until": None},
        {"finding": KEY, "reason": "r", "since": "2026-11-25T14:00:00+00:00", "until": 7},
    ],
)
def test_what_is_no_mute_in_a_file_is_passed_over(tmp_path: Path, written: object) -> None:
    path = tmp_path / "mutes.json"
    good = {"finding": "x", "reason": "r", "since": NOW.isoformat(), "until": None}
    path.write_text(json.dumps({"a": [written, good], "b": written}))
    known = Mutes(path)
    known.load()
    assert known.of("a") == {"x": Mute("x", "r", NOW)}
    assert known.of("b") == {}
