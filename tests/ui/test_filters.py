"""Filters: what may be typed behind `/`, and which rows each keeps."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from meshtui.ui import filters
from meshtui.ui.filters import BadPattern, Subject

COLUMNS = ("NAMESPACE", "NAME", "IN MESH", "mTLS", "")
LABELS = {"app": "ledger", "version": "v2", "istio.io/dataplane-mode": "ambient"}
LEDGER = Subject(
    ("payments", "ledger-69db-SR8F7", "2 of 2", "STRICT", "cart"),
    "payments/ledger-69db-SR8F7",
    lambda: LABELS,
)
WITHOUT_OBJECT = Subject(LEDGER.cells, LEDGER.name)

KEPT = [
    # what is typed, whether it keeps the row LEDGER
    ("ledger", True),
    ("LEDGER", True),
    ("ledger pay", True),
    ("ledger shop", False),
    ("^pay", True),
    ("^ledger", False),
    ("l.dg[er]+", True),
    ("!ledger", False),
    ("!shop", True),
    ("payments !ledger", False),
    ("payments !shop", True),
    ("!payments !shop", False),
    # labels: the rows of kubectl get -l
    ("app=ledger", True),
    ("app==ledger", True),
    ("app=ledge", False),
    ("app=Ledger", False),
    ("app!=ledger", False),
    ("app!=cart", True),
    ("tier!=cart", True),
    ("app=ledger,version=v2", True),
    ("app=ledger,version!=v2", False),
    ("istio.io/dataplane-mode=ambient", True),
    ("!app=ledger", False),
    ("-l app=ledger", True),
    ("-lapp=ledger", True),
    ("-l app", True),
    ("-l tier", False),
    ("-l !tier", True),
    ("-l !app", False),
    ("-l app= ", False),
    ("-l app=ledger payments", True),
    ("app=ledger ^shop", False),
    # fuzzy: namespace and name alone
    ("-f pmldg", True),
    ("-f LDGSR", True),
    ("-fpmldg", True),
    ("-f gdl", False),
    ("-f strict", False),
    ("!-f pmldg", False),
    # one column
    ("namespace:pay", True),
    ("namespace:ledger", False),
    ("name:ledger", True),
    ("name:^pay", False),
    ("names:pay", True),
    ("in-mesh:^2", True),
    ("MTLS:strict$", True),
    ("!mtls:strict", False),
    ("name:", True),
    # no column
    ("spiffe://x", False),
    ("(?:ledger)", True),
    (r"foo\:bar", False),
    ("[[:alpha:]]", True),
    ("10.0.0.1:80", False),
]


@pytest.mark.parametrize(("typed", "kept"), KEPT)
def test_a_filter_keeps_what_the_table_says(typed: str, kept: bool) -> None:
    wanted = filters.parse(typed, COLUMNS)
    assert wanted is not None
    assert wanted.keeps(LEDGER) is kept
    assert wanted.text == typed.strip()


BAD = [
    ("a(", "missing"),
    ("*", "repetition"),
    ("ok [", "missing"),
    (r"(a)\1", "escape"),
    ("(?=a)", "perl operator|syntax"),
    ("(a{1000}){1000}", "repetition|large"),
    ("nme:x", "no column nme"),
    ("na-me-spacer:x", "no column"),
    ("name:(", "missing"),
    ("app=", "app= wants a value"),
    ("a=b,", "is no label"),
    ("-l", "-l wants a label"),
    ("-l a=b,=c", "=c is no label"),
    ("-l a;b", "a;b is no label"),
    ("-f", "-f wants a part of a name"),
    ("ledger -f", "-f wants"),
]


@pytest.mark.parametrize(("typed", "why"), BAD)
def test_what_is_no_filter_says_why(typed: str, why: str) -> None:
    with pytest.raises(BadPattern, match=why):
        filters.parse(typed, COLUMNS)


def test_the_columns_that_there_are_are_named() -> None:
    with pytest.raises(BadPattern, match=r"there are namespace, name, inmesh, mtls$"):
        filters.parse("state:x", COLUMNS)


@pytest.mark.parametrize("typed", ["", "  ", "!", "! !"])
def test_nothing_typed_is_no_filter(typed: str) -> None:
    assert filters.parse(typed, COLUMNS) is None


@pytest.mark.parametrize("typed", ["app=ledger", "app!=cart", "-l !tier"])
def test_labels_that_are_not_known_are_not_what_was_asked_for(typed: str) -> None:
    wanted = filters.parse(typed, COLUMNS)
    assert wanted is not None
    assert not wanted.keeps(WITHOUT_OBJECT)


PIECES = st.sampled_from(
    [*"!-lf=:/,.*+?()[]{}\\|^$ab \t", "-f ", "-l ", "name:", "app=", "é", "\0"]
)


@given(st.one_of(st.text(), st.lists(PIECES).map("".join)))
@example("\ud800")
def test_whatever_is_typed_is_a_filter_or_says_why_not(typed: str) -> None:
    try:
        wanted = filters.parse(typed, COLUMNS)
    except BadPattern:
        return
    assert wanted is None or wanted.keeps(LEDGER) in (True, False)


@given(st.lists(st.sampled_from(["ledger", "shop", "app=ledger", "-f pmldg", "name:led", "^pay"])))
def test_words_mean_and_in_any_order(words: list[str]) -> None:
    def keeps(text: str) -> bool:
        wanted = filters.parse(text, COLUMNS)
        return wanted is None or wanted.keeps(LEDGER)

    assert keeps(" ".join(words)) is keeps(" ".join(reversed(words))) is all(map(keeps, words))


@pytest.mark.parametrize(
    "typed", ["(a+)+$", "(a|aa)+$", "(.*a){25}$", "^(([a-z])+.)+[A-Z]([a-z])+$", "(x+x+)+y"]
)
def test_no_pattern_takes_long(typed: str) -> None:
    """Each takes an engine that backtracks longer than anybody waits: Python's own needs minutes for 40 letters."""
    row = Subject(("a" * 40 + "x" * 40 + "!",))
    wanted = filters.parse(typed)
    assert wanted is not None
    begun = time.process_time()
    for _ in range(1000):
        wanted.keeps(row)
    assert time.process_time() - begun < 1


def test_a_row_with_half_of_a_surrogate_pair_is_looked_at_all_the_same() -> None:
    wanted = filters.parse("ledger")
    assert wanted is not None
    assert wanted.keeps(Subject(("\ud800 ledger",)))
