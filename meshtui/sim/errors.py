"""What the API server answers when it refuses, in Kubernetes' own words.

The wording follows apimachinery's `pkg/api/errors`; clients match on reason and code, people read the message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from meshtui.sim.kinds import Kind


class StatusError(Exception):
    """A refusal; `status()` is the Kubernetes Status object that says it."""

    code = 500
    reason = "InternalError"

    def __init__(self, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details or {}

    def status(self) -> dict[str, Any]:
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            **({"details": dict(self.details)} if self.details else {}),
            "code": self.code,
        }


class BadRequest(StatusError):  # noqa: N818 - these read as what the server says
    code, reason = 400, "BadRequest"


class Unauthorized(StatusError):  # noqa: N818
    code, reason = 401, "Unauthorized"

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class Forbidden(StatusError):  # noqa: N818
    code, reason = 403, "Forbidden"

    @classmethod
    def object(cls, kind: Kind, name: str, why: str) -> Forbidden:
        return cls(f'{kind} "{name}" is forbidden: {why}', _details(kind, name))


class NotFound(StatusError):  # noqa: N818
    code, reason = 404, "NotFound"

    @classmethod
    def object(cls, kind: Kind, name: str) -> NotFound:
        return cls(f'{kind} "{name}" not found', _details(kind, name))


class NoSuchPath(StatusError):  # noqa: N818
    code, reason = 404, "NotFound"

    def __init__(self) -> None:
        super().__init__("the server could not find the requested resource")


class MethodNotAllowed(StatusError):  # noqa: N818
    code, reason = 405, "MethodNotAllowed"

    def __init__(self) -> None:
        super().__init__("the server does not allow this method on the requested resource")


class AlreadyExists(StatusError):  # noqa: N818
    code, reason = 409, "AlreadyExists"

    @classmethod
    def object(cls, kind: Kind, name: str) -> AlreadyExists:
        return cls(f'{kind} "{name}" already exists', _details(kind, name))


class Conflict(StatusError):  # noqa: N818
    code, reason = 409, "Conflict"

    @classmethod
    def object(cls, kind: Kind, name: str, why: str) -> Conflict:
        return cls(f'Operation cannot be fulfilled on {kind} "{name}": {why}', _details(kind, name))

    @classmethod
    def modified(cls, kind: Kind, name: str) -> Conflict:
        return cls.object(
            kind,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )


class Expired(StatusError):  # noqa: N818
    """The resourceVersion, or the continue token, is older than what is remembered."""

    code, reason = 410, "Expired"


class UnsupportedMediaType(StatusError):  # noqa: N818
    code, reason = 415, "UnsupportedMediaType"


class Invalid(StatusError):  # noqa: N818
    """The object says what it may not; `causes` are (field, reason, message)."""

    code, reason = 422, "Invalid"

    @classmethod
    def object(cls, kind: Kind, name: str, causes: Sequence[tuple[str, str, str]]) -> Invalid:
        told = [f"{field}: {message}" for field, _, message in causes]
        text = told[0] if len(told) == 1 else f"[{', '.join(told)}]"
        group = f".{kind.group}" if kind.group else ""
        return cls(
            f'{kind.name}{group} "{name}" is invalid: {text}',
            {
                **_details(kind, name),
                "kind": kind.name,
                "causes": [
                    {"reason": reason, "message": message, "field": field}
                    for field, reason, message in causes
                ],
            },
        )


def _details(kind: Kind, name: str) -> dict[str, Any]:
    return {
        **({"name": name} if name else {}),
        **({"group": kind.group} if kind.group else {}),
        "kind": kind.plural,
    }
