"""Where one left off in each context: that one begins there again, unless something else says where."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from meshtui import places
from meshtui.places import Left
from meshtui.settings import ContextSettings, Settings

LEFT = Left("workloads", ("shop", "payments"))


def begun(settings: Settings) -> tuple[str, tuple[str, ...]]:
    found = places.begun(settings, "a", LEFT)
    return found.pane, found.namespaces_of("a")


def test_another_run_begins_where_one_left_off_in_that_context(tmp_path: Path) -> None:
    path = tmp_path / "places.json"
    places.save(path, "a", LEFT)
    places.save(path, "b", Left("routes"))
    assert places.load(path, "a") == LEFT
    assert places.load(path, "b") == Left("routes")
    assert places.load(path, "c") == Left()
    assert begun(Settings()) == ("workloads", ("shop", "payments"))
    other = places.begun(Settings(), "a", LEFT)
    assert other.namespaces_of("b") == (), "they are those of one cluster"


def test_flags_and_the_configuration_outweigh_it() -> None:
    assert begun(Settings(pane="routes")) == ("routes", ("shop", "payments"))
    assert begun(Settings(namespaces=("edge",))) == ("workloads", ("edge",))
    assert begun(Settings(all_namespaces=True)) == ("workloads", ())
    about = ContextSettings(namespaces=("batch",), theme="light")
    assert begun(Settings(contexts={"a": about})) == ("workloads", ("batch",))
    themed = replace(about, namespaces=())
    assert places.begun(Settings(contexts={"a": themed}), "a", LEFT).theme_of("a") == "light"


@pytest.mark.parametrize(
    "content", ["", "[]", '{"a": 1}', '{"a": {"pane": 1}}', '{"a": {"namespaces": "x"}}', "\x00"]
)
def test_a_damaged_file_is_no_place_and_is_mended(tmp_path: Path, content: str) -> None:
    path = tmp_path / "places.json"
    path.write_text(content)
    assert places.load(path, "a") == Left()
    places.save(path, "a", LEFT)
    assert places.load(path, "a") == LEFT
