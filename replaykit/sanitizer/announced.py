"""Names that are values themselves, of what stands beside them: `{"name": "DB_PASSWORD", "value": ...}`, and pairs."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from replaykit.sanitizer.names import field_strength, inner_strength, split_name
from replaykit.sanitizer.vocabulary import ANNOUNCERS

_LONGEST = 60  # characters of a name
_SCHEME = re.compile(r"(?:Bearer|Basic|Token|ApiKey|Digest) +\S{4}", re.IGNORECASE)
_SHORTEST_OF_PAIR = 6
# A type or a field, with a number at its end: `varchar(255)`, `oauth2`. Disguising keeps every class, and so this.
_NUMBERED = re.compile(r"(?:[a-z]+|[A-Z]+|[A-Z][a-z]+)(?:[_-]?[a-z]+)*[-_(]?\d{1,4}\)?")


class Said(NamedTuple):
    """A name that an object gives to the value in it.

    Attributes:
        lead: What stands before both in the names of their fields: `ParameterKey` is the name of `ParameterValue`.
    """

    name: str
    lead: tuple[str, ...]


def said_by(field: str | None, text: str) -> Said | None:
    """The name that a field of an object gives to the value beside it; None if it is no secret's."""
    if field is None or len(text) > _LONGEST:
        return None
    lead = _lead(field)
    return Said(text, lead) if lead is not None and field_strength(text) is not None else None


def named_by(said: Said | None, field: str, owner: str | None) -> str:
    """The name under which the value of `field` stands: its own, or the one that the field before it gave."""
    if said is None or _value_lead(field) != said.lead or inner_strength(field, owner) == "strong":
        return field
    return said.name


def is_pair(first: str, second: str) -> bool:
    """True for a secret's name and the secret, two items of a list; for two names and for a name and its type not."""
    return field_strength(first) == "strong" and (
        _SCHEME.match(second) is not None
        or (
            len(second) >= _SHORTEST_OF_PAIR
            and not any(char.isspace() for char in second)
            and any(char.isdigit() for char in second)
            and any(char.isalpha() for char in second)
            and _NUMBERED.fullmatch(second) is None
            and field_strength(second) is None
        )
    )


@lru_cache(maxsize=1024)
def _lead(field: str) -> tuple[str, ...] | None:
    words = split_name(field)
    if len(words) > 1 and words[-1] not in ("key", "name"):
        return None
    return words[:-1] if words and words[-1] in ANNOUNCERS else None


@lru_cache(maxsize=1024)
def _value_lead(field: str) -> tuple[str, ...] | None:
    words = split_name(field)
    return words[:-1] if words[-1:] in (("value",), ("values",), ("val",)) else None
