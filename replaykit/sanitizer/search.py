"""What is sensitive in one decoded text, and which stand-ins are in it already."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from replaykit.sanitizer.base64text import credentials_of, written
from replaykit.sanitizer.contexts import find_contexts
from replaykit.sanitizer.cuts import CUT, Cuts
from replaykit.sanitizer.encoded import ENCODED, Encoded
from replaykit.sanitizer.escaped import ESCAPED, Escaped
from replaykit.sanitizer.likeness import is_worth, signature_start, with_claims
from replaykit.sanitizer.names import is_secret_value
from replaykit.sanitizer.personal import find_lone, find_personal, personal_kind
from replaykit.sanitizer.privatekeys import key_inside, with_lines
from replaykit.sanitizer.providers import PRIVATE_KEY
from replaykit.sanitizer.shapes import EMAIL, KEEP, Found, Group, Rule, find_shapes, grouped, shape_of, whole_shapes
from replaykit.sanitizer.standins import StandIn, Table
from replaykit.sanitizer.values import has_both, is_credential
from replaykit.sanitizer.views import decode, json_literals, raw_length, rewrite
from replaykit.sanitizer.vocabulary import PERSONAL_KINDS

SHORTEST_ANYWHERE = 8
"""Characters; shorter values are replaced only where their name announces them."""

SHORTEST_TYPED = 6
"""The same for a value that a person typed where a password was asked for: more certain, and passwords are short."""

_LONGEST_PARTED = 20_000
_MOST_TOKENS = 500
"""So many values with a shape of their own are looked for where that shape is not seen, glued to something else."""

_WRAPPING = " \t\r\n\"'"
"""What may stand around a variable's value, and is no part of the secret: programs strip it."""

_SETTINGS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{0,20}://[^\s/?#]*:[^\s/?#]+@|[\w .-]{2,60}=[^;=]*;[\w .-]{2,60}=")
"""An address with a password in it, or settings of a connection: other values may hold secrets without a name."""

_WORD = re.compile(r"[-_]?[A-Za-z]?[a-z]{2,20}")
_LETTER_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{4}|\\[A-Za-z]")


@dataclass(frozen=True, slots=True)
class Span:
    """A sensitive piece of a text, or a stand-in that is there already."""

    found: Found
    stand_in: StandIn | None


