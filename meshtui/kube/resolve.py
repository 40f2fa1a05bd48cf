"""Names to addresses, with a deadline, and without holding the end of the program."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from meshtui.kube import background

DEADLINE = 2.5
"""Seconds; less than a connection may take, so that a DNS server that is silent is named as the cause."""


class LookupTimeout(OSError):  # noqa: N818 - reads as what it is
    """The system's resolver did not answer in time."""


class Resolver(AbstractResolver):
    """The system's resolver, as `getaddrinfo` asks it: hosts file, DNS and whatever else the machine has."""

    def __init__(
        self, getaddrinfo: Callable[..., list[Any]] = socket.getaddrinfo, deadline: float = DEADLINE
    ) -> None:
        self._getaddrinfo = getaddrinfo
        self._deadline = deadline

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Its addresses in the system's order. Raises socket.gaierror and LookupTimeout."""
        try:
            async with asyncio.timeout(self._deadline):
                found = await background.start(self._lookup, host, port, family)
        except TimeoutError:
            raise LookupTimeout(f"no answer for {host} within {self._deadline:g} s") from None
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, protocol, address in found
        ]

    async def close(self) -> None:
        """Nothing is held."""

    def _lookup(
        self, host: str, port: int, family: socket.AddressFamily
    ) -> list[tuple[socket.AddressFamily, int, str]]:
        found = self._getaddrinfo(
            host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
        )
        # The numeric form keeps the zone of a link-local address, which the address alone does not have.
        numeric = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
        return [
            (kind, protocol, socket.getnameinfo(address, numeric)[0])
            for kind, _, protocol, _, address in found
        ]
