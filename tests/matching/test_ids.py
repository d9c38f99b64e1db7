"""Ids by who issued them."""

from __future__ import annotations

import uuid
from typing import Any

from replaykit.matching.ids import IdTable
from replaykit.matching.recorded import RecordedContents
from replaykit.packet import Packet
from replaykit.sanitizer.sanitizer import Sanitizer
from tests.matching.building import answer_with_calls, body_of, content_of, model_lines, packet_of, said


def _turn(*pairs: tuple[str, str], before: tuple[Any, ...] = (said("go"),)) -> dict[str, Any]:
    """The request that sends results back: `(id, text)` in the order of the calls."""
    message = answer_with_calls(*(name for name, _ in pairs))["choices"][0]["message"]
    results = [{"role": "tool", "tool_call_id": name, "content": text} for name, text in pairs]
    return body_of(*before, message, *results)


def _recorded(*ids: str, texts: tuple[str, ...] = ("one", "two")) -> Packet:
    pairs = tuple(zip(ids, texts, strict=True))
    first = ("llm:chat[0]", body_of(said("go")), answer_with_calls(*ids))
    return packet_of(model_lines([first, ("llm:chat[1]", _turn(*pairs), answer_with_calls())]))


def _keys(packet: Packet) -> list[str]:
    contents = RecordedContents(packet, Sanitizer())
    return [contents.of(item).key for item in packet.interactions]


def test_two_recordings_with_other_provider_ids_have_equal_keys() -> None:
    assert _keys(_recorded("call_a", "call_b")) == _keys(_recorded("call_y", "call_x"))


def test_swapped_results_of_parallel_calls_do_not_hash_equal() -> None:
    assert _keys(_recorded("call_a", "call_b"))[1] != _keys(_recorded("call_a", "call_b", texts=("two", "one")))[1]


def test_a_truncated_history_does_not_renumber_ids() -> None:
    """Agents cut old turns away; what is left must keep its names."""
    ids = IdTable()
    ids.issue("llm:chat[0]", [("call_a", "tool_calls[0]")])
    ids.issue("llm:chat[1]", [("call_b", "tool_calls[0]")])
    whole = _turn(("call_b", "later"), before=(said("x"), *_turn(("call_a", "first"), before=())["messages"]))
    cut = _turn(("call_b", "later"), before=())

    last = [content_of(body, ids=ids).segments for body in (whole, cut)]
    assert last[0]["messages[3]"] == last[1]["messages[0]"]


def test_ids_made_by_the_client_are_numbered_once_for_the_run_and_lineage() -> None:
    ids, other_run = IdTable(), IdTable()
    made = [content_of(_turn(("mine-1", "x")), ids=ids, lineage="a").key for _ in range(2)]
    again = content_of(_turn(("yours-9", "x")), ids=other_run, lineage="a").key

    assert made == [again, again]


def test_a_second_client_id_gets_a_second_number() -> None:
    ids = IdTable()
    first = content_of(_turn(("mine-1", "x")), ids=ids).key
    second = content_of(_turn(("mine-2", "x")), ids=ids).key

    assert first != second == content_of(_turn(("mine-2", "x")), ids=ids).key


def test_any_other_string_is_content() -> None:
    """Only a place where an id is expected makes a string a client's id."""
    ids = IdTable()

    assert content_of(body_of(said("mine-1")), ids=ids).segments["messages[0]"]["content"][0]["text"] == "mine-1"


def test_a_list_of_types_in_a_schema_is_no_block() -> None:
    """JSON Schema says `"type": ["string", "null"]`, also beside a property that is called id."""
    schema = {"type": ["string", "null"], "id": "x"}

    assert IdTable().name_all(schema, "") == schema


def test_random_ids_beside_the_question_are_numbered() -> None:
    """openai-agents makes a cache key of a new UUID in each run."""
    table = IdTable()
    first, second = uuid.UUID(int=1), uuid.UUID(int=2)
    options = {"prompt_cache_key": f"run:{first.hex}", "metadata": {"trace": str(second), "again": first.hex}}

    assert table.number_random(options, "agent[0]") == {
        "prompt_cache_key": "run:<client/id[0]>",
        "metadata": {"trace": "<client/id[1]>", "again": "<client/id[0]>"},
    }


def test_what_is_no_random_id_stays() -> None:
    options = {"user": "customer-4711", "cache": "abcdef0123456789", "n": 3}

    assert IdTable().number_random(options, "") == options
