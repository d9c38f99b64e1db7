"""`replaykit replay P`: the model is gone, the key is unset, and only the same run passes."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from replaykit.packet import Packet
from replaykit.serve.scripted import Fault, Rule, ScriptedServer
from tests.cli.conftest import AGENT, KEY, ROOT, Edit, Shop, clean_environ


def test_the_recorded_command_runs_again_offline(recorded: Shop) -> None:
    """It prints what it printed, with stand-ins for what was sensitive."""
    ended = recorded.run("replay", "last")

    assert ended.code == 0, ended.text
    assert ended.out.startswith("answer: Rain.\nsame run  2 of 2 exact, nothing left over, 0 live calls")
    assert recorded.server.count == 2


def test_a_changed_prompt_diverges(recorded: Shop, edit: Edit) -> None:
    """Exit 1, a dozen lines with the cause first, and no traceback of ours or of the agent's."""
    edit("careful", "cautious")

    ended = recorded.run("replay", "last")

    assert ended.code == 1
    lines = ended.out.splitlines()
    assert lines[0].startswith("diverged  ")
    assert "the system prompt (root cause: prompt)" in lines[1]
    assert "agent.py:" in lines[2]
    stripped = [line.strip() for line in lines]
    assert "- You are a careful weather assistant." in stripped
    assert "+ You are a cautious weather assistant." in stripped
    assert len(lines) <= 13
    assert "Traceback" not in ended.text


def test_the_commands_of_a_divergence_work_from_here(recorded: Shop, edit: Edit) -> None:
    """The packet's path is short, and what was run is said again."""
    edit("careful", "cautious")
    (path,) = recorded.packets

    ended = recorded.run("replay", f"packets/{path.name}", "--", "python", "agent.py")

    assert f"replaykit replay packets/{path.name} --policy wiring -- python agent.py " in ended.out
    wiring = recorded.run("replay", f"packets/{path.name}", "--policy", "wiring", "--", "python", "agent.py")
    assert wiring.code == 0
    assert "2 drift" in wiring.out
    assert "verdict: wiring ok" in wiring.out
    assert "same run" not in wiring.out


def test_a_declared_change_passes(recorded: Shop, edit: Edit) -> None:
    edit("careful", "cautious")

    ended = recorded.run("replay", "last", "--changed", "system")

    assert ended.code == 0, ended.text
    assert "2 expected" in ended.out
    assert "same run" not in ended.out


def test_another_print_after_the_last_call_diverges(recorded: Shop, edit: Edit) -> None:
    """All calls are exact; what the user would see is not."""
    edit('"answer:"', '"result:"')

    ended = recorded.run("replay", "last")

    assert ended.code == 1
    assert "2 of 2 exact" in ended.out
    assert "- answer: Rain." in ended.out
    assert "+ result: Rain." in ended.out
    assert recorded.run("replay", "last", "--no-stdout").code == 0


def test_another_exit_code_diverges(recorded: Shop, edit: Edit) -> None:
    edit('print("answer:", second)', 'print("answer:", second); raise SystemExit(4)')

    ended = recorded.run("replay", "last")

    assert ended.code == 1
    assert ended.out.splitlines()[-4:] == [
        "the run ended in another way (root cause: code)",
        "  exit code",
        "  - 0",
        "  + 4",
    ]


def test_a_failed_run_that_fails_in_the_same_way_is_the_same_run(shop: Shop, edit: Edit) -> None:
    """`same run` says nothing about whether the run was good; the verdict does."""
    edit('print("answer:", second)', "raise KeyError(second)")
    assert shop.record("python", "agent.py").code == 1
    shop.server.close()

    ended = shop.run("replay", "last")

    assert ended.code == 0, ended.text
    assert "verdict: failed, as recorded" in ended.out
    edit("KeyError", "ValueError")
    assert shop.run("replay", "last").code == 1


def test_a_failed_exit_code_that_comes_again_is_the_same_run(shop: Shop, edit: Edit) -> None:
    edit('print("answer:", second)', "raise SystemExit(3)")
    assert shop.record("python", "agent.py").code == 3
    shop.server.close()

    assert shop.run("replay", "last").code == 0
    edit("SystemExit(3)", "SystemExit(0)")
    assert shop.run("replay", "last").code == 1