class Search:
    """Finds, and remembers what it must look for everywhere from now on.

    What is found is settled in this order: stand-ins that are there already; known values that are cut off; values that
    a name announces; values known from elsewhere and shapes, the longest first. So a sanitized text is left as it is.
    """

    def __init__(self, table: Table, rules: tuple[Rule, ...]) -> None:
        self._table = table
        self.rules = rules
        self.groups = grouped(rules)
        self._whole = whole_shapes(rules)
        self._variables: dict[str, str] = {}
        self._settings: dict[str, list[Span]] = {}
        self._anywhere: set[str] = set()
        self._tokens: set[str] = set()
        self._anywhere_pattern: re.Pattern[str] | None = None
        self._has_new = False
        self._encoded = Encoded()
        self._escaped = Escaped()
        self._stand_in_pattern: re.Pattern[str] | None = None
        self._escaped_stand_ins = Escaped()
        self._stand_ins_seen = 0
        self._cuts = Cuts()
        self._values_seen = 0
        self._hidden: list[str] = []
        self.on_learned: Callable[[], None] = lambda: None

    def __repr__(self) -> str:
        return f"<Search for {len(self._anywhere)} values and {len(self.rules)} shapes>"

    @property
    def learned(self) -> int:
        """How many values are looked for everywhere; it only grows."""
        return len(self._anywhere)

    def knows(self, run: str) -> bool:
        """True for a text in base64 that is a stand-in, or holds a variable's value: that is found as it stands."""
        return self._table.find(run) is not None or next(self._encoded.find(run), None) is not None

    def learn(self, variables: Mapping[str, str]) -> None:
        """Names by the values of secret-looking environment variables; the first name of a value stays."""
        new = {value: name for value, name in variables.items() if value not in self._variables}
        for value, name in tuple(new.items()):
            core = value.strip(_WRAPPING)
            if core not in self._variables and is_secret_value(core):
                new.setdefault(core, name)
        self._variables.update(new)
        # A stand-in may be a variable's value: a replay sets it where there is no other. It passes through.
        unknown = [value for value in new if self._table.find(value) is None]
        if unknown:
            self._encoded.add(unknown)
            self._look_for([*unknown, *self._learn_parts(unknown)])

    def _learn_parts(self, values: Collection[str]) -> list[str]:
        """Secrets inside of these: a password in an address of a database is used alone, too."""
        parts = []
        for value in values:
            inner = [item for item in find_contexts(value) if item.kind != KEEP] if _has_parts(value) else []
            said = [(item, decode(value[item.start : item.end], item.form)) for item in inner]
            parts += [text for item, text in said if is_secret_value(text) and text != value]
            if inner and _SETTINGS.match(value):
                self._settings[value] = _disjoint(Span(item, None) for item in inner)
        return parts

    def _look_for(self, values: Collection[str]) -> None:
        self._anywhere.update(values)
        self._escaped.add(values)
        for value in values:
            self._cuts.add(value, None)
        self._has_new = True
        self.on_learned()

    def _known(self) -> re.Pattern[str] | None:
        """Finds the values that are looked for everywhere, whatever stands beside them."""
        if self._has_new:
            self._anywhere_pattern = _any_of(self._anywhere | self._tokens)
            self._has_new = False
        return self._anywhere_pattern

    def spans(self, text: str, *, shapes: tuple[Group, ...] | None = None, has_literals: bool = False) -> list[Span]:
        """Without overlaps, in order.

        Args:
            shapes: Only these, and nothing by its name: for bytes that are no text.
            has_literals: The strings of the text were searched on their own before, decoded.
        """
        # In JSON inside prose an escape's letter belongs to no word: `\nbob@acme.com` is Bob's address.
        seen = _LETTER_ESCAPE.sub(_blank, text) if "\\" in text else text
        pattern = self._stand_ins()
        found = [Found(*match.span(), "stand-in") for match in pattern.finditer(text)] if pattern is not None else []
        found += self._escaped_stand_ins.find(text)
        cuts = list(self._cuts.find(text))
        found += [item for item in cuts if item.kind == CUT]
        if shapes is None:
            found += find_contexts(seen)
        known = [item for item in cuts if item.kind != CUT]
        pattern = self._known()
        if pattern is not None:
            known += [Found(*match.span(), "secret") for match in pattern.finditer(text)]
        others = list(find_shapes(seen, self.groups if shapes is None else shapes))
        if shapes is None:
            others += find_personal(seen)
        others = [*_without_words(text, others, known), *known] if known else others
        others += self._encoded.find(text)
        others += self._escaped.find(text)
        if not found and not others:
            return []
        covered = _inside_escaped_strings(text) if has_literals else bytearray(len(text))
        others.sort(key=lambda item: item.start - item.end)
        spans = []
        for item in (*found, *others):
            if item.start < item.end and not any(covered[item.start : item.end]):
                covered[item.start : item.end] = b"\1" * (item.end - item.start)
                if item.kind != KEEP:
                    spans.append(self.span(text, item))
        return sorted(spans, key=lambda span: span.found.start)

    def is_known(self, number: str) -> bool:
        """True for the digits of a value that is looked for everywhere."""
        kind = self._table.kind_of(number) if len(number) >= SHORTEST_ANYWHERE else None
        return kind in PERSONAL_KINDS or number in self._anywhere

    def known_in(self, text: str) -> list[tuple[int, int]]:
        """Where one value stands as it is: a stand-in, one that is looked for everywhere, the beginning of either."""
        patterns = [found for found in (self._stand_ins(), self._known()) if found is not None]
        known = [match.span() for found in patterns for match in found.finditer(text)]
        return known + [(item.start, item.end) for item in self._cuts.find(text)]

    def without_lone(self, text: str) -> str:
        """A text that is nothing but a personal number, without it."""
        return self.spliced(text, [self.span(text, item) for item in find_lone(text)])

    def without_known(self, text: str) -> str:
        """The text without the values that its own structure could tear apart: they have signs of their own."""
        return self.spliced(text, _disjoint(self.span(text, item) for item in self._escaped.find(text)))

    def quoted_stand_ins(self, text: str) -> list[Span]:
        """Stand-ins that have quotes or backslashes: what looks like a string inside of one is none."""
        self._stand_ins()
        return _disjoint(self.span(text, item) for item in self._escaped_stand_ins.find(text, only_quoted=True))

    def span(self, text: str, found: Found) -> Span:
        """A piece of a text, with the stand-in that it is; of a private key only what stands between its lines."""
        raw = text[found.start : found.end]
        value = decode(raw, found.form)
        if found.kind == CUT:
            return Span(found, self._cuts.issued(value))
        if found.kind == ESCAPED:
            value = self._escaped_stand_ins.value_of(value) or value
        elif (inside := key_inside(value)) is not None:
            start, end = (found.start + raw_length(raw, found.form, place) for place in inside)
            value = value[slice(*inside)]
            found = Found(start, end, PRIVATE_KEY.kind, form=found.form)
        return Span(found, self._table.find(value))

    def spliced(self, text: str, spans: Iterable[Span]) -> str:
        """The text with the values of `spans` replaced; stand-ins stay as they are."""
        parts: list[str] = []
        last = 0
        for span in spans:
            if span.stand_in is None:
                found = span.found
                parts += (text[last : found.start], self._replace(text[found.start : found.end], found))
                last = found.end
        return "".join((*parts, text[last:])) if parts else text

    def learn_typed(self, value: str) -> str:
        """The stand-in of a value that is known to be a secret; from now on it is looked for everywhere."""
        new = self._replace(value, Found(0, len(value), "secret")) if value else value
        if len(value) >= SHORTEST_TYPED and new != value and value not in self._anywhere:
            self._look_for((value,))
        return new

    def _replace(self, raw: str, found: Found) -> str:
        """What stands in for a piece of text, written as the piece was."""
        value, form = decode(raw, found.form), found.form
        if form == "form" and "+" in raw and decode(raw, "percent") in self._variables:
            value, form = decode(raw, "percent"), "percent"  # not every client writes a plus as it should
        if found.kind == ENCODED:
            return self._table.put(value, self._encoded.disguised(value, self._stand_in_of), ENCODED)
        if found.kind == ESCAPED:
            return self._escaped.disguised(value, self._stand_in_of)
        if found.kind == CUT:
            return self._cuts.disguised(value, self._stand_in_of)
        if found.kind == PRIVATE_KEY.kind and (key := with_lines(value)) != value:
            if key not in self._anywhere:
                self._look_for((key,))
            return rewrite(raw, form, value, self._escaped.disguised(value, self._stand_in_of_key))
        variable = self._variables.get(value)
        if value in self._settings and self._table.find(value) is None:
            return rewrite(raw, form, value, self._replace_settings(value, variable))
        core = value.strip(_WRAPPING)
        if variable is not None and core != value and core in self._variables:
            return rewrite(raw, form, value, self._wrapped(value, core, variable))
        # Its kind depends on the value alone: it may be found by its name here and by its shape there.
        shape = self._shape_of(value)
        kind = "env" if variable is not None else shape.kind if shape is not None else found.kind
        keeps = shape.keeps if shape is not None else found.keeps
        if kind == "jwt" and self._table.find(value) is None:
            new = self._replace_token(value, keeps)
        elif shape is None and (pair := credentials_of(value)) is not None and self._table.find(value) is None:
            new = self._replace_pair(value, *pair, kind, variable)
        else:
            marks = shape.marks if shape is not None else ()
            new = self._table.replace(value, kind, keeps=keeps, marks=marks, variable=variable)
        if shape is None and new != value and value not in self._anywhere and is_secret_value(value):
            self._look_for((value,))
        elif shape is not None and new != value and kind not in PERSONAL_KINDS and len(self._tokens) < _MOST_TOKENS:
            self._has_new |= value not in self._tokens
            self._tokens.add(value)
        return rewrite(raw, form, value, new)

    def _shape_of(self, value: str) -> Found | None:
        """The shape that is all of `value`."""
        shape = shape_of(value, self._whole)
        if shape is None:
            kind = personal_kind(value)
            shape = Found(0, len(value), kind) if kind is not None else None
        return shape

    def _replace_settings(self, value: str, variable: str | None) -> str:
        """The stand-in of an address or of settings: a program that takes it apart finds the stand-ins of its parts."""
        return self._table.put(value, self.spliced(value, self._settings[value]), "env", variable)

    def _replace_token(self, token: str, keeps: int) -> str:
        """The stand-in of a token (JWT): decoded, it says the stand-ins of what the token says."""
        form = with_claims(token, self._replace_claim)
        keeps = signature_start(form) if form != token or not form.endswith(".") else keeps
        return self._table.replace(token, "jwt", keeps=keeps, form=form)

    def _replace_pair(self, value: str, user: str, password: str, kind: str, variable: str | None) -> str:
        """The stand-in of a user and a password in base64: it says theirs, and a program that reads it finds both."""
        new_user = user
        if user and (not password or self._shape_of(user) is not None or is_credential(user)):
            new_user = self._replace(user, Found(0, len(user), "secret"))
        new_password = self._replace(password, Found(0, len(password), "secret")) if password else password
        made = written(f"{new_user}:{new_password}", value)
        if made == value:
            return self._table.replace(value, kind, variable=variable)
        return self._table.put(value, made, kind, variable)

    def _replace_claim(self, value: str, is_identity: bool) -> str:
        """A claim is replaced if it can be everywhere else, too: an agent goes on with what it read there."""
        if self._table.find(value) is not None:
            return value
        shape = self._shape_of(value)
        is_somebodys = is_secret_value(value) and (is_identity or is_credential(value))
        is_somebodys |= is_identity and len(value) >= SHORTEST_ANYWHERE and has_both(value)
        if shape is None and not is_somebodys and not is_worth(value):
            return value
        new = self._replace(value, Found(0, len(value), "claim"))
        if shape is None and new != value and value not in self._anywhere:
            self._look_for((value,))
        return new

    def _stand_in_of(self, value: str) -> str:
        """The stand-in of a value that is looked for everywhere."""
        return self._replace(value, Found(0, len(value), "secret"))

    def _stand_in_of_key(self, key: str) -> str:
        return self._replace(key, Found(0, len(key), PRIVATE_KEY.kind))

    def _wrapped(self, value: str, core: str, variable: str) -> str:
        """The stand-in of a value with something around it: stripped, it is the stand-in of the rest."""
        return self._table.put(value, value.replace(core, self._stand_in_of(core), 1), "env", variable)

    def _stand_ins(self) -> re.Pattern[str] | None:
        """Finds stand-ins where no shape would: of values that a name gave away, or that are looked for inside words.

        Addresses are found by their shape alone, and there may be thousands of them.
        """
        if self._values_seen != self._table.values:  # a value may have got a stand-in that was known already
            for value, item in self._table.values_after(self._values_seen):
                self._cuts.add(value, item)
            self._values_seen = self._table.values
        if self._stand_ins_seen != len(self._table):
            new = self._table.stand_ins_after(self._stand_ins_seen)
            self._stand_ins_seen = len(self._table)
            hidden = [item.stand_in for item in new if item.kind != EMAIL.kind and personal_kind(item.stand_in) is None]
            self._hidden += [text for text in hidden if len(text) >= SHORTEST_ANYWHERE]
            self._stand_in_pattern = _any_of(self._hidden)
            self._escaped_stand_ins.add(self._hidden)
            for item in new:
                self._cuts.add(item.stand_in, item)
        return self._stand_in_pattern


