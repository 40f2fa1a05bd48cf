"""What an object must say to be taken: kind, name, namespace, labels. Beyond that this server has no schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from meshtui.sim.calls import Call
from meshtui.sim.definitions import defined
from meshtui.sim.errors import BadRequest, Forbidden, Invalid, NotFound
from meshtui.sim.kinds import CRD, DAEMONSET, DEPLOYMENT, NAMESPACE, POD, REPLICASET, SERVICE, Kind
from meshtui.sim.objects import Raw, at, mapping, mappings, text
from meshtui.sim.store import Store
from meshtui.sim.wire import encode

_LABEL_1123 = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL_1123}(\.{_LABEL_1123})*"
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_BAD_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    rf"'{_LABEL_1123}(\.{_LABEL_1123})*')"
)
_BAD_LABEL_1123 = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    f"'{_LABEL_1123}')"
)
_BAD_KEY = (
    "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    f"'{_QUALIFIED}') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
)
_BAD_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation "
    f"is '({_QUALIFIED})?')"
)
_POD_MAY_CHANGE = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds")
_POD_IS_FIXED = (
    "Forbidden: pod updates may not change fields other than `spec.containers[*].image`, "
    "`spec.initContainers[*].image`, `spec.activeDeadlineSeconds`, `spec.tolerations` (only additions to existing "
    "tolerations), `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_FREE_NAMES = "rbac.authorization.k8s.io"
"""The group whose names need not be DNS names."""


def checked(call: Call, body: Any) -> Raw:
    """The object that a body holds, of the kind and in the namespace of the call.

    Raises BadRequest; Invalid for names and labels that Kubernetes does not take.
    """
    kind = call.kind
    if not isinstance(body, dict):
        raise BadRequest(f"the object provided is unrecognized (must be of type {kind.name})")
    _check_kind(call, body)
    metadata = body.get("metadata")
    if not isinstance(metadata, dict):
        metadata = {}
    if kind.namespaced and metadata.get("namespace") not in (None, "", call.namespace):
        raise BadRequest(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    name = text(metadata, "name")
    if call.name and name not in ("", call.name):
        raise BadRequest(
            f"the name of the object ({name}) does not match the name on the URL ({call.name})"
        )
    if call.name:
        metadata = {**metadata, "name": call.name}
    if kind.namespaced:
        metadata = {**metadata, "namespace": call.namespace}
    _check_types(kind, body, metadata)
    _check_metadata(kind, metadata)
    return {**body, "apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata}


def _check_kind(call: Call, body: Mapping[str, Any]) -> None:
    kind, said = call.kind, text(body, "kind")
    version = text(body, "apiVersion")
    if kind.custom and not said:
        raise BadRequest(
            f"the object provided is unrecognized (must be of type {kind.name}): Object 'Kind' is missing"
        )
    wanted = f"{kind.group}/{call.version}" if kind.group else call.version
    if said in ("", kind.name) and version in ("", wanted):
        return
    raise BadRequest(
        f'{said} in version "{version.rpartition("/")[2]}" cannot be handled as a {kind.name}: '
        f"the API version in the data ({version}) does not match the expected API version ({wanted})"
    )


def _check_types(kind: Kind, body: Mapping[str, Any], metadata: Raw) -> None:
    """What every kind has has its type; what a kind of Kubernetes' own wants is an object."""
    wanted: list[tuple[str, Any, type]] = [
        *((f"metadata.{part}", metadata.get(part), dict) for part in ("labels", "annotations")),
        *(
            (f"metadata.{part}", metadata.get(part), list)
            for part in ("finalizers", "ownerReferences")
        ),
        *((f"metadata.{part}", metadata.get(part), str) for part in ("name", "generateName")),
    ]
    if not kind.custom:
        wanted += [(part, body.get(part), dict) for part in ("spec", "status")]
    for part in ("labels", "annotations"):
        values = mapping(metadata, part).values()
        wanted += [(f"metadata.{part}", value, str) for value in values]
    for field, value, type_ in wanted:
        if value is not None and not isinstance(value, type_):
            raise BadRequest(
                f'{kind.name} in version "{kind.versions[0]}" cannot be handled as a {kind.name}: json: cannot '
                f"unmarshal {type(value).__name__} into Go struct field of {field}"
            )


