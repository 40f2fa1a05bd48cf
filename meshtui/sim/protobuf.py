"""Requests in Kubernetes' protobuf, which kubectl's typed commands send: `create namespace`, `auth can-i` and the like.

Messages are read by a table of the fields that those commands fill. A field that is not in it is refused, not dropped.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from meshtui.sim.errors import BadRequest, UnsupportedMediaType

MAGIC = b"k8s\0"

_META = "1:metadata:ObjectMeta"
_MESSAGES: Mapping[str, str] = {
    "Namespace": f"{_META} 2:spec:NamespaceSpec 3:status:-",
    "NamespaceSpec": "1:finalizers:[string]",
    "ConfigMap": f"{_META} 2:data:{{string}} 3:binaryData:{{bytes}} 4:immutable:bool",
    "Secret": f"{_META} 2:data:{{bytes}} 3:type:string 4:stringData:{{string}} 5:immutable:bool",
    "ServiceAccount": f"{_META} 4:automountServiceAccountToken:bool",
    "Service": f"{_META} 2:spec:ServiceSpec 3:status:-",
    "ServiceSpec": "1:ports:[ServicePort] 2:selector:{string} 3:clusterIP:string 4:type:string 5:externalIPs:[string] "
    "7:sessionAffinity:string 8:loadBalancerIP:string 10:externalName:string 11:externalTrafficPolicy:string "
    "12:healthCheckNodePort:int 13:publishNotReadyAddresses:flag 18:clusterIPs:[string]",
    "ServicePort": "1:name:string 2:protocol:string 3:port:int 4:targetPort:IntOrString 5:nodePort:int "
    "6:appProtocol:string",
    "Deployment": f"{_META} 2:spec:DeploymentSpec 3:status:-",
    "DeploymentSpec": "1:replicas:number 2:selector:LabelSelector 3:template:PodTemplateSpec "
    "4:strategy:DeploymentStrategy 5:minReadySeconds:int 7:paused:flag",
    "DeploymentStrategy": "1:type:string",
    "LabelSelector": "1:matchLabels:{string}",
    "PodTemplateSpec": f"{_META} 2:spec:PodSpec",
    "PodSpec": "2:containers:[Container] 3:restartPolicy:string 6:dnsPolicy:string 8:serviceAccountName:string "
    "9:serviceAccount:string 10:nodeName:string 11:hostNetwork:flag 12:hostPID:flag 13:hostIPC:flag 16:hostname:string "
    "17:subdomain:string 19:schedulerName:string 24:priorityClassName:string",
    "Container": "1:name:string 2:image:string 3:command:[string] 4:args:[string] 5:workingDir:string "
    "6:ports:[ContainerPort] 8:resources:- 13:terminationMessagePath:string 14:imagePullPolicy:string 16:stdin:flag "
    "17:stdinOnce:flag 18:tty:flag 20:terminationMessagePolicy:string",
    "ContainerPort": "1:name:string 2:hostPort:int 3:containerPort:int 4:protocol:string 5:hostIP:string",
    "Role": f"{_META} 2:rules:[PolicyRule]",
    "ClusterRole": f"{_META} 2:rules:[PolicyRule]",
    "PolicyRule": "1:verbs:[string] 2:apiGroups:[string] 3:resources:[string] 4:resourceNames:[string] "
    "5:nonResourceURLs:[string]",
    "RoleBinding": f"{_META} 2:subjects:[Subject] 3:roleRef:RoleRef",
    "ClusterRoleBinding": f"{_META} 2:subjects:[Subject] 3:roleRef:RoleRef",
    "Subject": "1:kind:string 2:apiGroup:string 3:name:string 4:namespace:string",
    "RoleRef": "1:apiGroup:string 2:kind:string 3:name:string",
    "SelfSubjectReview": f"{_META} 2:status:-",
    "SelfSubjectAccessReview": f"{_META} 2:spec:AccessReviewSpec 3:status:-",
    "AccessReviewSpec": "1:resourceAttributes:ResourceAttributes 2:nonResourceAttributes:NonResourceAttributes",
    "ResourceAttributes": "1:namespace:string 2:verb:string 3:group:string 4:version:string 5:resource:string "
    "6:subresource:string 7:name:string",
    "NonResourceAttributes": "1:path:string 2:verb:string",
    "SelfSubjectRulesReview": f"{_META} 2:spec:RulesReviewSpec 3:status:-",
    "RulesReviewSpec": "1:namespace:string",
    "TokenRequest": f"{_META} 2:spec:TokenRequestSpec 3:status:-",
    "TokenRequestSpec": "1:audiences:[string] 4:expirationSeconds:number",
    "ObjectMeta": "1:name:string 2:generateName:string 3:namespace:string 4:selfLink:string 5:uid:string "
    "6:resourceVersion:string 7:generation:int 8:creationTimestamp:- 11:labels:{string} 12:annotations:{string} "
    "14:finalizers:[string]",
    "IntOrString": "1:type:int 2:intVal:int 3:strVal:string",
}
"""By message: number, name and type of each field. `[T]` is a list and `{T}` a map; `int` and `flag` leave out what is
zero, as Kubernetes' JSON does, where `number` and `bool` keep it; `-` is passed over. From the `generated.proto` files
of k8s.io/api 0.36."""


def decoded(raw: bytes) -> dict[str, Any]:
    """The object in a request. Raises BadRequest where it cannot be read, UnsupportedMediaType for what is not in the
    table."""
    if not raw.startswith(MAGIC):
        raise BadRequest("provided data does not appear to be a protobuf message")
    try:
        envelope = dict(_fields(raw[len(MAGIC) :]))
        type_ = dict(_fields(envelope[1]))
        version, kind = type_[1].decode(), type_[2].decode()
        body = _message(kind, envelope.get(2, b""))
    except (KeyError, IndexError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise BadRequest(f"error decoding request body: {error!r}") from error
    return {"apiVersion": version, "kind": kind, **body}


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Number and value of each field: an int, or bytes."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        match tag & 7:
            case 0:
                value, at = _varint(data, at)
                yield tag >> 3, value
            case 2:
                size, at = _varint(data, at)
                if at + size > len(data):
                    raise IndexError("truncated")
                yield tag >> 3, data[at : at + size]
                at += size
            case wire:
                raise BadRequest(f"error decoding request body: wire type {wire}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _message(name: str, data: bytes) -> Any:
    known: dict[int, tuple[str, str]] = {}
    for said in _table(name).split():
        numbered, field, type_ = said.split(":")
        known[int(numbered)] = field, type_
    found: dict[str, Any] = {}
    for number, value in _fields(data):
        if number not in known:
            raise UnsupportedMediaType(
                f"field {number} of {name} is not read from protobuf here: send JSON"
            )
        field, type_ = known[number]
        if type_.startswith("["):
            found.setdefault(field, []).append(_value(type_[1:-1], value))
        elif type_.startswith("{"):
            entry = dict(_fields(value))
            key = entry.get(1, b"").decode()
            found.setdefault(field, {})[key] = _value(type_[1:-1], entry.get(2, b""))
        elif type_ != "-":
            found[field] = _value(type_, value)
            if found[field] in ("", None, {}) or (type_ in ("int", "flag") and not found[field]):
                del found[field]
    if name == "IntOrString":
        return found.get("strVal") if found.get("type") else found.get("intVal")
    return found


def _table(name: str) -> str:
    if name not in _MESSAGES:
        raise UnsupportedMediaType(f"{name} is not read from protobuf here: send JSON")
    return _MESSAGES[name]


def _value(type_: str, value: Any) -> Any:
    match type_:
        case "string":
            return value.decode()
        case "bytes":
            return base64.b64encode(value).decode()
        case "int" | "number":
            return value - (1 << 64) if value >= 1 << 63 else value
        case "bool" | "flag":
            return bool(value)
    return _message(type_, value)
