"""Arguments: what may stand behind the name of a pane, in one line, as k9s reads it (internal/view/cmd/args.go).

:wl payments,shop /ledger app=ledger -f led @other-context

Besides, a namespace and a name may stand together, as objects are called everywhere here: payments/ledger.
"""

from __future__ import annotations

import re

from msgspec import Struct

from meshtui.ui import filters

FORMS = (
    (":wl a,b", "the pane, and only these namespaces; `all` for every one"),
    (":wl /word -f name", "and only the rows that the filter keeps; a/word is both"),
    (":wl key=value", "and only rows with the label"),
    (":wl @context", "and in another cluster; :@context only goes there"),
)
"""What may stand behind a pane's name, for the help."""

ALL = "all"
"""In place of namespaces: every one."""


class BadArguments(ValueError):  # noqa: N818 - reads as what it is
    """What stands behind a command cannot be meant; its text says why."""


class Arguments(Struct, frozen=True):
    """What stands behind the name of a pane."""

    namespaces: tuple[str, ...] | None = None
    """Empty for all; None to leave them as they are."""
    filter: str = ""
    """As it would be typed behind `/`."""
    context: str = ""
    """"" for the one that is looked at."""
    elsewhere: str = ""
    """The rest of the line, for that context."""


def parse(text: str) -> Arguments:
    """What a text behind the name of a pane means. Raises BadArguments for half of an argument."""
    names: list[str] = []
    wanted: list[str] = []
    context = ""
    words = iter(text.split())
    for word in words:
        if word.startswith("-f"):
            letters = word[2:] or next(words, "")
            wanted.append(f"-f {_needed(letters, '-f', 'a part of a name')}")
        elif word.startswith("/"):
            wanted.append(_needed(word[1:], "/", "a filter"))
        elif word.startswith("@"):
            context = _needed(word[1:], "@", "the name of a context")
        elif filters.is_labels(word):
            wanted.append(word)
        elif "=" in word or word.startswith("-"):
            said = "a label is key=value, and -f has a part of a name behind it"
            raise BadArguments(f"{word} is not understood: {said}")
        else:
            inside, slash, name = word.partition("/")
            named = [each for each in inside.lower().split(",") if each]
            names += map(_namespace, named or [word])
            if slash:
                wanted.append(_needed(name, word, "a name"))
    kept = tuple(dict.fromkeys(names))
    namespaces = None if not names else () if ALL in names else kept
    elsewhere = " ".join(word for word in text.split() if not word.startswith("@"))
    return Arguments(namespaces, " ".join(wanted), context, elsewhere)


_NAME = re.compile(r"[a-z0-9-]+")
"""What a namespace is called (RFC 1123)."""


def _namespace(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise BadArguments(f"{name} is no namespace")
    return name


def _needed(value: str, sign: str, what: str) -> str:
    if not value:
        raise BadArguments(f"{sign} wants {what} behind it")
    return value
