"""What all tests of the screen share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet


@pytest.fixture(scope="session", autouse=True)
def styles_parsed_once() -> Iterator[None]:
    """Has Textual parse each stylesheet once for each theme, and not anew for each of the hundreds of programs that are
    started here: it remembers what it has parsed, but for one program only."""
    parse, known = Stylesheet._parse_rules, {}

    def parsed(self: Stylesheet, *source: Any, **kinds: Any) -> list[RuleSet]:
        of = (frozenset(self._variables.items()), source, *kinds.items())
        if of not in known:
            known[of] = parse(self, *source, **kinds)
        return known[of]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", parsed)
        yield
