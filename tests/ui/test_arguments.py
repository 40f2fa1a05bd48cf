"""What may stand behind the name of a pane."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshtui.ui import arguments
from meshtui.ui.arguments import Arguments, BadArguments

MEANT = [
    # what is typed: namespaces, filter, context, the rest for it
    ("", None, "", "", ""),
    ("payments", ("payments",), "", "", "payments"),
    ("a,b", ("a", "b"), "", "", "a,b"),
    ("a b", ("a", "b"), "", "", "a b"),
    ("a,,b,", ("a", "b"), "", "", "a,,b,"),
    ("b,a,b", ("b", "a"), "", "", "b,a,b"),
    ("Shop", ("shop",), "", "", "Shop"),
    ("all", (), "", "", "all"),
    ("/ledger", None, "ledger", "", "/ledger"),
    ("/!ledger", None, "!ledger", "", "/!ledger"),
    ("/a /b", None, "a b", "", "/a /b"),
    ("shop/cart", ("shop",), "cart", "", "shop/cart"),
    ("a,B/c/d", ("a", "b"), "c/d", "", "a,B/c/d"),
    ("app=ledger", None, "app=ledger", "", "app=ledger"),
    ("a!=b,c=d", None, "a!=b,c=d", "", "a!=b,c=d"),
    ("-f led", None, "-f led", "", "-f led"),
    ("-fled", None, "-f led", "", "-fled"),
    ("@prod", None, "", "prod", ""),
    ("@Prod/eu:1", None, "", "Prod/eu:1", ""),
    (
        "payments /ledger app=ledger @ctx",
        *(("payments",), "ledger app=ledger", "ctx", "payments /ledger app=ledger"),
    ),
    ("@ctx -f led a,b", ("a", "b"), "-f led", "ctx", "-f led a,b"),
]


@pytest.mark.parametrize(("typed", "namespaces", "filter_text", "context", "elsewhere"), MEANT)
def test_each_argument_is_known_by_its_sign(
    typed: str, namespaces: tuple[str, ...] | None, filter_text: str, context: str, elsewhere: str
) -> None:
    assert arguments.parse(typed) == Arguments(namespaces, filter_text, context, elsewhere)


BAD = [
    ("/", "/ wants a filter"),
    ("shop /", "/ wants a filter"),
    ("@", "@ wants the name of a context"),
    ("-f", "-f wants a part of a name"),
    ("-n shop", "-n is not understood"),
    ("=ledger", "=ledger is not understood"),
    ("!", "! is no namespace"),
    ("shop;x", "shop;x is no namespace"),
    ("shop;x/y", "shop;x is no namespace"),
    ("shop/", "shop/ wants a name"),
]


@pytest.mark.parametrize(("typed", "why"), BAD)
def test_half_an_argument_says_what_is_missing(typed: str, why: str) -> None:
    with pytest.raises(BadArguments, match=why):
        arguments.parse(typed)


@given(st.text())
def test_whatever_is_typed_has_arguments_or_says_why_not(typed: str) -> None:
    try:
        found = arguments.parse(typed)
    except BadArguments:
        return
    assert arguments.parse(found.elsewhere).namespaces == found.namespaces
