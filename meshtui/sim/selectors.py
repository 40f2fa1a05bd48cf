"""Label and field selectors of a list or a watch, as apimachinery's `labels` and `fields` packages read them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from meshtui.sim.errors import BadRequest
from meshtui.sim.kinds import (
    CRD,
    EVENT,
    JOB,
    NAMESPACE,
    NODE,
    POD,
    REPLICASET,
    SECRET,
    SERVICE,
    Kind,
)
from meshtui.sim.objects import at, mapping

Test = Callable[[Mapping[str, Any]], bool]
"""Whether an object is selected."""

FIELDS: Mapping[Kind, tuple[str, ...]] = {
    POD: (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    EVENT: (
        *(
            f"involvedObject.{part}"
            for part in (
                "kind",
                "namespace",
                "name",
                "uid",
                "apiVersion",
                "resourceVersion",
                "fieldPath",
            )
        ),
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    SECRET: ("type",),
    NAMESPACE: ("status.phase",),
    NODE: ("spec.unschedulable",),
    SERVICE: ("spec.clusterIP", "spec.type"),
    REPLICASET: ("status.replicas",),
    JOB: ("status.successful",),
    CRD: (),
}
"""What may be selected by, beside name and namespace; from the registries in kube-apiserver's sources."""

_DEFAULTS = {
    "spec.unschedulable": "false",
    "spec.hostNetwork": "false",
    "status.replicas": "0",
    "status.successful": "0",
}
_TOKEN = re.compile(r"\s*(!=|==|=|!|,|\(|\)|[^\s!=,()<>]+)")


def _always(_: Mapping[str, Any]) -> bool:
    return True


def both(first: Test, second: Test) -> Test:
    if first is _always:
        return second
    if second is _always:
        return first
    return lambda obj: first(obj) and second(obj)


def labels(selector: str) -> Test:
    """All of `a`, `!a`, `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`; BadRequest where it cannot be read."""
    tokens = _tokens(selector)
    if not tokens:
        return _always
    requirements: list[Callable[[Mapping[str, str]], bool]] = []
    while tokens:
        requirements.append(_requirement(tokens, selector))
        if tokens and tokens.pop(0) != ",":
            raise _unreadable(selector)
    return lambda obj: all(test(mapping(obj, "metadata", "labels")) for test in requirements)


def _unreadable(selector: str) -> BadRequest:
    return BadRequest(f'unable to parse requirement: found an error in "{selector}"')


def _tokens(selector: str) -> list[str]:
    found, position = [], 0
    while position < len(selector.rstrip()):
        match = _TOKEN.match(selector, position)
        if match is None:
            raise _unreadable(selector)
        found.append(match[1])
        position = match.end()
    return found


def _requirement(tokens: list[str], selector: str) -> Callable[[Mapping[str, str]], bool]:
    def word() -> str:
        if not tokens or tokens[0] in ("(", ")", "!", "=", "==", "!=", ","):
            raise _unreadable(selector)
        return tokens.pop(0)

    if tokens[0] == "!":
        tokens.pop(0)
        absent = word()
        return lambda own: absent not in own
    key = word()
    if not tokens or tokens[0] == ",":
        return lambda own: key in own
    operator = tokens.pop(0)
    if operator in ("=", "==", "!="):
        value = word() if tokens and tokens[0] != "," else ""
        if operator == "!=":
            return lambda own: own.get(key) != value
        return lambda own: own.get(key) == value
    if operator in ("in", "notin"):
        values = _values(tokens, selector)
        if operator == "in":
            return lambda own: key in own and own[key] in values
        return lambda own: key not in own or own[key] not in values
    raise _unreadable(selector)


def _values(tokens: list[str], selector: str) -> frozenset[str]:
    if not tokens or tokens.pop(0) != "(" or ")" not in tokens:
        raise _unreadable(selector)
    end = tokens.index(")")
    inside = tokens[:end]
    del tokens[: end + 1]
    if any(token in ("(", "!", "=", "==", "!=") for token in inside):
        raise _unreadable(selector)
    # "(a,,b)" and "(a,)" hold the empty value too.
    return frozenset(value.strip() for value in "".join(inside).split(","))


def fields(kind: Kind, selector: str) -> Test:
    """`a=b`, `a==b`, `a!=b`, joined by commas; BadRequest for a field that the kind does not offer."""
    if not selector:
        return _always
    tests = [_field(kind, part, selector) for part in selector.split(",") if part]
    return lambda obj: all(test(obj) for test in tests)


def _field(kind: Kind, part: str, selector: str) -> Test:
    match = re.fullmatch(r"([^=!]+)(==|!=|=)(.*)", part)
    if match is None:
        raise BadRequest(f"invalid selector: '{selector}'; can't understand '{part}'")
    path, operator, value = match.groups()
    if path not in ("metadata.name", "metadata.namespace", *FIELDS.get(kind, ())):
        raise BadRequest(f"field label not supported: {path}")
    steps = _STEPS.get(path) or path.split(".")
    default = _DEFAULTS.get(path, "")

    def equal(obj: Mapping[str, Any]) -> bool:
        found = at(obj, *steps)
        text = str(found).lower() if isinstance(found, bool) else str(found or default)
        return text == value

    return equal if operator != "!=" else lambda obj: not equal(obj)


_STEPS: Mapping[str, tuple[str, ...]] = {
    "source": ("source", "component"),
    "status.successful": ("status", "succeeded"),
}


def name_in(selector: str) -> str:
    """The one name that a field selector asks for; "" where it asks for none. Rights may be for that name alone."""
    match = re.search(r"(?:^|,)metadata\.name==?([^,]+)", selector)
    return match[1] if match else ""