def test_a_new_call_diverges_and_nothing_goes_out(recorded: Shop, edit: Edit) -> None:
    """Through a library that nobody intercepts, to a server that listens."""
    edit("import httpx", "import httpx, urllib.request")
    edit("def main():", "def main():\n    urllib.request.urlopen(os.environ['SIDE'] + '/ping')")
    recorded.server.start()
    count = recorded.server.count

    ended = recorded.run("replay", "last", SIDE=recorded.server.url)

    assert ended.code == 1
    assert "refused: connect 127.0.0.1" in ended.out
    assert recorded.server.count == count
    allowed = recorded.run("replay", "last", "--allow", f"127.0.0.1:{recorded.server.port}", SIDE=recorded.server.url)
    assert allowed.code == 0, allowed.text
    assert recorded.server.count == count + 1


def test_swallowing_the_divergence_does_not_help(recorded: Shop, edit: Edit) -> None:
    edit("careful", "cautious")
    edit("    main()\n", "    try:\n        main()\n    except BaseException:\n        print('all is well')\n")

    assert recorded.run("replay", "last").code == 1


def test_a_process_that_leaves_without_a_report_proves_nothing(recorded: Shop, edit: Edit) -> None:
    edit("    main()\n", "    main()\n    import sys; sys.stdout.flush()\n    os._exit(0)\n")

    ended = recorded.run("replay", "last")

    assert ended.code == 1
    assert "left no report: nothing is known about this replay; os._exit and kill leave none" in ended.out
    assert json.loads(recorded.run("replay", "last", "--json").out)["ok"] is False


def test_the_hash_seed_is_restored(shop: Shop) -> None:
    """Sets of texts come in the recorded order."""
    shop.write("order.py", "print(list({'a', 'b', 'c', 'd', 'e', 'f', 'g'}))")
    first = shop.record("python", "order.py").out

    ended = shop.run("replay", "last")

    assert ended.code == 0
    assert ended.out.startswith(first)


def test_json_is_one_object_on_stdout(recorded: Shop) -> None:
    """What the command prints goes to stderr."""
    ended = recorded.run("replay", "last", "--json")

    report = json.loads(ended.out)
    assert (report["ok"], report["exit_code"], len(report["interactions"])) == (True, 0, 2)
    assert ended.err == "answer: Rain.\n"


def test_a_second_python_of_the_command_may_not_run(recorded: Shop) -> None:
    """Only one process is replayed; another one would go live."""
    ended = recorded.run("replay", "last", "--", "sh", "-c", "python agent.py; python agent.py; true")

    assert ended.code == 2
    assert "the command starts a second Python process" in ended.err


AGENT_FUNCTION = """
import asyncio
import agent, replaykit

@replaykit.agent("weather")
def plain(question: str, *extra: str, short: bool = False) -> str:
    return agent.ask(question)

@replaykit.agent("weather")
async def later(question: str) -> str:
    return agent.ask(question)

async def around(question):
    return await later(question)

def block():
    with replaykit.record("block"):
        agent.main()
"""


@pytest.mark.parametrize(
    "call",
    [
        "plain('Oslo?', 'x', short=True)",
        "asyncio.run(later('Oslo?'))",
        "asyncio.run(around('Oslo?'))",
    ],
    ids=["function", "coroutine function", "inside another task"],
)
def test_a_recorded_function_is_called_again(shop: Shop, call: str) -> None:
    """With its arguments, from where it was in the run; its result is the output."""
    shop.write("weather.py", AGENT_FUNCTION)
    script = f"import asyncio, replaykit\nfrom weather import *\nwith replaykit.record('weather'):\n    {call}\n"
    shop.write("script.py", script)
    environ = {"BASE_URL": shop.server.url, "OPENAI_API_KEY": KEY}
    assert shop.start([sys.executable, "script.py"], environ=environ).code == 0
    assert shop.packet.entry.kind == "callable"
    shop.server.close()

    ended = shop.run("replay", "last")

    assert ended.code == 0, ended.text
    assert "same run  1 of 1 exact" in ended.out
    shop.write("weather.py", AGENT_FUNCTION.replace("agent.ask(question)", "agent.ask(question) + '!'"))
    assert shop.run("replay", "last").code == 1


