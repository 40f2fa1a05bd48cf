"""Copies: what may be copied of a row beside its name, and the line of kubectl or istioctl that shows the same."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from msgspec import Struct

from meshtui.mesh.snapshot import Ref


class Copy(Struct, frozen=True):
    """One thing to copy."""

    what: str
    """ "name", "namespace", "cell", "kubectl", "istioctl" or "yaml"."""
    text: str = ""
    ref: Ref | None = None
    """What is read first, where it is copied as YAML."""


def kubectl(refs: Sequence[Ref], context: str) -> str:
    """The lines that print these objects, one for each namespace and kind."""
    named: dict[tuple[str, str], list[str]] = {}
    for ref in refs:
        named.setdefault((ref.namespace, str(ref.kind)), []).append(ref.name)
    return "\n".join(
        _line("kubectl", context, "get", kind, *names, *(["-n", namespace] if namespace else []),
              "-o", "yaml")
        for (namespace, kind), names in named.items()
    )  # fmt: skip


def label(ref: Ref, pair: str, context: str) -> str:
    """The line that puts a label on an object, in place of one that it may have."""
    words = ("label", str(ref.kind), ref.name, "-n", ref.namespace, pair, "--overwrite")
    return _line("kubectl", context, *words)


def istioctl(arguments: Sequence[str], context: str) -> str:
    return _line("istioctl", context, *arguments)


def _line(program: str, context: str, *words: str) -> str:
    return shlex.join([program, *words, *(["--context", context] if context else [])])
