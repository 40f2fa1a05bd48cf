"""Selectors: Kubernetes' label selectors, `matchLabels` and `matchExpressions`."""

from __future__ import annotations

from collections.abc import Mapping

from meshtui.mesh.raw import Raw, dig, entries, strings, text


def matches(selector: Raw, labels: Mapping[str, str]) -> bool:
    """Whether the labels satisfy the selector: an empty one takes all. Raises ValueError for an operator that
    Kubernetes does not know either."""
    wanted = strings(selector, "matchLabels")
    return all(labels.get(name) == value for name, value in wanted.items()) and all(
        _holds(each, labels) for each in entries(selector, "matchExpressions")
    )


def _holds(expression: Raw, labels: Mapping[str, str]) -> bool:
    name, operator = text(expression, "key"), text(expression, "operator")
    values = dig(expression, "values")
    among = isinstance(values, list) and labels.get(name) in values
    match operator:
        case "In":
            return among
        case "NotIn":
            return not among
        case "Exists":
            return name in labels
        case "DoesNotExist":
            return name not in labels
    raise ValueError(f"operator {operator!r} of a label selector is not known")
