"""``ip``: an address that is for documentation, or the network of the value."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import msgspec

from confiture.masking import Rule, Scope
from confiture.model import Mask

__all__ = ["Ip", "ip", "network"]

Address = IPv4Address | IPv6Address


class Options(msgspec.Struct, frozen=True):
    """``prefix``: bits of the value that stay of an IPv4 address, ``prefix6`` of an IPv6 one; without, none."""

    prefix: int | None = None
    prefix6: int = 48


def ip(value: Address, h: bytes) -> str:
    """An address for documentation, by sixteen bytes: in Python what the mask is in SQL."""
    if value.version == 4:
        return f"203.0.113.{h[0] % 254 + 1}"
    return str(IPv6Address(bytes.fromhex("20010db8") + h[:12]))


def network(value: Address, prefix: int, prefix6: int = 48) -> str:
    """The address without the bits behind the prefix."""
    return str(ip_network((value.packed, prefix if value.version == 4 else prefix6), strict=False).network_address)


class Ip:
    """``{ip: {prefix: 24}}``."""

    def compile(self, rule: Rule, scope: Scope) -> Mask:
        """TEST-NET-3 (RFC 5737) and 2001:db8::/32 (RFC 3849), by the value."""
        options, type_ = rule.read(Options), scope.column.type
        if type_.name not in ("inet", "cidr") and not type_.is_text:
            raise rule.error(f"{type_.shown} is no address")
        value = f"({scope.value})::inet"
        if options.prefix is not None:
            if not (0 <= options.prefix <= 32 and 0 <= options.prefix6 <= 128):
                raise rule.error("a prefix has 0 to 32 bits, of IPv6 0 to 128")
            bits, all_ = (f"CASE family({value}) WHEN 4 THEN {a} ELSE {b} END" for a, b in
                          ((options.prefix, options.prefix6), (32, 128)))  # fmt: skip
            # network() alone gives a cidr, and its bits beyond the prefix must be 0: so its length is set again.
            sql = f"set_masklen(network(set_masklen({value}, {bits}))::inet, {all_})"
        else:
            h = scope.bytes(16, draw="ip")
            four = f"'203.0.113.' || (get_byte({h}, 0) % 254 + 1)"
            groups = " || ':' || ".join(f"encode(substr({h}, {i}, 2), 'hex')" for i in (1, 3, 5, 7, 9, 11))
            sql = f"(CASE family({value}) WHEN 4 THEN {four} ELSE '2001:db8:' || {groups} END)::inet"
        if type_.is_text:
            return Mask(expression=f"host({sql})", max_length=39)
        return Mask(expression=sql)
