"""Where callbacks may be sent: loopback, private addresses, and what was allowed beside them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

HOST = re.compile(r"[A-Za-z0-9._:-]+")
"""What a host is called once a URL has made it ASCII."""

_HOME = ("127.0.0.0/8", "::1", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
_PERMITTED = [ip_network(text) for text in _HOME]
"""Loopback and private; all else is refused. (`is_private` would not do: it holds 0.0.0.0 and 169.254.0.0/16 too.)"""

_METADATA = [ip_address(text) for text in ("fd00:ec2::254", "fd20:ce::254", "fd00:c1::a9fe:a9fe")]
"""Private by their number, yet clouds answer there with credentials. 169.254.169.254 is not permitted anyway."""


class Forbidden(Exception):
    """Our own guard says no, in one sentence."""


@dataclass(frozen=True, slots=True)
class Destinations:
    """Loopback and private addresses, and what else was allowed."""

    names: frozenset[str]
    networks: tuple[IPv4Network | IPv6Network, ...]

    @classmethod
    def allowing(cls, entries: Iterable[str]) -> "Destinations":
        """With hosts, which may lead anywhere, addresses and networks (`100.64.0.0/10`). Raises ValueError for anything else."""
        known = [_allowance(entry) for entry in entries]
        names = frozenset(entry for entry in known if isinstance(entry, str))
        return cls(names, tuple(entry for entry in known if not isinstance(entry, str)))

    def judge(self, host: str, found: Iterable[str]) -> list[str]:
        """The addresses found for `host`, all of them fit to be connected to. Raises Forbidden."""
        addresses = [_unmapped(text) for text in found]
        if host.rstrip(".") not in self.names:
            for address in addresses:
                self._judge(host, address)
        return [str(address) for address in addresses]

    def _judge(self, host: str, address: IPv4Address | IPv6Address) -> None:
        if any(address in network for network in self.networks):
            return
        if address in _METADATA or not any(address in network for network in _PERMITTED):
            where = host if host == str(address) else f"{host} leads to {address}, which"
            raise Forbidden(f"{where} is neither a loopback nor a private address; --callback-allow {host} permits it")


def _allowance(entry: str) -> IPv4Network | IPv6Network | str:
    """A network (an address is a small one), or a name as URLs will have it: lower case, ASCII, without a last dot."""
    text = entry.strip("[]")
    try:
        return ip_network(text if "/" in text else _unmapped(text))
    except ValueError:
        return _name(entry)


def _name(entry: str) -> str:
    import httpx  # noqa: PLC0415  slow to import, and seldom needed at the start

    try:
        name = httpx.URL(scheme="http", host=entry).raw_host.decode().rstrip(".")
    except httpx.InvalidURL:
        name = ""
    if not HOST.fullmatch(name):
        raise ValueError(f"cannot allow callbacks to {entry!r}: it is neither a host name, an address nor a network")
    return name


def _unmapped(text: str) -> IPv4Address | IPv6Address:
    address = ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address
