from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replaykit.interceptors.guard_allow import is_allowed
from replaykit.interceptors.guard_egress import Egress, command, host_name, host_port, parse_ip


@pytest.mark.parametrize("spelling", ["127.0.0.1", "127.1", "0x7f000001", "2130706433", "::ffff:127.0.0.1"])
def test_every_spelling_of_an_address_is_the_address(spelling: str) -> None:
    assert str(parse_ip(spelling)) == "127.0.0.1"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1 evil.invalid", "db.internal", "1.2.3.4.5", ""])
def test_name_is_no_address(host: str) -> None:
    assert parse_ip(host) is None


@pytest.mark.parametrize(
    ("host", "expected"), [(b"DB.Internal.", "db.internal"), ("münchen.example", "xn--mnchen-3ya.example")]
)
def test_name_has_one_spelling(host: str | bytes, expected: str) -> None:
    assert host_name(host) == expected


@pytest.mark.parametrize(
    ("host", "port", "expected"), [("::1", 80, "[::1]:80"), ("10.0.0.1", 80, "10.0.0.1:80"), ("db", 0, "db")]
)
def test_host_and_port_as_text(host: str, port: int, expected: str) -> None:
    assert host_port(host, port) == expected


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["git", "fetch"], "git fetch"),
        (["git", "rev-parse", "HEAD"], "git rev-parse ..."),
        (["/opt/bin/tool", "--dry-run", "secret"], "tool --dry-run ..."),
        (["sh", "-c", "TOKEN=secret curl x"], "sh -c ..."),
        (["bash", "-c", ""], "bash -c"),
        (["a", "b", "c"], "a ..."),
        ([], "?"),
    ],
)
def test_command_shows_its_first_harmless_words(argv: list[str], expected: str) -> None:
    assert command(None, argv).target == expected


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\0", codec="utf-8")), max_size=6))
def test_text_of_a_command_is_short_and_holds_no_word_with_a_digit(argv: list[str]) -> None:
    target = command("/usr/bin/tool", ["tool", *argv]).target

    assert target.startswith("tool")
    assert len(target) < 120
    assert not any(character.isdigit() for character in target)


@pytest.mark.parametrize(
    ("egress", "entry"),
    [
        (Egress("connect", "127.0.0.1:8931", ("localhost",)), "127.0.0.1:8931"),
        (Egress("connect", "10.0.0.5:5432", ("db.internal",)), "db.internal:5432"),
        (Egress("connect", "[::1]:5432"), "[::1]:5432"),
        (Egress("dns", "db:5432"), "db:5432"),
        (Egress("dns", "db"), "db:*"),
        (Egress("connect", "unix:/run/docker.sock"), "unix:/run/docker.sock"),
        (command(None, ["git", "describe"]), "exec:git"),
        (Egress("fork", "os.fork", ("fork",)), "exec:fork"),
        (Egress("send", "unix:/run/x.sock"), "unix:/run/x.sock"),
        (Egress("library", "127.0.0.1:1", ("grpc",)), "lib:grpc"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value),
)
def test_egress_names_the_entry_that_allows_it(egress: Egress, entry: str) -> None:
    assert egress.entry == entry
    assert is_allowed(egress, [entry])


def test_target_that_can_not_be_told_has_no_entry() -> None:
    assert Egress("connect", "?").entry == ""