def _disjoint(spans: Iterable[Span]) -> list[Span]:
    """In order; of those that overlap the first, and the longest that begins there."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.found.start, -span.found.end)):
        if not kept or span.found.start >= kept[-1].found.end:
            kept.append(span)
    return kept


def _has_parts(value: str) -> bool:
    return len(value) < _LONGEST_PARTED and any(sign in value for sign in ("://", "=", '":'))


def _without_words(text: str, shapes: list[Found], known: list[Found]) -> Iterator[Found]:
    """Shapes, without those that are a known value with a word glued to it: what comes next is the agent's own."""
    ends: dict[int, list[int]] = {}
    for item in known:
        ends.setdefault(item.start, []).append(item.end)
    for item in shapes:
        rests = (text[end : item.end] for end in ends.get(item.start, ()) if end < item.end)
        if not any(map(_WORD.fullmatch, rests)):
            yield item


def _blank(escape: re.Match[str]) -> str:
    return "\\" + " " * (len(escape[0]) - 1)


def _inside_escaped_strings(text: str) -> bytearray:
    """Marks the strings with escapes in a text: they are decoded and searched on their own."""
    covered = bytearray(len(text))
    if "\\" in text:
        for item in json_literals(text):
            if item.kind in ("name", "text") and "\\" in text[item.start : item.end]:
                covered[item.start : item.end] = b"\1" * (item.end - item.start)
    return covered


def _any_of(values: Iterable[str]) -> re.Pattern[str] | None:
    longest_first = sorted(values, key=lambda value: (-len(value), value))
    return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