OWN = """
import dataclasses, sys
import agent, replaykit

@dataclasses.dataclass
class Answer:
    text: str

class Refused(Exception):
    pass

@replaykit.agent("own")
def run(question: str) -> Answer:
    answer = Answer(agent.ask(question))
    if "refuse" in question:
        raise Refused(answer.text)
    return answer

if __name__ == "__main__":
    with replaykit.record("own"):
        run(sys.argv[1])
"""


@pytest.mark.parametrize("question", ["What?", "refuse"], ids=["returns", "raises"])
@pytest.mark.parametrize("argv", [["bin/own"], ["own.py"], ["-m", "package.own"]], ids=["script", "file", "module"])
def test_an_agent_of_the_program_itself_is_found_again(shop: Shop, argv: list[str], question: str) -> None:
    """With the classes that it has in `__main__`, for results and exceptions."""
    for folder in ("bin", "package"):
        (shop.folder / folder).mkdir()
    for name in ("bin/own", "own.py", "package/own.py"):
        shop.write(name, OWN)
    environ = {"BASE_URL": shop.server.url, "OPENAI_API_KEY": KEY, "PYTHONPATH": f"{ROOT}{os.pathsep}."}
    shop.start([sys.executable, *argv, question], environ=environ)
    shop.server.close()

    ended = shop.run("replay", "last", PYTHONPATH=environ["PYTHONPATH"])

    assert ended.code == 0, ended.text
    assert "same run  1 of 1 exact" in ended.out
    if argv == ["own.py"] and question == "What?":
        shop.write("own.py", OWN.replace("ask(question)", "ask(question) + '!'"))
        assert shop.run("replay", "last").code == 1


def test_a_block_needs_to_be_told_what_to_run(shop: Shop) -> None:
    """The message names both ways, and both work."""
    shop.write("weather.py", AGENT_FUNCTION + "\nif __name__ == '__main__':\n    block()\n")
    environ = {"BASE_URL": shop.server.url, "OPENAI_API_KEY": KEY}
    assert shop.start([sys.executable, "weather.py"], environ=environ).code == 0
    shop.server.close()

    ended = shop.run("replay", "last")

    assert ended.code == 2
    assert "-- python SCRIPT.py" in ended.err
    assert "--entry MODULE:FUNCTION" in ended.err
    assert shop.run("replay", "last", "--", "python", "weather.py").code == 0
    assert shop.run("replay", "last", "--entry", "agent:main").code == 0
    assert shop.run("replay", "last", "--entry", "agent.py:main").code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["replay", "missing.jsonl"], "no packet missing.jsonl: there is no such file"),
        (["replay", "agent.py"], "agent.py:"),
        (["replay", "last", "--policy", "lax"], "no policy 'lax'"),
        (["replay", "last", "--allow", "a b"], "allow entry 'a b' is malformed"),
        (["replay", "last", "--allow", "git"], "did you mean git:* or exec:git?"),
        (["replay", "last", "--entry", "nomod"], "--entry nomod: write MODULE:FUNCTION"),
        (["replay", "."], ". is a folder, and no packet is in it"),
        (["replay", "packets"], "packets is a folder: name a packet in it, such as packets/agent-"),
        (["replay", "last", "--entry", "nowhere:main"], "nowhere:main can't be imported: ModuleNotFoundError"),
        (["replay", "last", "--entry", "agent:nothing"], "agent:nothing: the module has no function 'nothing'"),
        (["replay", "last", "--entry", "a:b", "--", "python"], "give a command or --entry, not both"),
    ],
    ids=lambda value: " ".join(value[1:]) if isinstance(value, list) else "",
)
def test_what_can_t_be_done_is_said_in_one_message(recorded: Shop, words: list[str], message: str) -> None:
    ended = recorded.run(*words)

    assert ended.code == 2
    assert ended.err.startswith("replaykit: ")
    assert message in ended.err
    assert "Traceback" not in ended.text


def test_last_without_a_packet_says_how_to_make_one(shop: Shop) -> None:
    ended = shop.run("replay", "last")

    assert ended.code == 2
    assert "no packet in packets/ yet: `replaykit record -- CMD` writes one" in ended.err


