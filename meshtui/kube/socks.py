"""Connections through a SOCKS5 proxy, which looks up the server's name itself, as with kubectl."""

from __future__ import annotations

import asyncio
from ssl import SSLContext
from typing import Any

from aiohttp.client_proto import ResponseHandler
from aiohttp_socks import ProxyConnector, ProxyType
from python_socks import ProxyConnectionError

from meshtui.kube.proxy import Proxy
from meshtui.kube.resolve import Resolver


class SocksConnector(ProxyConnector):
    """aiohttp-socks with the proxy's own name looked up by us: its own lookup can hold the end of the program."""

    def __init__(self, proxy: Proxy, **kwargs: Any) -> None:
        super().__init__(
            host=proxy.url.host or "",
            port=proxy.port,
            proxy_type=ProxyType.SOCKS5,
            username=proxy.url.user,
            password=proxy.url.password,
            rdns=True,
            **kwargs,
        )
        self._name = proxy.url.host or ""
        self._addresses = Resolver()

    async def _connect_via_proxy(
        self,
        host: str,
        port: int,
        ssl: SSLContext | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
    ) -> tuple[asyncio.Transport, ResponseHandler]:
        addresses = await self._addresses.resolve(self._name, self._proxy_port)
        for address in addresses:
            self._proxy_host = address["host"]
            try:
                return await super()._connect_via_proxy(host, port, ssl, timeout)
            except ProxyConnectionError:
                if address is addresses[-1]:
                    raise
        raise OSError(f"{self._name} has no address")
