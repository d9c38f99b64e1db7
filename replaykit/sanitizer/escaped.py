"""Values that are known, written with escapes: for a URL, in JSON, in XML, as `repr` writes them, in any mix of these.

Texts that are taken apart by their structure do not need this. It finds what stands in prose, in the output of a
program, in the text of an exception; and values that have quotes and backslashes of their own, at which JSON in prose
would be cut in the wrong places.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Iterator

from replaykit.sanitizer.shapes import Found

ESCAPED = "escaped"
"""Kind of a known value, or a stand-in, that was found with escapes in it."""

_PLAIN = frozenset(string.ascii_letters + string.digits + "-_.~")  # nothing escapes these
_RUN = re.compile(r"[A-Za-z0-9]+")
_QUOTED = "\"'/"  # JSON escapes the first and may escape the last, `repr` escapes the second
_LETTERS = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}
_ENTITIES = {  # of XML and HTML
    "&": ("&amp;", "&#38;", "&#x26;"),
    "<": ("&lt;", "&#60;", "&#x3[cC];"),
    ">": ("&gt;", "&#62;", "&#x3[eE];"),
    '"': ("&quot;", "&#34;", "&#x22;"),
    "'": ("&apos;", "&#39;", "&#x27;"),
}
_LEVELS = r"\\{1,4}"  # JSON in JSON in JSON


class Escaped:
    """Finds the spellings of values that have characters to escape."""

    def __init__(self) -> None:
        self._values: dict[str, _Value] = {}

    def __repr__(self) -> str:
        return f"<Escaped: {len(self._values)} values>"

    def add(self, values: Iterable[str]) -> None:
        """Looks for these, too."""
        for value in values:
            if not _PLAIN.issuperset(value) and value not in self._values:
                self._values[value] = _Value(value)

    def find(self, text: str, *, only_quoted: bool = False) -> Iterator[Found]:
        """Every spelling in a text; also the value as it is, where it has something that could be escaped.

        Args:
            only_quoted: Only values with quotes or backslashes of their own.
        """
        for value in self._values.values():
            if value.run in text and (value.is_quoted or not only_quoted):
                for match in value.pattern.finditer(text):
                    yield Found(*match.span(), "secret" if match[0] == value.text else ESCAPED)

    def value_of(self, piece: str) -> str | None:
        """The value that `piece` spells, all of it."""
        match = self._match(piece)
        return match[0] if match is not None else None

    def disguised(self, piece: str, stand_in_of: Callable[[str], str]) -> str:
        """A piece that `find` found, saying the stand-in of its value in the same spelling."""
        match = self._match(piece)
        assert match is not None
        value, pieces = match
        return "".join(map(_written, pieces, value, stand_in_of(value)))

    def _match(self, piece: str) -> tuple[str, tuple[str, ...]] | None:
        for value in self._values.values():
            match = value.pattern.fullmatch(piece) if value.run in piece else None
            if match is not None:
                return value.text, match.groups()
        return None


class _Value:
    """One value.

    Attributes:
        run: Its longest piece that nobody escapes: what to look for first, since it is quick.
        is_quoted: It has quotes or backslashes of its own.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.run = max(_RUN.findall(text), key=len, default="")
        self.is_quoted = '"' in text or "\\" in text
        self._pattern: re.Pattern[str] | None = None

    @property
    def pattern(self) -> re.Pattern[str]:
        """A group for every character."""
        if self._pattern is None:
            self._pattern = re.compile("".join(f"({_spellings(char)})" for char in self.text))
        return self._pattern


def _spellings(char: str) -> str:
    if char in _PLAIN:
        return re.escape(char)
    spellings = ["".join(f"%{_hex(byte, 2)}" for byte in char.encode("utf-8", "surrogatepass"))]
    if char == " ":
        spellings.append(r"\+")
    if char in _LETTERS:
        spellings.append(_LEVELS + _LETTERS[char])
    if not char.isalnum() or not char.isascii():
        units = char.encode("utf-16-be", "surrogatepass")
        pairs = (int.from_bytes(units[place : place + 2], "big") for place in range(0, len(units), 2))
        spellings.append("".join(f"{_LEVELS}u{_hex(pair, 4)}" for pair in pairs))
    if ord(char) < 256:
        spellings.append(f"{_LEVELS}x{_hex(ord(char), 2)}")
    spellings += _ENTITIES.get(char, ())
    own = r"\\{1,8}" if char == "\\" else re.escape(char)
    return "|".join((*spellings, rf"\\{{0,7}}{own}" if char in _QUOTED else own))


def _hex(number: int, digits: int) -> str:
    return "".join(f"[{char}{char.upper()}]" if char.isalpha() else char for char in f"{number:0{digits}x}")


def _written(piece: str, before: str, after: str) -> str:
    """`after` as `piece` writes `before`, which takes as many bytes."""
    if before == after:
        return piece
    if piece == before:
        return after
    if piece[0] == "%":
        return "".join(f"%{byte:02X}" for byte in after.encode("utf-8", "surrogatepass"))
    lead = piece[: len(piece) - len(piece.lstrip("\\")) + 1]  # the backslashes, and the letter behind them
    if lead[-1] == "x":
        return f"{lead}{ord(after):02x}"
    units = after.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"{lead}{units[place : place + 4]}" for place in range(0, len(units), 4))
