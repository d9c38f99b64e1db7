"""Addresses of machines, by their shape."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from replaykit.sanitizer.shapes import Found

IP = "ip"


def find_machines(text: str, start: int) -> Iterator[Found]:
    """Every public address of a text that is nothing else.

    Args:
        start: Where its first digits stand.
    """
    if _MAY_BE_IPV4.search(text, start) is not None:
        yield from _ipv4(text)
    if "::" in text or text.count(":") >= _COLONS_OF_IPV6:
        yield from _ipv6(text)


_MAY_BE_IPV4 = re.compile(r"\.\d{1,3}\.\d{1,3}\.\d")
_IPV4 = re.compile(r"\d(?<![\w.+-].)(?<!\w/.)\d{0,2}(?:\.\d{1,3}){3}(?![\w-]|\.(?![a-z]{2,5}(?![\w.-]))\w)")
_IP_BEFORE = re.compile(
    r"(?:\bip|ipv[46]|ip[_ -]?addr(?:ess)?|address|addr|host|server|client|remote|peer|dns|gateway|ping|ssh|from"
    r"|nameserver|x-forwarded-for|x-real-ip|://)[\s:=\"'\[(a-z]{0,8}\Z",
    re.IGNORECASE,
)
_VERSION_BEFORE = re.compile(
    r"(?:(?<![a-z])v|version|ver|release|rev(?:ision)?|build|firmware|driver|update|section|sec|chapter|clause|article"
    r"|figure|table|step|part|sdk|==|[<>~^]=|[~^]|§)[\s:=\"'(.]{0,4}\Z",
    re.IGNORECASE,
)
_SHORTEST_BARE_IP = 9  # digits: with fewer it may be a version or a section


def _ipv4(text: str) -> Iterator[Found]:
    for match in _IPV4.finditer(text):
        value = match[0]
        if not is_public_address(value):
            continue
        before = text[max(0, match.start() - 24) : match.start()]
        if (is_ip(value) and _VERSION_BEFORE.search(before) is None) or _IP_BEFORE.search(before) is not None:
            yield Found(*match.span(), IP)


_COLONS_OF_IPV6 = 7
_GROUPS = re.compile(r":(?:[0-9A-Fa-f]{0,4}:){1,6}")
_IPV6_LEAD = re.compile(r"[0-9A-Fa-f]{1,4}\Z")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:]|\.\d)")


def _ipv6(text: str) -> Iterator[Found]:
    for colons in _GROUPS.finditer(text):
        lead = _IPV6_LEAD.search(text, max(0, colons.start() - 4), colons.start())
        match = _IPV6.match(text, lead.start()) if lead is not None else None
        if match is not None and is_ip(match[0]):
            yield Found(*match.span(), IP)


def is_ip(value: str) -> bool:
    """True for a public address that can be nothing else."""
    if "." in value:
        return _IPV4.fullmatch(value) is not None and len(value) - 3 >= _SHORTEST_BARE_IP and is_public_address(value)
    if _IPV6.fullmatch(value) is None or not is_public_address(value):
        return False
    groups = [group for group in value.split(":") if group]
    if "::" in value:  # in use are the ones that begin with 2 or 3; in programs two colons stand between names
        return len(groups[0]) == 4 and value[0] in "23" and any(char.isdigit() for char in "".join(groups[1:]))
    return any(len(group) > 2 for group in groups)


def is_public_address(value: str) -> bool:
    """True for an address that somebody has: no loopback, private, link-local or documentation one."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    return address.is_global and not address.is_multicast and not (address.version == 4 and value.endswith(".0.0.0"))