def test_last_is_the_newest_of_the_store(recorded: Shop, tmp_path: Path) -> None:
    (recorded.folder / "packets").rename(tmp_path / "elsewhere")

    ended = recorded.run("replay", "last", REPLAYKIT_STORE="elsewhere")

    assert ended.code == 0, ended.text


def test_an_altered_packet_is_no_evidence(recorded: Shop) -> None:
    (path,) = recorded.packets
    path.write_text(path.read_text().replace("It rains", "It snows"))

    ended = recorded.run("replay", "last")

    assert ended.code == 2
    assert "altered after it was recorded" in ended.err
    assert Packet.load(path).recovered


def test_a_command_that_was_put_into_a_packet_does_not_run(recorded: Shop) -> None:
    (path,) = recorded.packets
    path.write_text(path.read_text().replace('"argv":["python","agent.py"]', '"argv":["sh","-c","touch ran"]'))

    ended = recorded.run("replay", "last", "--policy", "wiring")

    assert ended.code == 2
    assert "what it says to run is not run; type it behind --: sh -c 'touch ran'" in " ".join(ended.err.split())
    assert not (recorded.folder / "ran").exists()


def test_another_address_in_what_is_printed_diverges(shop: Shop, edit: Edit) -> None:
    """Both are in the prompt, so it is known which is which; neither is shown."""
    edit("What is the weather in Oslo?", "Write to ada.doe@shop.net or to eve.roe@shop.net")
    edit('print("answer:", second)', 'print("told ada.doe@shop.net")')
    assert shop.record("python", "agent.py").code == 0
    shop.server.close()
    assert shop.run("replay", "last").code == 0
    edit("told ada.doe", "told eve.roe")

    ended = shop.run("replay", "last", "--json")

    assert ended.code == 1, ended.text
    [divergence] = json.loads(ended.out)["divergences"]
    assert (divergence["position"], divergence["root_cause"]) == ("the end", "code")
    assert "a value of kind email" in divergence["message"]
    assert "eve.roe" not in divergence["message"]


LOOP = """
import json
import os
import httpx

def look_up(city):
    return f"{city}: rain"

messages = [{"role": "user", "content": "use a tool"}]
while True:
    base = os.environ.get("BASE_URL", "http://model.invalid")
    answer = httpx.post(f"{base}/v1/chat/completions", json={"model": "m", "messages": messages}, timeout=20)
    message = answer.raise_for_status().json()["choices"][0]["message"]
    messages.append(message)
    if not message.get("tool_calls"):
        break
    for call in message["tool_calls"]:
        content = look_up(**json.loads(call["function"]["arguments"]))
        messages.append({"role": "tool", "tool_call_id": call["id"], "content": content})
print(message["content"])
"""


def test_tools_that_nothing_stands_for_are_named_once(shop: Shop) -> None:
    """Whoever reads `same run` must know which part of it was no evidence, and what to do about it."""
    shop.write("agent.py", LOOP)
    assert shop.record("python", "agent.py").code == 0
    shop.server.close()

    ended = shop.run("replay", "last")

    assert ended.code == 0, ended.text
    assert ended.out.count("look_up") == 1
    assert "  1 tool ran for real: look_up; add @replaykit.tool to freeze it\n" in ended.out


def test_a_packet_is_replayed_in_its_project_from_wherever_it_is_typed(recorded: Shop, tmp_path: Path) -> None:
    away = tmp_path / "far" / "away"
    (away / ".git").mkdir(parents=True)
    elsewhere = Shop(away, recorded.server, recorded.environ)
    (away / "copy.packet.jsonl").write_bytes(recorded.packets[0].read_bytes())

    found, lost = elsewhere.run("replay", str(recorded.packets[0])), elsewhere.run("replay", "copy.packet.jsonl")

    assert found.code == 0, found.text
    assert lost.code == 2
    assert f"the command runs agent.py, which is not in {away}" in lost.err
    assert "replaykit replay copy.packet.jsonl -- python SCRIPT.py" in lost.err


