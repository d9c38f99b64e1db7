"""The text of a cassette as plain data: nothing runs, nothing is lost in silence, damage has a line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("yaml", reason="cassettes are YAML")
import yaml

from replaykit.convert.vcr_yaml import load
from replaykit.errors import PacketError
from tests.convert.building import text_file


def _load(folder: Path, text: str | bytes) -> tuple[Any, tuple[str, ...]]:
    (document,), _, notes = load(text_file(folder, text))
    return document, notes


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!!python/unicode 'a'", "a"),
        ("!!python/str 'a'", "a"),
        ("!!python/tuple [a, b]", ["a", "b"]),
        ("!!python/bytes YQ==", b"a"),
        ("!!python/long '7'", 7),
        ("!!binary YQ==", b"a"),
        ("!binary YQ==", b"a"),
        ("!!python/object/apply:multidict._multidict.istr [Accept]", "Accept"),
        ("!!python/object/apply:multidict.istr\n- Accept", "Accept"),
        ("!!python/object/apply:__builtin__.frozenset\n- [[a, b]]", [["a", "b"]]),
        ("!!python/object:vcr.request.Request {method: GET}", {"method": "GET"}),
        ("!!python/object/new:_io.BytesIO\nstate: !!python/tuple [!!binary YQ==, 0, null]", b"a"),
        ("!!python/object/apply:builtins.iter\nargs: !!python/tuple [[a, b]]", ["a", "b"]),
        ("2024-01-02", "2024-01-02"),
        ("2024-01-02T03:04:05Z", "2024-01-02T03:04:05Z"),
    ],
)
def test_what_vcrpy_ever_wrote_is_read_without_a_word(tmp_path: Path, text: str, value: Any) -> None:
    assert _load(tmp_path, text) == (value, ())


def test_a_tag_as_the_key_of_a_header_is_its_text(tmp_path: Path) -> None:
    text = "headers:\n  ? !!python/object/apply:multidict._multidict.istr\n  - Accept\n  : - '*/*'\n"

    assert _load(tmp_path, text) == ({"headers": {"Accept": ["*/*"]}}, ())


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['touch {mark}']",
        "!!python/object/apply:subprocess.check_call [[touch, '{mark}']]",
        "!!python/object/new:builtins.eval [\"open('{mark}', 'w')\"]",
        "!!python/name:os.system",
        "!!python/module:antigravity",
        "!!python/object/apply:builtins.iter {{args: [!!python/object/apply:os.system ['touch {mark}']]}}",
    ],
)
def test_no_tag_runs_anything_and_each_is_named(tmp_path: Path, text: str) -> None:
    mark = tmp_path / "mark"

    _, notes = _load(tmp_path, "a: 1\nb: " + text.format(mark=mark))

    assert not mark.exists()
    assert notes[0].startswith("line 2: !!python/")
    assert notes[0].endswith("was read as plain data")


def test_a_key_that_stands_twice_is_named(tmp_path: Path) -> None:
    assert _load(tmp_path, "a:\n  x: 1\n  x: 2\n") == (
        {"a": {"x": 2}},
        ("line 3: the key 'x' stands twice; the last one was read",),
    )


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", 3, "not YAML"),
        ("a: 1\n\tb: 2\n", 2, "not YAML"),
        ("a: 1\nb: \x07\n", 2, "not YAML"),
        (b"a: 1\nb: \xff\n", 2, "not UTF-8 at byte 8"),
        ('{"a": 1,\n "b": \n', 3, "not YAML"),
        ("a: *missing\n", 1, "not YAML"),
        ("a: 1\nb: !<tag:example.com,2000:x> 2\n", 2, "not YAML"),
        ("a: !!int x\n", None, "contradicts its own tag"),
        ("[" * 5000, None, "not YAML"),
        (b"\x1f\x8b\x08\x00nothing", None, "can't be decompressed"),
        ("a: &a [*a]\n", None, "a value holds itself"),
    ],
    ids=["bracket", "tab", "control", "utf-8", "json", "alias", "tag", "value", "deep", "gzip", "loop"],
)
def test_damage_is_named_with_its_line(tmp_path: Path, text: str | bytes, line: int | None, words: str) -> None:
    with pytest.raises(PacketError, match=words) as caught:
        load(text_file(tmp_path, text))

    assert caught.value.path == tmp_path / "x.yaml"
    assert line is None or caught.value.line == line


def test_damage_is_named_without_what_stands_around_it(tmp_path: Path) -> None:
    secret = "sk-proj-Test4eYk7uWq2ZbT9xLm3RsV8cJh5NpA"
    for text in (f"authorization: [{secret}\nb: 1\n", f"a: !!int {secret}\n", f"a: {secret}: b\n"):
        with pytest.raises(PacketError) as caught:
            load(text_file(tmp_path, text))
        assert secret not in str(caught.value)


def test_aliases_that_stand_for_more_than_any_memory_holds_are_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]

    with pytest.raises(PacketError, match="aliases"):
        load(text_file(tmp_path, "\n".join(lines)))


def test_a_missing_file_is_an_error_of_that_file(tmp_path: Path) -> None:
    with pytest.raises(PacketError, match="can't be read: No such file"):
        load(tmp_path / "none.yaml")


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress, lambda data: b"\xef\xbb\xbf" + data])
def test_compressed_or_marked_text_is_the_same_text(tmp_path: Path, pack: Any) -> None:
    assert _load(tmp_path, pack("a: ü\n".encode())) == ({"a": "ü"}, ())


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(value=st.dictionaries(st.text(), _JSON, max_size=4))
def test_what_was_dumped_is_loaded(value: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("cassettes")

    assert _load(folder, yaml.safe_dump(value)) == (value, ())
    assert _load(folder, json.dumps(value)) == (value, ())
