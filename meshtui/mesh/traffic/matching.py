"""Matching: what a value of an AuthorizationPolicy becomes in an Envoy, and whether it matches (istiod's
`pilot/pkg/security/authz/matcher` and `model`, held to the corpus `authorization/matching`)."""

from __future__ import annotations

import ipaddress
import re
from enum import Enum
from functools import lru_cache
from typing import Any

import re2
from msgspec import Struct

SPIFFE = "spiffe://"


class Kind(Enum):
    EXACT = "exact"
    PREFIX = "prefix"
    SUFFIX = "suffix"
    PRESENT = "present"
    """Whatever the value, if there is one."""
    REGEX = "regex"
    """RE2, as Envoy's, over the whole text."""


class Pattern(Struct, frozen=True):
    """How Envoy compares a text."""

    kind: Kind
    text: str = ""
    ignore_case: bool = False

    def matches(self, given: str) -> bool:
        own = self.text
        if self.ignore_case:
            own, given = own.lower(), given.lower()
        match self.kind:
            case Kind.EXACT:
                return given == own
            case Kind.PREFIX:
                return given.startswith(own)
            case Kind.SUFFIX:
                return given.endswith(own)
            case Kind.PRESENT:
                return True
            case Kind.REGEX:
                compiled = _compiled(own)
                return compiled is not None and compiled.fullmatch(_bytes(given)) is not None


ANY = Pattern(Kind.REGEX, ".+")


@lru_cache(maxsize=4096)
def _compiled(regex: str) -> Any:
    """None for one that RE2 does not take: Envoy would have none of it either."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(_bytes(regex), options)  # type: ignore[no-untyped-call]
    except re2.error:
        return None


def _bytes(text: str) -> bytes:
    """JSON may hold half a surrogate pair, which is no text."""
    return text.encode("utf-8", "surrogatepass")


def text(value: str, prefix: str = "") -> Pattern:
    """A plain value: "*" is any that is not empty, a star at one end stands for anything there. `prefix` is put in
    front of what it is compared with."""
    if value == "*":
        return ANY
    if value.startswith("*"):
        if not prefix:
            return Pattern(Kind.SUFFIX, value[1:])
        return Pattern(Kind.REGEX, f"{prefix}.*{_quoted(value[1:])}")
    if value.endswith("*"):
        return Pattern(Kind.PREFIX, prefix + value[:-1])
    return Pattern(Kind.EXACT, prefix + value)


def header(value: str, *, ignore_case: bool = False) -> Pattern:
    """A header: "*" is that it is there, be it empty."""
    if value == "*":
        return Pattern(Kind.PRESENT)
    if value.startswith("*"):
        return Pattern(Kind.SUFFIX, value[1:], ignore_case)
    if value.endswith("*"):
        return Pattern(Kind.PREFIX, value[:-1], ignore_case)
    return Pattern(Kind.EXACT, value, ignore_case)


def host(value: str) -> Pattern:
    """The host of a request, in whatever letters."""
    return header(value, ignore_case=True)


def principal(value: str) -> Pattern:
    """Of a SPIFFE URI, which policies write without its scheme."""
    return text(value, SPIFFE)


def namespace(value: str) -> Pattern:
    """Of a SPIFFE URI; stars stand anywhere in it."""
    inside = ".*".join(map(_quoted, value.split("*")))
    return Pattern(Kind.REGEX, f".*/ns/{inside}/.*")


def service_account(value: str, own_namespace: str) -> Pattern:
    """Of a SPIFFE URI: "account", in the policy's own namespace, or "namespace/account"."""
    where, account = account_of(value, own_namespace)
    return Pattern(
        Kind.REGEX, rf"spiffe://.+/ns/{_quoted(where)}/(.+/|)sa/{_quoted(account)}(/.+)?"
    )


def account_of(value: str, own_namespace: str) -> tuple[str, str]:
    """The namespace and the name in a value of `serviceAccounts`."""
    where, slash, account = value.partition("/")
    return (where, account) if slash else (own_namespace, value)


def trust_domain(value: str) -> Pattern:
    """Of a SPIFFE URI."""
    if value == "*":
        return Pattern(Kind.PREFIX, SPIFFE)
    before, star, after = value.partition("*")
    if not star:
        return Pattern(Kind.PREFIX, f"{SPIFFE}{value}/")
    return Pattern(Kind.REGEX, f"{SPIFFE}{_quoted(before)}[^/]*{_quoted(after)}/.*")


def request_principal(value: str) -> tuple[Pattern, Pattern]:
    """Issuer and subject of a token, which the last slash parts: an issuer may be a URL."""
    issuer, slash, subject = value.rpartition("/")
    if not slash:
        issuer, subject = value, ""
    if value == "*":
        return ANY, ANY
    if value.startswith("*"):
        if not slash:
            return ANY, Pattern(Kind.SUFFIX, value[1:])
        by = ANY if issuer == "*" else Pattern(Kind.SUFFIX, issuer[1:])
        return by, Pattern(Kind.EXACT, subject)
    if value.endswith("*"):
        if not slash:
            return Pattern(Kind.PREFIX, value[:-1]), ANY
        of = ANY if subject == "*" else Pattern(Kind.PREFIX, subject[:-1])
        return Pattern(Kind.EXACT, issuer), of
    return Pattern(Kind.EXACT, issuer), Pattern(Kind.EXACT, subject)


def _quoted(literal: str) -> str:
    """As Go's `regexp.QuoteMeta`, so that patterns read as in an Envoy's configuration."""
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", literal)


_LENGTH = re.compile(r"0|[1-9]\d{0,2}", re.ASCII)


def interface(value: str) -> ipaddress.IPv4Interface | ipaddress.IPv6Interface:
    """An address or a range, with the address as it is written. Raises ValueError."""
    length = value.partition("/")[2]
    if "/" in value and not _LENGTH.fullmatch(length):  # Go takes no netmask, and no 08
        raise ValueError(f"invalid range {value}")
    return ipaddress.ip_interface(value)


def contains(value: str, given: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an address is in a range, whose host bits count for nothing. Raises ValueError."""
    return given in interface(value).network


def address(value: str | None) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """None where it is not known or cannot be read. One of IPv4 that is written as IPv6 is one of IPv4."""
    try:
        found = ipaddress.ip_address(value) if value else None
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found


def port(value: str) -> int:
    """A port as Go reads one, 0 to 65535. Raises ValueError."""
    if not (value.isascii() and value.isdigit()) or int(value[-20:]) > 65535 or len(value) > 20:
        raise ValueError(f"invalid port {value}")
    return int(value)
