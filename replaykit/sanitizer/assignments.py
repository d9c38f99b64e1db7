"""Values that are secrets by the name before them in a plain text: code, settings, logs, commands of a database."""

from __future__ import annotations

import re
from collections.abc import Iterator

from replaykit.sanitizer.names import Strength, field_strength, is_secret_variable
from replaykit.sanitizer.personal import personal_kind
from replaykit.sanitizer.shapes import Found, is_placeholder
from replaykit.sanitizer.sourcecode import is_code_name
from replaykit.sanitizer.tables import find_columns
from replaykit.sanitizer.values import has_both, is_credential, is_password, is_secret_under, named_span, named_value
from replaykit.sanitizer.views import OPAQUE, decode

_SHORTEST = 8  # characters, under a name that says less
_HINTS = ("key", "token", "secret", "pass", "pwd", "credential", "auth", "cookie", "appid", "_pw", "identified by")
_LITERAL = r"(?:[bBuU]?[rR]?|[rR][bB])"  # what may stand before a string of Python
_QUOTED = re.compile(
    rf"""(["'])([\w.$ -]{{2,60}})\1\s{{0,3}}:\s{{0,3}}{_LITERAL}(["'])((?:\\.|(?!\3)[^\\])*+)\3""", re.DOTALL
)
_CONTENT = r"(?:<!\[CDATA\[(?P<data>(?:[^\]<]|\](?!\]>)|<(?!!)){4,2048})\]\]>|(?P<value>[^<>\s]{4,2048}))\s{0,20}</"
_ELEMENT = re.compile(rf"<(?:\w{{1,20}}:)?(?P<name>[\w.-]{{2,40}})(?:\s[^<>]{{0,200}})?>\s{{0,20}}{_CONTENT}")
_NAMED_ELEMENT = re.compile(
    r"<(?:\w{1,20}:)?\w{0,20}(?:[nN]ame|[kK]ey)>\s{0,20}(?P<name>[\w.:-]{2,60})\s{0,20}</[\w:]{3,40}>\s{0,40}"
    rf"<(?:\w{{1,20}}:)?(?:\w{{0,20}}[vV]alue|string)>\s{{0,20}}{_CONTENT}"
)
# A block of YAML: the value of `password: |` are the lines below it that stand further in.
_BLOCK = re.compile(
    r"(?m)^(?P<indent>[ \t]*)(?:- )?[\"']?(?P<name>[\w.-]{2,40})[\"']?:[ \t]+[|>][+-]?\d?[+-]?[ \t]*\n"
    r"(?P<lines>(?:(?P=indent)[ \t]+\S[^\n]*(?:\n|\Z)|[ \t]*\n)+)"
)
_LINE = re.compile(r"\S[^\n]*(?<=\S)")
_ASSIGNED = re.compile(
    r"[\w-]{0,24}[\"'`]?[\])]?(?:\s{0,3}(?::=|=>|<-|!?={1,3}|:)\s{0,3}|\((?=[bB]?[\"'])|\s{1,3}is:?\s|\s{1,3}(?=[\"']))"
    rf"(?:{_LITERAL}[\"'`](?P<quoted>[^\s\"'`\\]{{4,400}})[\"'`]|[\"'`]?(?:(?:Bearer|Basic|Token)\s+)?"
    r"(?P<secret>[\w.~+/=!@#$%^*-]{6,400}(?<![.!]))(?!\())",
    re.IGNORECASE,
)
# A setting of a connection: `Server=db;User Id=me;Password=p,(w);`
_SETTING = re.compile(r"[\w-]{0,24}=(?P<value>[^;\"'\s]{3,400})")
_CONNECTION = re.compile(
    r"(?:server|data source|endpoint|accountname|host|uid|user ?(?:id|name)?|initial catalog)\s?=[^;\n]{1,200};",
    re.IGNORECASE,
)
# A name and a value side by side: attributes of XML, the environment of a container.
_VALUE = re.compile(
    r"value(?:=|:\s?)(?:\"(?P<double>[^\"]{4,400})\"|'(?P<single>[^']{4,400})'|(?P<bare>[^\s\"'<>,]{4,400}))"
)
_BEFORE_VALUE = re.compile(r"\b(?:[kK]ey|[nN]ame)(?:=|:\s?)[\"']?(?P<name>[\w.:-]{2,60})[\"']?,?\s{1,40}\Z")
_LOGIN = re.compile(r"login\s{1,9}\S{1,80}\s{1,9}password\s{1,9}(?P<value>[^\s<\"\\]{3,200})")
_SQL = re.compile(r"(?:IDENTIFIED BY|identified by)\s{1,3}'(?P<value>[^'\n]{3,200})'")
_CLUSTER_SECRET = re.compile(r"(?m)^([ \t]*)(?:data|stringData):[ \t]*\n((?:\1[ \t]+[^\n]*(?:\n|\Z)|[ \t]*\n)+)")
_CLUSTER_VALUE = re.compile(r"(?m)^[ \t]+[\"']?[\w.-]{1,80}[\"']?:[ \t]+[\"']?(?P<value>[^\s\"'|>][^\s\"']{3,})")
_NAME_END = re.compile(r"[\w-]*")
_NAME_START = re.compile(r"[A-Za-z_][\w-]*$")
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