def test_another_end_offers_no_policy_that_could_not_help(recorded: Shop, edit: Edit) -> None:
    edit('print("answer:"', 'print("result:"')

    ended = recorded.run("replay", "last")

    assert "2 calls were the same; the run ended in another way" in ended.out
    assert "--policy refactor" not in ended.out


ORDER = """
from agent import ask

def test_a():
    ask("a")

def test_b():
    ask("b")

def test_c():
    ask("c")

def test_d():
    ask("d")
"""


def test_tests_in_random_order_come_in_the_recorded_one(shop: Shop) -> None:
    pytest.importorskip("pytest_randomly")
    shop.write("test_order.py", ORDER)
    assert shop.record("pytest", "-q", "-p", "no:cacheprovider", "test_order.py").code == 0

    for _ in range(2):
        ended = shop.run("replay", "last")
        assert ended.code == 0, ended.text


def test_a_client_that_is_made_when_its_module_is_imported_needs_no_key(shop: Shop) -> None:
    """The packet's placeholder is there before the module is."""
    shop.write("weather.py", AGENT_FUNCTION + "\nimport os\nKEY = os.environ['OPENAI_API_KEY']\n")
    shop.write(
        "script.py", "import replaykit\nfrom weather import *\nwith replaykit.record('w'):\n    plain('Oslo?')\n"
    )
    environ = {"BASE_URL": shop.server.url, "OPENAI_API_KEY": KEY}
    assert shop.start([sys.executable, "script.py"], environ=environ).code == 0

    ended = shop.run("replay", "last")

    assert "OPENAI_API_KEY" not in shop.environ
    assert ended.code == 0, ended.text
    assert "same run  1 of 1 exact" in ended.out


def test_the_newest_run_is_replayed_although_it_was_interrupted(recorded: Shop) -> None:
    """Not an older one in silence: the journal is served as far as it reaches, and then it says so."""
    (path,) = recorded.packets
    lines = path.read_text().splitlines(keepends=True)
    done = [number for number, line in enumerate(lines) if line.startswith('{"kind":"done"')]
    journal = path.with_name("newer.journal.jsonl")
    journal.write_text("".join(lines[: done[0] + 1]))

    ended = recorded.run("replay", "last")

    assert ended.code == 1
    assert "recording ends" in ended.out
    assert "newer.journal.jsonl" in ended.out
    assert "interrupted: the run has no outcome line" in ended.out


@pytest.mark.parametrize("option", ["--store", "--name"])
def test_an_option_without_its_value_is_not_the_command_s_dashes(shop: Shop, option: str) -> None:
    ended = shop.run("record", option, "--", "python", "agent.py")

    assert (ended.code, ended.err) == (2, f"replaykit: {option} has no value: -- stands where it should be\n")
    assert not (shop.folder / "--").exists()


RETRYING = AGENT.replace(
    '    answer = httpx.post(f"{base}/v1/chat/completions", json=body, headers=headers, timeout=20)\n',
    """    for attempt in range(int(os.environ.get("ATTEMPTS", "3"))):
        headers["x-stainless-retry-count"] = str(attempt)
        answer = httpx.post(f"{base}/v1/chat/completions", json=body, headers=headers, timeout=20)
        if answer.status_code < 400:
            break
""",
)


def test_fewer_attempts_are_no_difference_where_only_the_last_one_counts(tmp_path: Path) -> None:
    with ScriptedServer([Rule(fault=Fault.status(500), times=2), Rule(reply="Rain.")]) as server:
        shop = Shop(tmp_path, server, clean_environ())
        shop.write("agent.py", RETRYING)
        assert shop.record("python", "agent.py").code == 0

    assert shop.run("replay", "last").out.startswith("answer: Rain.\nsame run  4 of 4 exact")
    assert shop.run("replay", "last", ATTEMPTS="1").code == 1
    ended = shop.run("replay", "last", "--attempts", "final", ATTEMPTS="1")
    assert ended.code == 0, ended.text
    assert ended.out.startswith("answer: Rain.\nok  2 of 2 exact, nothing left over, 0 live calls")
    assert "only the last recorded attempt was served at llm:chat[0] (3 attempts)" in ended.out
    assert "same run" not in ended.out
    assert shop.run("replay", "last", "--attempts", "some").code == 2
