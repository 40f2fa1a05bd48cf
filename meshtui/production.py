"""Which contexts look like production, and whether a context starts read-only."""

from __future__ import annotations

import re
from itertools import pairwise

from meshtui.settings import Settings

_PRODUCTION = frozenset({"prod", "prd", "production", "live"})
_NOT = frozenset({"non", "pre"})
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
"""A run of letters; an upper-case letter begins a new one, so "gkeProd" is two words and "PROD" is one."""


def is_production(context: str) -> bool:
    """Whether one of the words of a context's name says production: prod, prd, production or live as a whole word,
    not after "non" or "pre". Anything that is not a letter separates words: "prod-eu1", "…:cluster/prod1"."""
    words = ["", *(word.lower() for word in _WORD.findall(context))]
    return any(word in _PRODUCTION and before not in _NOT for before, word in pairwise(words))


def read_only(settings: Settings, context: str) -> str:
    """Why a context starts read-only, in words; "" where changes are allowed.

    A configuration that could not be read in full may have asked for it, so nothing outweighs that; then the flags
    count, then what the configuration says of the context, then its name.
    """
    if settings.complaints:
        return "the configuration file has mistakes"
    if settings.read_only is not None:
        return "--read-only was given" if settings.read_only else ""
    configured = settings.about(context).read_only
    if configured is not None:
        return "the configuration says so" if configured else ""
    return "its name looks like production" if is_production(context) else ""
