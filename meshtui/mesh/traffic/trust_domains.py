"""Trust domains: what istiod makes of principals for an Envoy where the mesh has trust domain aliases (its
`pilot/pkg/security/trustdomain`). Ztunnels get principals as they are written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

_LOCAL = "cluster.local"
"""In a policy it stands for the mesh's own trust domain, whatever that is called."""


def expanded(principals: Iterable[str], domains: Sequence[str]) -> tuple[str, ...]:
    """All principals that these stand for. `domains` is the mesh's trust domain and its aliases; none where it is not
    known, and nothing stands for anything else then."""
    return tuple(each for written in principals for each in _aliases(written, domains))


def with_aliases(values: Iterable[str], domains: Sequence[str]) -> tuple[str, ...]:
    """Values of `trustDomains`: one of the mesh's own stands for all of them."""
    found = (each for value in values for each in (domains if value in domains else (value,)))
    return tuple(dict.fromkeys(found))


def of(principal: str) -> str:
    """The trust domain of "td/ns/namespace/sa/account"; "" in any other form."""
    return principal.partition("/")[0] if _well_formed(principal) else ""


def enforced(principal: str) -> bool:
    """Whether the trust domain of a pattern counts."""
    return _well_formed(principal) and not principal.startswith("*/")


def replaced(principal: str, domain: str) -> str:
    """The principal in another trust domain. Raises ValueError for what is no SPIFFE identity."""
    if not _well_formed(principal):
        raise ValueError(f"wrong SPIFFE format: {principal}")
    return f"{domain}/{principal.partition('/')[2]}"


def is_among(value: str, listed: Iterable[str]) -> bool:
    """Whether a value matches any of the list; a star may stand at an end of either."""
    return any(each in (value, "*") or _wild(value, each) or _wild(each, value) for each in listed)


def _aliases(principal: str, domains: Sequence[str]) -> Iterator[str]:
    domain = of(principal)
    if not enforced(principal) or not (is_among(domain, domains) or domain == _LOCAL):
        yield principal
        return
    found = (
        principal if _suffixed(each, domain) else replaced(principal, each) for each in domains
    )
    yield from dict.fromkeys(found) if domains else (principal,)


def _well_formed(principal: str) -> bool:
    return principal.count("/") == 4


def _suffixed(text: str, pattern: str) -> bool:
    return pattern.startswith("*") and text.endswith(pattern[1:])


def _wild(text: str, pattern: str) -> bool:
    return _suffixed(text, pattern) or (pattern.endswith("*") and text.startswith(pattern[:-1]))