def _check_metadata(kind: Kind, metadata: Raw) -> None:
    name = text(metadata, "name")
    problems: list[tuple[str, str, str]] = []
    if not name and not text(metadata, "generateName"):
        problems.append(
            (
                "metadata.name",
                "FieldValueRequired",
                "Required value: name or generateName is required",
            )
        )
    short = kind in (NAMESPACE, SERVICE)
    pattern, why = (_LABEL_1123, _BAD_LABEL_1123) if short else (_SUBDOMAIN, _BAD_SUBDOMAIN)
    longest = 63 if short else 253
    if len(name) > longest:
        problems.append(_wrong("metadata.name", name, f"must be no more than {longest} bytes"))
    elif name and kind.group != _FREE_NAMES and not re.fullmatch(pattern, name):
        problems.append(_wrong("metadata.name", name, why))
    for key, value in mapping(metadata, "labels").items():
        prefix, _, last = key.rpartition("/")
        if not re.fullmatch(_QUALIFIED, last) or (prefix and not re.fullmatch(_SUBDOMAIN, prefix)):
            problems.append(_wrong("metadata.labels", key, _BAD_KEY))
        if len(value or "") > 63:
            problems.append(_wrong("metadata.labels", value, "must be no more than 63 bytes"))
        elif not re.fullmatch(f"({_QUALIFIED})?", value or ""):
            problems.append(_wrong("metadata.labels", value, _BAD_VALUE))
    if problems:
        raise Invalid.object(kind, name, problems)


def _wrong(field: str, value: str, why: str) -> tuple[str, str, str]:
    return field, "FieldValueInvalid", f'Invalid value: "{value}": {why}'


def check_definition(kind: Kind, obj: Raw) -> None:
    """A definition defines a kind, and is called after it. Raises Invalid; any other kind passes."""
    if kind != CRD:
        return
    name = text(obj, "metadata", "name")
    try:
        made = defined(obj)
    except (KeyError, TypeError, AttributeError, LookupError):
        raise Invalid.object(
            kind,
            name,
            [("spec", "FieldValueRequired", "Required value: group, names and versions")],
        ) from None
    if str(made) != name or not made.versions:
        why = f'Invalid value: "{name}": must be spec.names.plural+"."+spec.group'
        raise Invalid.object(kind, name, [("metadata.name", "FieldValueInvalid", why)])


def check_change(kind: Kind, before: Raw, after: Raw) -> None:
    """An update changes nothing that has to stay. Raises Invalid."""
    name = text(before, "metadata", "name")
    if kind == POD and _fixed(before) != _fixed(after):
        raise Invalid.object(kind, name, [("spec", "FieldValueForbidden", _POD_IS_FIXED)])
    selector = ("spec", "selector")
    if kind in (DEPLOYMENT, DAEMONSET, REPLICASET) and at(before, *selector) != at(
        after, *selector
    ):
        said = encode(at(after, *selector)).decode()
        why = f"Invalid value: {said}: field is immutable"
        raise Invalid.object(kind, name, [("spec.selector", "FieldValueInvalid", why)])


def _fixed(pod: Raw) -> Raw:
    """What of a pod's spec is settled when it is made."""
    spec = {key: value for key, value in mapping(pod, "spec").items() if key not in _POD_MAY_CHANGE}
    for part in ("containers", "initContainers"):
        if part in spec:
            spec[part] = [{**each, "image": ""} for each in mappings(spec, part)]
    return spec


def check_namespace(store: Store, call: Call, name: str) -> None:
    """Something new may be made in a namespace that is there and stays. Raises NotFound or Forbidden."""
    if not call.kind.namespaced:
        return
    found = store.get(NAMESPACE, "", call.namespace)
    if found is None:
        raise NotFound.object(NAMESPACE, call.namespace)
    if at(found, "metadata", "deletionTimestamp"):
        raise Forbidden.object(
            call.kind,
            name,
            f"unable to create new content in namespace {call.namespace} because it is being terminated",
        )
