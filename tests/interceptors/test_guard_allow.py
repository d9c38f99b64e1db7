from __future__ import annotations

import pytest

from replaykit.errors import UsageError
from replaykit.interceptors.guard import Allowed, Egress, EgressKind, is_allowed

ALLOWED: list[tuple[str, EgressKind, str, tuple[str, ...]]] = [
    ("127.0.0.1:5432", "connect", "127.0.0.1:5432", ()),
    ("127.0.0.1:*", "datagram", "127.0.0.1:53", ()),
    ("127.0.0.1", "connect", "127.0.0.1:1", ()),
    ("[::1]:5432", "connect", "[::1]:5432", ()),
    ("::1", "connect", "[::1]:5432", ()),
    ("localhost:*", "connect", "127.0.0.1:5432", ()),
    ("localhost:*", "connect", "[::1]:5432", ("localhost",)),
    ("localhost:5432", "connect", "localhost:5432", ()),
    ("db.internal:5432", "dns", "db.internal:5432", ()),
    ("db.internal:5432", "dns", "db.internal", ()),
    ("DB.internal", "dns", "db.internal:1", ()),
    ("db.internal:5432", "connect", "10.0.0.5:5432", ("db.internal",)),
    ("db.internal:5432", "connect", "db.internal:5432", ()),
    ("10.0.0.0/8", "connect", "10.1.2.3:5432", ()),
    ("fd00::/8", "connect", "[fd00::1]:5432", ()),
    ("unix:/run/docker.sock", "connect", "unix:/run/docker.sock", ()),
    ("unix:@name", "datagram", "unix:@name", ()),
    ("exec:git", "subprocess", "git fetch", ("git", "/usr/bin/git")),
    ("exec:/usr/bin/git", "subprocess", "git fetch", ("git", "/usr/bin/git")),
    ("exec:fork", "fork", "os.fork", ("fork",)),
    ("127.0.0.1:5432", "send", "127.0.0.1:5432", ()),
    ("unix:/run/docker.sock", "send", "unix:/run/docker.sock", ()),
    ("lib:grpc", "library", "127.0.0.1:5432", ("grpc",)),
    ("lib:grpc", "library", "grpc", ("grpc",)),
    ("127.0.0.1:5432", "library", "127.0.0.1:5432", ("grpc",)),
]


@pytest.mark.parametrize(("entry", "kind", "target", "names"), ALLOWED)
def test_entry_allows(entry: str, kind: EgressKind, target: str, names: tuple[str, ...]) -> None:
    assert is_allowed(Egress(kind, target, names), [entry])


REFUSED: list[tuple[str, EgressKind, str, tuple[str, ...]]] = [
    ("127.0.0.1:5432", "connect", "127.0.0.1:5433", ()),
    ("127.0.0.1:5432", "connect", "[::1]:5432", ()),
    ("localhost:5432", "connect", "127.0.0.2:5432", ()),
    ("db.internal:5432", "dns", "db.internal:443", ()),
    ("db.internal:5432", "dns", "evil.db.internal:5432", ()),
    ("db.internal:5432", "connect", "10.0.0.5:5432", ()),
    ("db.internal:5432", "connect", "10.0.0.5:5433", ("db.internal",)),
    ("10.0.0.0/8", "connect", "11.0.0.1:1", ()),
    ("10.0.0.0/8", "dns", "db.internal:1", ()),
    ("0.0.0.0/0", "connect", "unix:/run/docker.sock", ()),
    ("0.0.0.0/0", "connect", "AF_VSOCK (2, 1234)", ()),
    ("0.0.0.0/0", "connect", "?", ()),
    ("unix:/run/docker.sock", "connect", "unix:/run/other.sock", ()),
    ("exec:git", "subprocess", "sh -c git fetch", ("sh", "/bin/sh")),
    ("exec:git", "connect", "127.0.0.1:1", ("git",)),
    ("lib:grpc", "library", "127.0.0.1:1", ("pycurl",)),
    ("lib:grpc", "connect", "127.0.0.1:1", ("grpc",)),
    ("0.0.0.0/0", "library", "grpc", ("grpc",)),
    ("127.0.0.1:5432", "send", "127.0.0.1:5433", ()),
]


@pytest.mark.parametrize(("entry", "kind", "target", "names"), REFUSED)
def test_entry_does_not_allow(entry: str, kind: EgressKind, target: str, names: tuple[str, ...]) -> None:
    assert not is_allowed(Egress(kind, target, names), [entry])


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "*",
        "http://127.0.0.1:80",
        "127.0.0.1:",
        "127.0.0.1:70000",
        "127.0.0.1:http",
        "256.1.1.1",
        "5432",
        "git",
        "10.0.0.1/8",
        "10.0.0.0/8:5432",
        "[127.0.0.1]:1",
        "[::1",
        "db_.:x",
        "db internal",
        "unix:",
        "unix:80",
        "unix:run/docker.sock",
        "exec:",
        "exec:git status",
        "lib:",
        "lib:grpc core",
        None,
    ],
)
def test_malformed_entry_is_named_with_the_known_forms(entry: str) -> None:
    with pytest.raises(UsageError) as caught:
        Allowed.parse(["127.0.0.1", entry])

    assert repr(entry) in str(caught.value)
    assert "exec:git" in str(caught.value)


def test_single_text_instead_of_a_list_is_refused() -> None:
    with pytest.raises(UsageError, match=r"allow=\['127.0.0.1'\]"):
        Allowed.parse("127.0.0.1")
