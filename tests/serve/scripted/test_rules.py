from __future__ import annotations

import json
import re

import pytest

from replaykit.errors import UsageError
from replaykit.serve.scripted import Route, Rule
from tests.serve.scripted.clients import chat, chat_text, fetch, user
from tests.serve.scripted.conftest import Serve

MATCHING = {
    "substring": Rule("refund", "hit"),
    "pattern": Rule(re.compile(r"order \d+"), "hit"),
    "function": Rule(lambda prompt: prompt.model == "m" and prompt.last.endswith("1042"), "hit"),
    "user": Rule(user="refund", reply="hit"),
    "system": Rule(system="careful", reply="hit"),
    "model": Rule(model=re.compile("^m$"), reply="hit"),
    "path": Rule(path="/chat/", reply="hit"),
    "no tool result": Rule(has_tool_result=False, reply="hit"),
    "all of them": Rule("refund", "hit", system="careful", model="m", has_tool_result=False),
}
PASSING = {
    "another text": Rule("invoice", "hit"),
    "another system": Rule("refund", "hit", system="careless"),
    "a tool result": Rule("refund", "hit", has_tool_result=True),
    "another path": Rule("refund", "hit", path="/messages"),
    "never": Rule("refund", "hit", times=0),
}
MESSAGES = [{"role": "system", "content": "Be careful."}, *user("refund order 1042")]


@pytest.mark.parametrize("rule", MATCHING.values(), ids=MATCHING)
def test_rule_answers_when_its_conditions_hold(serve: Serve, rule: Rule) -> None:
    server = serve(rule, Rule(reply="miss"))

    _, _, body = chat(server, "", messages=MESSAGES)

    assert json.loads(body)["choices"][0]["message"]["content"] == "hit"


@pytest.mark.parametrize("rule", PASSING.values(), ids=PASSING)
def test_rule_is_passed_over_when_one_condition_fails(serve: Serve, rule: Rule) -> None:
    server = serve(rule, Rule(reply="miss"))

    _, _, body = chat(server, "", messages=MESSAGES)

    assert json.loads(body)["choices"][0]["message"]["content"] == "miss"


def test_when_looks_at_the_last_message_only(serve: Serve) -> None:
    server = serve(Rule("refund", "hit"), Rule(reply="miss"))
    history = [*user("refund"), {"role": "assistant", "content": "refund?"}, *user("no, thanks")]

    _, _, body = chat(server, "", messages=history)

    assert json.loads(body)["choices"][0]["message"]["content"] == "miss"


def test_begun_answer_is_passed_over(serve: Serve) -> None:
    server = serve(Rule("refund", "hit"))

    _, _, body = chat(server, "", messages=[*user("refund"), {"role": "assistant", "content": "The answer is ("}])

    assert json.loads(body)["choices"][0]["message"]["content"] == "hit"


def test_parallel_tool_results_are_matched_together(serve: Serve) -> None:
    server = serve(Rule("a-result\nb-result", "hit"))
    results = [{"role": "tool", "tool_call_id": key, "content": f"{key}-result"} for key in "ab"]

    _, _, body = chat(server, "", messages=[*user("x"), {"role": "assistant", "content": None}, *results])

    assert json.loads(body)["choices"][0]["message"]["content"] == "hit"


def test_rules_with_times_make_a_sequence(serve: Serve) -> None:
    server = serve(Rule(reply="one", times=1), Rule(reply="two", times=2), Rule(reply="rest"))

    assert [chat_text(server, "x") for _ in range(5)] == ["one", "two", "two", "rest", "rest"]


def test_number_in_a_reply_tells_answers_apart_and_leaves_other_braces(serve: Serve) -> None:
    server = serve(Rule(reply='{"n": {n}, "{x}": "{}"}'))

    assert [chat_text(server, "x") for _ in range(2)] == ['{"n": 1, "{x}": "{}"}', '{"n": 2, "{x}": "{}"}']


def test_reply_can_be_made_from_the_prompt(serve: Serve) -> None:
    server = serve(Rule(reply=lambda prompt: prompt.last.upper()))

    assert chat_text(server, "shout") == "SHOUT"


def test_same_requests_get_the_same_bytes_from_a_new_server(serve: Serve) -> None:
    rules = (Rule("a", "one {n}"), Rule(reply="two"))
    servers = [serve(*rules), serve(*rules)]

    first, second = ([chat(server, text) for text in "aba"] for server in servers)

    assert first == second


def test_prompt_without_a_rule_gets_an_error_that_names_both(serve: Serve) -> None:
    server = serve(Rule("refund", "Sure.", times=1), Rule(re.compile("inv.*"), "No.", system="strict"))
    chat(server, "refund")

    status, _, body = chat(server, "refund")

    message = json.loads(body)["error"]["message"]
    assert status == 404
    assert "openai.chat call: last='refund'" in message
    assert "rules[0] Rule(when='refund', times=1) is used up" in message
    assert "rules[1] Rule(when=/inv.*/, system='strict')" in message


def test_script_that_raises_is_an_error_that_no_sdk_retries(serve: Serve) -> None:
    server = serve(Rule(lambda prompt: prompt.no_such_attribute, "x"))

    status, headers, body = chat(server, "x")

    assert (status, headers["x-should-retry"]) == (500, "false")
    assert "the script raised AttributeError" in json.loads(body)["error"]["message"]


@pytest.mark.parametrize(
    "options",
    [{}, {"reply": "x", "chunk_size": 0}, {"reply": "x", "wire_chunk_bytes": 0}, {"embedding": [1.0]}],
    ids=str,
)
def test_rule_that_cannot_answer_is_refused_where_it_is_written(options: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Rule("refund", **options)


def test_route_answers_by_method_path_and_query(serve: Serve) -> None:
    paris = Route("GET", "/weather", query={"city": "Paris"}, json={"c": 21, "n": "{n}"})
    anywhere = Route("get", re.compile(r"/weather.*"), text="rain", status=203)
    server = serve(routes=[paris, anywhere])

    assert fetch(server, "GET", "/weather?city=Paris&unit=c")[2] == b'{"c":21,"n":"1"}'
    assert fetch(server, "GET", "/weather/today")[::2] == (203, b"rain")
    assert fetch(server, "POST", "/weather", {})[0] == 404


def test_route_can_make_its_answer_from_the_request(serve: Serve) -> None:
    server = serve(routes=[Route("POST", "/double", json=lambda request: {"value": request.json["value"] * 2})])

    assert fetch(server, "POST", "/double", {"value": 21})[2] == b'{"value":42}'


def test_unknown_path_gets_an_error_that_names_what_there_is(serve: Serve) -> None:
    server = serve(routes=[Route("GET", "/weather", json={})])

    _, _, body = fetch(server, "GET", "/wether")

    message = json.loads(body)["error"]["message"]
    assert "nothing answers GET /wether" in message
    assert "GET /weather, POST .../chat/completions" in message


def test_body_that_is_no_json_object_is_a_bad_request(serve: Serve) -> None:
    server = serve(Rule(reply="x"))

    assert fetch(server, "POST", "/v1/chat/completions", [1])[0] == 400


def test_any_prefix_stands_before_the_path_of_an_api(serve: Serve) -> None:
    server = serve(Rule(reply="x"))
    path = "/openai/deployments/d/chat/completions?api-version=1"

    status, _, _ = fetch(server, "POST", path, {"model": "m", "messages": user("x")})

    assert (status, server.requests[0].query) == (200, {"api-version": "1"})
