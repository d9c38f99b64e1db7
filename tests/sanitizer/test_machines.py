"""Public addresses are found; versions, times and reserved addresses are not."""

from __future__ import annotations

import pytest

from replaykit.sanitizer.machines import find_machines, is_ip, is_public_address


def found(text: str) -> list[str]:
    return [text[item.start : item.end] for item in find_machines(text, 0)]


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "185.60.216.35", "2606:4700:4700::1111", "684D:1111:222:3333:4444:5555:6:77"]
)
@pytest.mark.parametrize("around", ["{}", "from {} to", "[{}]", "a={},b", "ssh root@{} now", "{}.", '"{}"'])
def test_public_address_is_found(address: str, around: str) -> None:
    assert is_ip(address)
    assert found(around.format(address)) == [address]


@pytest.mark.parametrize("text", ["ip: 8.8.4.4", "client 8.8.4.4", "http://8.8.4.4/x", "ping 8.8.4.4", "host=8.8.4.4"])
def test_short_address_is_found_behind_a_word(text: str) -> None:
    assert found(text) == ["8.8.4.4"]


@pytest.mark.parametrize(
    "text",
    [
        *("1.2.3.4", "v93.184.216.34", "version 93.184.216.34", "acme==93.184.216.34", "acme-93.184.216.34.tgz"),
        *("Chrome/131.0.0.0", "120.0.6099.109", "section 10.11.12.13", "1.93.184.216.34", "ip 300.1.1.1"),
        *("ip 127.0.0.1", "ip 10.1.2.3", "ip 192.168.100.200", "ip 172.16.254.254", "ip 169.254.100.100"),
        *(
            "ip 203.0.113.100",
            "ip 198.51.100.100",
            "ip 192.0.2.100",
            "ip 0.0.0.0",
            "ip 224.100.100.100",
            "ip 255.255.255.0",
        ),
        *(
            "::1",
            "fe80::1ff:fe23:4567:890a",
            "2001:db8::8a2e:370:7334",
            "fd12:3456:789a:1::1",
            "std::vector",
            "a::b::c",
        ),
        *("12:30:45", "1:2:3:4:5:6:7:8", "00:1A:2B:3C:4D:5E:6F:70", "dead::beef", "684D:1111:222:3333:4444:5555:77"),
    ],
)
def test_near_miss_stays(text: str) -> None:
    assert found(text) == []


def test_address_is_public_if_somebody_has_it() -> None:
    assert is_public_address("8.8.8.8")
    assert not is_public_address("100.64.0.1")
    assert not is_public_address("no address")
