"""What one place says, event after event, is joined; what others say in between is not in it."""

from __future__ import annotations

from replaykit.sanitizer.tracks import event_data, json_lines, parse_event, parse_json, tracks


def _texts(*events: str) -> dict[str, str]:
    return {track.path: track.text for track in tracks([parse_event(event) for event in events])}


def test_events_end_at_empty_lines_whatever_the_line_ends() -> None:
    assert event_data("data: a\ndata:b\n\n: note\ndata: c\r\n\r\ndata: d") == ["a\nb", "c", "d"]


def test_choices_and_blocks_are_told_apart_by_their_index() -> None:
    found = _texts(
        '{"choices": [{"index": 0, "t": "a"}]}',
        '{"choices": [{"index": 1, "t": "x"}]}',
        '{"choices": [{"index": 0, "t": "b"}, {"index": 1, "t": "y"}]}',
    )

    assert found == {"$.choices[0].t": "ab", "$.choices[1].t": "xy"}


def test_items_that_come_in_turn_are_joined_by_their_ids_and_once_by_their_path() -> None:
    events = [parse_event(f'{{"item_id": "{name}", "delta": "{text}"}}') for name, text in ("pa", "qx", "pb", "qy")]

    assert [track.text for track in tracks(events) if track.path == "$.delta"] == ["ab", "xy", "axby"]


def test_what_every_event_repeats_is_no_track() -> None:
    assert _texts('{"model": "m", "t": "a"}', '{"model": "m", "t": "b"}') == {"$.t": "ab"}


def test_an_event_that_is_no_json_is_its_text_and_a_number_may_be_a_piece_of_one() -> None:
    assert _texts("key-", "4", "true", "x") == {"$": "key-4truex"}


def test_a_track_says_from_which_event_to_which() -> None:
    (track,) = tracks([parse_event(text) for text in ("{}", '{"t": "a"}', "{}", '{"t": "b"}', "{}")])

    assert (track.first, track.last) == (1, 3)


def test_names_that_stand_twice_are_both_there() -> None:
    assert parse_json('{"a": 1, "a": 2}') == [("a", 1), ("a", 2)]


def test_lines_are_json_lines_only_if_all_of_them_are() -> None:
    assert json_lines('{"a": 1}\n\n[2]\n') == ['{"a": 1}', "[2]"]
    assert json_lines('0:"a"\n0:"b"\nd:{}\n') == ['"a"', '"b"', "{}"]
    assert json_lines('{"a": 1}\nprose') == json_lines('{"a": 1}') == []
