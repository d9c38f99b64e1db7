"""`replaykit stress`: a race in the agent is found offline, from one recording, and comes again from its seed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.conftest import Shop

RACY = """
import asyncio
import replaykit

@replaykit.tool
async def look_up(what, after_s=0.0):
    await asyncio.sleep(after_s)
    return what.upper()

async def main():
    notes = []

    async def note(what, after_s):
        notes.append(await look_up(what, after_s))

    await asyncio.gather(note("oslo", 0.01), note("bergen", 0.04))
    print(await look_up(" and ".join(notes)))

if __name__ == "__main__":
    asyncio.run(main())
"""
SORTED = RACY.replace("join(notes)", "join(sorted(notes))")

ENTRY = RACY.replace("async def main", '@replaykit.agent("weather")\nasync def main')


def record(shop: Shop, agent: str) -> None:
    shop.write("agent.py", agent)
    ended = shop.record("python", "agent.py")
    assert ended.code == 0, ended.text


def stress(shop: Shop, *words: str) -> tuple[int, dict[str, Any]]:
    ended = shop.run("stress", "last", "--json", *words, timeout_s=120)
    return ended.code, json.loads(ended.out)


def test_what_depends_on_who_is_first_is_found_and_comes_again_from_its_seed(shop: Shop) -> None:
    record(shop, RACY)

    code, report = stress(shop)
    [found] = report["depends"]
    words = found["command"].split()[3:]
    again = shop.run("stress", "last", *words)

    assert (code, report["schedules"], report["reproduced"]) == (1, 50, True)
    assert (found["kind"], found["position"], found["cause"]) == ("call", "tool:look_up[0]", "schedule")
    assert 0 < found["schedules"] == report["differing"] < 50
    assert words == ["--schedules", "1", "--seed", str(found["seed"])]
    assert again.code == 1, again.text
    assert "  - OSLO and BERGEN\n  " in again.out.replace("    ", "  ")
    assert "+ BERGEN and OSLO" in again.out


def test_nothing_is_found_where_nothing_depends_on_it(shop: Shop) -> None:
    record(shop, SORTED)

    ended = shop.run("stress", "last", "--schedules", "20", "--seed", "7", timeout_s=120)

    assert ended.code == 0, ended.text
    assert ended.out == "no dependence  the same run under 20 schedules (seeds 7 to 26; 2 orders of completion)\n"


def test_a_function_is_stressed_too(shop: Shop) -> None:
    shop.write("weather.py", ENTRY)
    shop.write("agent.py", "import asyncio, weather\nasyncio.run(weather.main())\n")
    shop.start(["python", "agent.py"], environ={"REPLAYKIT_MODE": "record"})

    code, report = stress(shop, "--schedules", "20")

    assert code == 1
    assert [item["kind"] for item in report["depends"]] == ["call"]
    assert report["reproduced"]


def test_an_order_that_only_the_output_shows(shop: Shop) -> None:
    record(shop, RACY.replace('print(await look_up(" and ".join(notes)))', "print(notes)"))

    code, report = stress(shop, "--schedules", "20")

    assert code == 1
    assert [(item["kind"], item["position"]) for item in report["depends"]] == [("output", "output")]


def test_an_end_that_only_some_schedules_come_to(shop: Shop) -> None:
    raises = 'if notes[0] != "OSLO":\n        raise RuntimeError("no Oslo")'
    record(shop, RACY.replace('print(await look_up(" and ".join(notes)))', raises))

    code, report = stress(shop, "--schedules", "20")

    assert code == 1
    assert [(item["kind"], item["position"]) for item in report["depends"]] == [("end", "how it ended")]
    assert "+ failed: builtins:RuntimeError" in report["depends"][0]["message"]


def test_a_run_that_does_one_thing_at_a_time_says_so(recorded: Shop) -> None:
    """No dependence was shown, for no order was another one."""
    ended = recorded.run("stress", "last", "--schedules", "3", timeout_s=120)

    assert ended.code == 0, ended.text
    assert "no two answers overlap" in ended.out


def test_another_agent_is_not_stressed(shop: Shop) -> None:
    record(shop, SORTED)
    shop.write("agent.py", SORTED.replace('"oslo"', '"tromso"'))

    ended = shop.run("stress", "last")
    code, report = stress(shop)

    assert (ended.code, code) == (1, 1)
    assert ended.out.startswith("diverged ")
    assert "not stressed: it is not the recorded run even in the recorded order" in ended.out
    assert report["depends"] == []
    assert report["control"]["divergences"]


def test_what_a_program_finds_imported_is_what_it_found_then(shop: Shop) -> None:
    """Libraries are imported once for all schedules, unless that makes a difference."""
    finds = 'import sys\nprint("sqlite3" in sys.modules)\nimport sqlite3\n'
    record(shop, finds + SORTED)

    code, report = stress(shop, "--schedules", "3")

    assert (code, report["schedules"], report["depends"]) == (0, 3, [])


def test_each_schedule_reads_all_of_standard_input(shop: Shop) -> None:
    shop.write("agent.py", SORTED.replace('note("oslo", 0.01)', "note(input(), 0.01)"))
    shop.write("run.sh", "echo oslo | replaykit record -- python agent.py")
    assert shop.start(["sh", "run.sh"]).code == 0

    code, report = stress(shop, "--schedules", "4")

    assert (code, report["schedules"], report["depends"]) == (0, 4, [])


def test_a_schedule_under_which_everybody_waits_is_ended(shop: Shop) -> None:
    waits = 'if notes[0] != "OSLO":\n        await asyncio.Event().wait()'
    record(shop, RACY.replace('print(await look_up(" and ".join(notes)))', waits))

    code, report = stress(shop, "--schedules", "4", "--timeout", "5")

    assert code == 1
    [found] = report["depends"]
    assert (found["kind"], found["position"]) == ("end", "no report")
    assert found["message"].startswith("it did not come to its end in time")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--schedules", "0"], "0 schedules show nothing"),
        (["--policy", "lax"], "no policy 'lax'"),
        (["--entry", "a:b", "--", "python"], "give a command or --entry, not both"),
    ],
)
def test_what_can_t_be_done_is_said_in_one_message(shop: Shop, words: list[str], message: str) -> None:
    record(shop, SORTED)

    ended = shop.run("stress", "last", *words)

    assert ended.code == 2
    assert ended.err.startswith("replaykit: ")
    assert message in ended.err
