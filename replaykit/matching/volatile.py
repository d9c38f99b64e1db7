"""What differs in every run by its nature: times, uuids, hashes, random numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.?"
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*\.?,?"
_TIME = r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?:[ ]?[AaPp]\.?[Mm]\b\.?)?(?:[ ]?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?"

_VOLATILE = re.compile(
    rf"""
      \b[0-9a-fA-F]{{8}}-(?:[0-9a-fA-F]{{4}}-){{3}}[0-9a-fA-F]{{12}}\b                  # a uuid
    | \b\d{{4}}-\d\d-\d\d(?:[T ]?{_TIME})?                                              # 2026-01-31T08:15:00Z
    | \b\d{{1,4}}[/.]\d{{1,2}}[/.]\d{{1,4}}\b(?:,?\s{_TIME})?                           # 31.01.2026
    | (?:\b{_DAY}\s)?\b{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?\b(?:,?\s\d{{4}}\b)?(?:,?\s{_TIME})?
    | (?:\b{_DAY}\s)?\b\d{{1,2}}(?:st|nd|rd|th)?\s{_MONTH}(?:\s\d{{4}}\b)?(?:,?\s{_TIME})?
    | \b{_TIME}
    | \b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b
    | (?<![\w.])\d+\.\d{{6,}}\b                                                         # time.time(), random.random()
    | \b(?=[0-9a-fA-F]*\d)(?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{{8,64}}\b                 # a hash, or a piece of a uuid
    | \b[0-9A-HJKMNP-TV-Z]{{26}}\b                                                      # a ULID
    | \b\d{{6,}}\b                                                                      # an epoch, a random number
    """,
    re.VERBOSE,
)


def holds_volatile(text: str) -> bool:
    """True if a text has a piece that looks like a time, an id or a random number."""
    return _VOLATILE.search(text) is not None


def holds_fresh(text: str, now: datetime) -> bool:
    """True if a text has the time that it is `now`, give or take a day, or an id: no constant of a program."""
    return any(_is_fresh(match[0], now) for match in _VOLATILE.finditer(text))


_ID = re.compile(r"(?=.*\d)(?=.*[a-z])(?:[0-9a-f-]{8,}|[0-9a-z]{26})|0?\.\d{6,}", re.IGNORECASE)
_NUMBER = re.compile(r"\d{10,19}|\d{10}\.\d+")
_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d %b", "%b %d", "%d %B", "%B %d")


def _is_fresh(piece: str, now: datetime) -> bool:
    if _ID.fullmatch(piece):
        return True
    if _NUMBER.fullmatch(piece):
        number = float(piece)
        return any(abs(number / unit - now.timestamp()) < 86_400 for unit in _UNITS)
    years = re.findall(r"(?<!\d)\d{4}(?!\d)", piece)
    if years and not {now.year - 1, now.year, now.year + 1}.intersection(map(int, years)):
        return False
    return any(re.search(rf"(?<!\d){re.escape(written)}(?!\d)", piece) for written in _dates_around(now))


def _dates_around(now: datetime) -> Iterator[str]:
    """Yesterday, today and tomorrow as programs write them: nobody knows whose midnight counts."""
    for days in (-1, 0, 1):
        for form in _DATES:
            written = (now + timedelta(days=days)).strftime(form)
            yield from (written, re.sub(r"\b0", "", written))


_EPOCHS_S = range(1_420_000_000, 4_102_000_000)  # 2015 to 2100
_UNITS = (1, 10**3, 10**6, 10**9)


def is_volatile_change(recorded: Any, now: Any) -> bool:
    """True if two JSON leaves differ only in what looks like a time, an id or a random number on both sides."""
    if isinstance(recorded, str) and isinstance(now, str):
        return recorded != now and _VOLATILE.sub("\0", recorded) == _VOLATILE.sub("\0", now)
    return _is_volatile_number(recorded) and _is_volatile_number(now)


def _is_volatile_number(number: Any) -> bool:
    """A whole number is one only where it may be a time since 2015: a large sum of money is none."""
    if type(number) is int:
        return any(_EPOCHS_S.start <= number // unit < _EPOCHS_S.stop for unit in _UNITS)
    return isinstance(number, float) and _VOLATILE.fullmatch(str(number)) is not None
