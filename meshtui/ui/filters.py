"""Filter: what a person types behind `/`, and which rows it keeps.

The grammar is that of k9s (internal/view/cmd), with two differences: words separated by spaces must all match, and
`column:value` looks into one column alone. The engine works in linear time, so no pattern can hold the screen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import re2
from msgspec import Struct

from meshtui.mesh.selectors import Selector
from meshtui.ui.columns import bare, find

FORMS = (
    ("/word", "a regular expression, without regard to case; several words must all match"),
    ("/!word", "rows that do not match the word"),
    ("/column:value", "the word in that column alone; the column may be shortened"),
    ("/key=value", "a label, as kubectl's -l has it: a=b,c!=d; /-l key where there is any value"),
    ("/-f name", "its letters, in their order, in namespace/name"),
)
"""The ways to say what to keep, for the help."""


class BadPattern(ValueError):  # noqa: N818 - reads as what it is
    """The filter cannot be read; its text says why."""


class Subject(Struct, frozen=True):
    """A row as a filter looks at it."""

    cells: Sequence[str]
    name: str = ""
    """Namespace and name."""
    labels: Callable[[], Mapping[str, str] | None] = lambda: None
    """Those of the object behind the row; None where they are not known, or nothing has any."""


Term = Callable[[Subject], bool]


class Filter(Struct, frozen=True):
    """A filter that was understood."""

    text: str
    terms: Sequence[Term]

    def keeps(self, subject: Subject) -> bool:
        for term in self.terms:  # noqa: SIM110 - of every row, and `all` takes twice as long
            if not term(subject):
                return False
        return True


def parse(text: str, columns: Sequence[str] = ()) -> Filter | None:
    """The filter that a text means, over rows with these columns; None where it means none. Raises BadPattern."""
    terms = [_inverse(term) if inverse else term for inverse, term in _terms(text, columns)]
    return Filter(text.strip(), terms) if terms else None


def is_labels(word: str) -> bool:
    """Whether a word begins as a label selector does: "app=ledger", "a!=b,c=d"."""
    first = word.partition(",")[0]
    return "=" in first and _LABEL.fullmatch(first) is not None


def _terms(text: str, columns: Sequence[str]) -> Iterator[tuple[bool, Term]]:
    words = iter(text.split())
    for word in words:
        inverse, word = word.startswith("!"), word.removeprefix("!")
        if word[:2] in ("-f", "-l"):
            value = word[2:] or next(words, "")
            if not value:
                raise BadPattern(f"{word} wants {_WANTS[word]} behind it")
            yield inverse, _fuzzy(value) if word[1] == "f" else _labelled(value)
        elif is_labels(word):
            if word.endswith("="):
                raise BadPattern(f"{word} wants a value behind it")
            yield inverse, _labelled(word)
        elif word:
            yield inverse, _matching(word, columns)


_WANTS = {"-f": "a part of a name", "-l": "a label, such as app=ledger"}


def _inverse(term: Term) -> Term:
    return lambda subject: not term(subject)


# Regular expressions, over the row or one column

_COLUMN = re.compile(r"([A-Za-z][\w-]*):(?!//)(.*)", re.DOTALL)
"""A column and what to look for in it; no address: "spiffe://…"."""


def _matching(word: str, columns: Sequence[str]) -> Term:
    inside = _COLUMN.fullmatch(word)
    if inside is None or not columns:
        anywhere = finder(word)
        return lambda subject: anywhere(" ".join(subject.cells))
    index, there = _column(inside[1], columns), finder(inside[2])
    return lambda subject: there(subject.cells[index])


def _column(typed: str, columns: Sequence[str]) -> int:
    """The column of that name, or the first whose name begins so."""
    found = find(typed, columns)
    if found is None:
        known = ", ".join(filter(None, map(bare, columns)))
        raise BadPattern(f"no column {typed} ({typed}\\: is the text): there are {known}")
    return found


def finder(pattern: str) -> Callable[[str], bool]:
    """Whether the expression stands anywhere in a text. Raises BadPattern.

    A plain word is looked for in plain text without the engine, which lets other threads go first each time: 50,000
    rows would wait 50,000 times."""
    compiled = pattern_of(pattern)
    if not _PLAIN.fullmatch(pattern):
        return lambda text: finds(compiled, text)
    word = pattern.lower()
    return lambda text: word in text.lower() if text.isascii() else finds(compiled, text)


_PLAIN = re.compile(r"[\w/@:=,<>%-]*", re.ASCII)
"""What has no meaning of its own in an expression."""


def pattern_of(pattern: str) -> Any:
    """The expression, without regard to case, in linear time whatever it is. Raises BadPattern."""
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    try:
        return re2.compile(_encoded(pattern), options)  # type: ignore[no-untyped-call]
    except re2.error as failure:
        why = failure.args[0] if failure.args else failure
        said = why.decode(errors="replace") if isinstance(why, bytes) else str(why)
        raise BadPattern(said) from failure


def finds(pattern: Any, text: str) -> bool:
    """Whether it stands anywhere in the text."""
    return pattern.search(_encoded(text)) is not None


def _encoded(text: str) -> bytes:
    """As the engine wants it; a half of a surrogate pair, which JSON may hold, has no encoding."""
    return text.encode("utf-8", "replace")


# Labels

_LABEL = re.compile(r"!?(?:[a-z0-9.-]+/)?[A-Za-z0-9](?:[\w.-]*\w)?(?:(?:!=|==?)[\w.-]*)?", re.ASCII)
"""One part of a selector, as kubectl reads it (labels/selector.go): a key, and what its value is to be or not."""


def _labelled(selector: str) -> Term:
    equal: dict[str, str] = {}
    others: list[tuple[str, str, frozenset[str]]] = []
    for part in selector.split(","):
        if not _LABEL.fullmatch(part):
            raise BadPattern(
                f"{part or selector} is no label: write key=value, key!=value, key or !key"
            )
        key, unequal, value = part.partition("!=")
        if unequal:
            others.append((key, "NotIn", frozenset({value})))
            continue
        key, is_equal, value = part.partition("=")
        if is_equal:
            equal[key] = value.removeprefix("=")
        elif key.startswith("!"):
            others.append((key[1:], "DoesNotExist", frozenset()))
        else:
            others.append((key, "Exists", frozenset()))
    wanted = Selector(equal, tuple(others))

    def holds(subject: Subject) -> bool:
        labels = subject.labels()
        return labels is not None and wanted.matches(labels)

    return holds


# Letters in their order


def _fuzzy(letters: str) -> Term:
    wanted = letters.lower()

    def holds(subject: Subject) -> bool:
        name = iter(subject.name.lower())
        return all(letter in name for letter in wanted)

    return holds