def find_assignments(text: str) -> Iterator[Found]:
    """Secret values behind their names."""
    hints = _hints(text)
    if not hints:
        return
    yield from _paired_values(text)
    if ":" in text:
        yield from _quoted_values(text)
    yield from _assigned_values(text, hints)
    yield from _behind(_LOGIN, text)
    yield from _behind(_SQL, text)
    if "kind: Secret" in text:
        yield from _cluster_values(text)
    if ": |" in text or ": >" in text:
        yield from _block_values(text)
    if "\n" in text:
        yield from find_columns(text)


def _behind(pattern: re.Pattern[str], text: str) -> Iterator[Found]:
    for match in pattern.finditer(text):
        if not is_placeholder(match["value"]):
            yield Found(*match.span("value"), "secret")


def _paired_values(text: str) -> Iterator[Found]:
    for match in _VALUE.finditer(text):
        before = _BEFORE_VALUE.search(text[max(0, match.start() - 120) : match.start()])
        strength = field_strength(before["name"]) if before is not None else None
        # A page's hidden fields have names like these, too; and without quotes it may be a word about it.
        if strength in ("strong", "loose", "personal") and (match["bare"] is None or has_both(match["bare"])):
            span = named_span(match[match.lastgroup or 0], strength)
            if span is not None:
                yield Found(match.start(match.lastgroup or 0) + span[0], match.end(match.lastgroup or 0), "secret")


def _cluster_values(text: str) -> Iterator[Found]:
    """What a Kubernetes secret holds, whatever the names in it."""
    for block in _CLUSTER_SECRET.finditer(text):
        for match in _CLUSTER_VALUE.finditer(text, *block.span(2)):
            yield Found(*match.span("value"), "secret")


def _block_values(text: str) -> Iterator[Found]:
    """A block of one line is the secret; in a longer one, which may be a whole file, the lines that look like one."""
    for block in _BLOCK.finditer(text):
        strength = field_strength(block["name"])
        lines = list(_LINE.finditer(text, *block.span("lines"))) if strength is not None else []
        for line in lines:
            if len(lines) == 1 or is_credential(line[0]):
                yield from named_value(line, 0, strength, "plain")


def find_elements(text: str) -> Iterator[Found]:
    """Secret values in XML: `<password>...</password>`. One with a space in it is prose, or more XML, but for CDATA."""
    for pattern in (_ELEMENT, _NAMED_ELEMENT):
        for match in pattern.finditer(text):
            group = "value" if match["data"] is None else "data"
            yield from named_value(match, group, field_strength(match["name"]), "plain")


def _quoted_values(text: str) -> Iterator[Found]:
    for match in _QUOTED.finditer(text):
        yield from named_value(match, 4, field_strength(match[2]), "json")


def _hints(text: str) -> list[int]:
    """Where words begin that names of secrets have in them."""
    lowered = text.lower()
    if len(lowered) != len(text):  # a capital letter that becomes two
        lowered = "".join(char.lower() if char.isascii() else char for char in text)
    places = []
    for hint in _HINTS:
        place = lowered.find(hint)
        while place >= 0:
            places.append(place)
            place = lowered.find(hint, place + 1)
    return places


def _assigned_values(text: str, hints: list[int]) -> Iterator[Found]:
    has_settings = ";" in text
    for start in hints:
        end = start + 3  # the shortest hint; the pattern takes the rest of the word
        match = _ASSIGNED.match(text, end)
        setting = _SETTING.match(text, end) if has_settings else None
        if match is None and setting is None:
            continue
        before = _NAME_START.search(text[max(0, start - 40) : end])
        rest = _NAME_END.match(text, end)
        if before is None or rest is None:
            continue
        name = before[0] + rest[0]
        strength = field_strength(name)
        is_strong = strength in ("strong", "loose") or (name.isupper() and is_secret_variable(name))
        if is_strong and setting is not None and _CONNECTION.search(text[max(0, start - 240) : start]) is not None:
            if not is_placeholder(setting["value"]):
                yield Found(*setting.span("value"), "secret")
        elif match is not None:
            group = "secret" if match["quoted"] is None else "quoted"
            said = decode(match[group], "percent")
            said = match[group] if OPAQUE in said else said  # written for no link: a password with a sign in it
            is_somebodys = said != match[group] and personal_kind(said) is not None  # found by its shape
            if (
                not is_somebodys
                and _is_assigned(match[group], strength, is_strong=is_strong)
                and not (group == "secret" and is_code_name(text, *match.span(group)))
            ):
                yield Found(*match.span(group), "secret", form="plain" if said == match[group] else "percent")


def _is_assigned(value: str, strength: Strength | None, *, is_strong: bool) -> bool:
    if _DOTTED.fullmatch(value) or is_placeholder(value):
        return False
    if strength == "loose" and not is_secret_under(value, strength):
        return False
    return is_password(value) if is_strong else len(value) >= _SHORTEST and is_secret_under(value, strength)
