"""Users' own rules of what is sensitive: they add to the built-in ones, and take nothing away.

`REPLAYKIT_RULES` names a TOML file. A replay needs the same rules as the recording: what they find is compared by its
kind.

    [[rule]]
    kind = "employee_id"
    pattern = 'EMP-\\d{6}'
"""

from __future__ import annotations

import logging
import re
import time
import tomllib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

from replaykit.errors import UsageError
from replaykit.sanitizer.sanitizer import Sanitizer
from replaykit.sanitizer.shapes import Rule
from replaykit.sanitizer.standins import StandIn

RULES = "REPLAYKIT_RULES"
PROJECT_KEY = "REPLAYKIT_KEY"

logger = logging.getLogger("replaykit")

_SHORTEST_KEY = 12
_warned: set[str] = set()
_KIND = re.compile(r"[a-z][a-z0-9_]{0,39}")
_BEGINNING = re.compile(r"[\w-]*")
_TRIED = "aA0_-. "
_FIELDS = frozenset({"kind", "pattern"})


def project_key(environ: Mapping[str, str]) -> bytes | None:
    """Key of the project, which makes stand-ins equal across runs; None if it is not set."""
    key = environ.get(PROJECT_KEY)
    if key and len(key) < _SHORTEST_KEY and key not in _warned:
        _warned.add(key)
        logger.warning("%s has %d characters: whoever has a packet can try them all; give it 16", PROJECT_KEY, len(key))
    return key.encode() if key else None


def make_sanitizer(environ: Mapping[str, str], known: Iterable[StandIn] = ()) -> Sanitizer:
    """A sanitizer with the project's key and rules.

    Raises:
        UsageError: `REPLAYKIT_RULES` can't be read, or is not as above. Without them nothing may be stored.
    """
    return Sanitizer(key=project_key(environ), environ=environ, known=known, extra_rules=user_rules(environ))


def user_rules(environ: Mapping[str, str]) -> tuple[Rule, ...]:
    """The rules in the file that `REPLAYKIT_RULES` names; see `make_sanitizer` for what may be wrong with it."""
    name = environ.get(RULES)
    if not name:
        return ()
    path = Path(name)
    try:
        changed_ns = path.stat().st_mtime_ns
    except OSError as error:
        raise UsageError(f"{RULES}={name}: {error.strerror}; name a TOML file with [[rule]] tables") from None
    return _read(path, changed_ns)


@lru_cache(maxsize=8)
def _read(path: Path, _changed_ns: int) -> tuple[Rule, ...]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: it can't be read as TOML: {error}") from None
    tables = found.pop("rule", None)
    if found or not isinstance(tables, list):
        raise UsageError(f"{path}: only [[rule]] tables belong there, each with `kind` and `pattern`")
    return tuple(_rule(path, number, table) for number, table in enumerate(tables, 1))


def _rule(path: Path, number: int, table: object) -> Rule:
    where = f"{path}: rule {number}"
    if (
        not isinstance(table, dict)
        or table.keys() != _FIELDS
        or not all(isinstance(item, str) for item in table.values())
    ):
        raise UsageError(f"{where}: it needs `kind` and `pattern`, both text, and nothing else")
    if _KIND.fullmatch(table["kind"]) is None:
        raise UsageError(f"{where}: kind {table['kind']!r} must be lower-case letters, digits and _")
    try:
        pattern = re.compile(table["pattern"])
    except re.error as error:
        raise UsageError(f"{where}: pattern {table['pattern']!r}: {error}") from None
    if pattern.match("") is not None:
        raise UsageError(f"{where}: pattern {table['pattern']!r} matches nothing at all, so it would match everywhere")
    if _is_endless(pattern):
        raise UsageError(
            f"{where}: pattern {table['pattern']!r} would take for ever on some texts: it repeats a repetition"
        )
    return Rule(table["kind"], pattern, ("",))


def _is_endless(pattern: re.Pattern[str]) -> bool:
    """True if four more characters take many times as long: nobody can stop a pattern in the middle of its search."""
    beginning = _BEGINNING.match(pattern.pattern)
    assert beginning is not None
    for char in dict.fromkeys(_TRIED + pattern.pattern):
        short, long = (_seconds(pattern, f"{beginning[0]}{char * count}\0") for count in (14, 18))
        if long > 0.001 and long > 6 * short:
            return True
    return False


def _seconds(pattern: re.Pattern[str], text: str) -> float:
    began = time.thread_time()
    pattern.search(text)
    return time.thread_time() - began
