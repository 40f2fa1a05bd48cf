"""Lines: whatever the pieces, the same lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meshtui.kube.lines import Lines


@given(st.binary(max_size=200).map(lambda b: b.replace(b"\x01", b"\n")), st.integers(1, 50))
def test_the_lines_do_not_depend_on_the_pieces(content: bytes, size: int) -> None:
    lines = Lines(longest=1000)
    found = [
        line
        for start in range(0, len(content), size)
        for line in lines.split(content[start : start + size])
    ]
    found += lines.end()
    expected = content.split(b"\n")
    assert found == (expected[:-1] if not expected[-1] else expected)


def test_a_long_line_comes_in_parts_even_where_it_ends() -> None:
    assert Lines(longest=3).split(b"abcdefgh\nij\n") == [b"abc", b"def", b"gh", b"ij"]


def test_a_line_without_end_comes_in_parts_and_is_not_kept_whole() -> None:
    lines = Lines(longest=10)
    parts = [part for _ in range(100) for part in lines.split(b"x" * 7)] + lines.end()
    assert b"".join(parts) == b"x" * 700
    assert max(map(len, parts)) == 10
