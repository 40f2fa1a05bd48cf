"""Names, uids and addresses as Kubernetes gives them, the same for the same seed."""

from __future__ import annotations

import itertools
import json
import random
import uuid
import zlib
from ipaddress import IPv4Address

from meshtui.sim.objects import Raw

_ALPHABET = (
    "bcdfghjklmnpqrstvwxz2456789"  # of apimachinery's rand: no vowels, nothing that looks alike
)
_PODS = IPv4Address("10.244.0.0")
_SERVICES = IPv4Address("10.96.0.0")


class Names:
    """Gives names; each one once."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._pod_ips = itertools.count(2)
        self._service_ips = {1}
        self._outside = itertools.count(10)

    def uid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def suffix(self, length: int = 5) -> str:
        """The end of a generated name."""
        return "".join(self.random.choices(_ALPHABET, k=length))

    def pod_ip(self) -> str:
        number = next(self._pod_ips)
        while number % 256 in (0, 255):
            number = next(self._pod_ips)
        return str(_PODS + number)

    def cluster_ip(self) -> str:
        number = 1
        while number in self._service_ips:
            number = self.random.randrange(2, 1 << 16)
        self._service_ips.add(number)
        return str(_SERVICES + number)

    def outside(self) -> int:
        """The last number of an address outside of the cluster."""
        return next(self._outside)


def template_hash(template: Raw) -> str:
    """The `pod-template-hash`: another one for another template."""
    number = zlib.crc32(json.dumps(template, sort_keys=True, default=str).encode())
    return "".join(_ALPHABET[ord(digit) % len(_ALPHABET)] for digit in str(number))
