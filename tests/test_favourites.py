"""The namespaces behind the keys 1 to 9: which they are, and that they outlive the program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meshtui.favourites import MOST, Favourites


def test_what_is_new_comes_first_and_what_is_there_keeps_its_key() -> None:
    known = Favourites()
    for name in ("a", "b", "a"):
        known.use("ctx", (name,))
    assert known.of("ctx") == (("b",), ("a",))
    assert not known.use("ctx", ("a",))
    assert known.use("ctx", ("a", "b")), "several at once are one favourite"
    assert not known.use("ctx", ()), "all of them are behind 0"
    assert known.of("other") == ()


def test_the_last_nine_are_kept() -> None:
    known = Favourites()
    for number in range(12):
        known.use("ctx", (f"n{number}",))
    assert [name for (name,) in known.of("ctx")] == [f"n{number}" for number in range(11, 2, -1)]
    assert len(known.of("ctx")) == MOST


def test_another_run_knows_them_and_other_contexts_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "favourites.json"
    first, second = Favourites(path), Favourites(path)
    first.use("a", ("shop", "payments"))
    first.save("a")
    second.use("b", ("batch",))
    second.save("b")
    third = Favourites(path)
    third.use("b", ("edge",))
    third.load()
    assert third.of("a") == (("shop", "payments"),)
    assert third.of("b") == (("edge",),), "what was chosen before the file was read"
    assert [each.name for each in path.parent.iterdir()] == ["favourites.json"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"a": 1}', '{"a": [1, null, "", ","]}', b"\xff"]
)
def test_a_damaged_file_holds_no_favourites_and_is_mended(
    tmp_path: Path, content: str | bytes
) -> None:
    path = tmp_path / "favourites.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    known = Favourites(path)
    known.load()
    assert known.of("a") == ()
    known.use("a", ("shop",))
    known.save("a")
    assert json.loads(path.read_text()) == {"a": ["shop"]}


def test_a_file_that_cannot_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    known = Favourites(tmp_path / "file" / "favourites.json")
    known.use("a", ("shop",))
    with pytest.raises(OSError, match="file"):
        known.save("a")
    assert known.of("a") == (("shop",),)
