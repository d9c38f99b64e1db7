"""`replaykit record -- CMD`, on scripts that know nothing of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from replaykit.packet import Packet
from tests.cli.conftest import KEY, ROOT, Shop


def test_a_script_is_recorded_and_prints_what_it_always_printed(shop: Shop) -> None:
    """The output is the script's own; our one line goes to stderr."""
    ended = shop.record("python", "agent.py")

    assert (ended.code, ended.out) == (0, "answer: Rain.\n")
    assert ended.err.startswith("recorded  agent.py  2 interactions (2 llm), ")
    assert ended.err.count("\n") == 1
    assert shop.server.count == 2


def test_the_packet_knows_the_command_and_not_the_secrets(shop: Shop) -> None:
    """argv and names of variables stand in the packet; no value of theirs does."""
    shop.record("python", "agent.py")

    packet = shop.packet
    assert packet.entry.kind == "command"
    assert (packet.entry.argv, packet.entry.cwd) == (("python", "agent.py"), ".")
    assert "OPENAI_API_KEY" in packet.entry.variables
    assert KEY not in shop.packets[0].read_text()
    assert "ola.nordmann@vaer-oslo.org" not in shop.packets[0].read_text()


LOADS = """
import os, sys
os.environ["DB_PASSWORD"] = "dotenvPW-998877"  # as load_dotenv does
import agent
agent.ask("connect with " + os.environ["DB_PASSWORD"] + " and " + sys.argv[2])
"""


def test_secrets_of_the_command_line_and_of_a_file_are_on_no_disk(shop: Shop) -> None:
    shop.write("loads.py", LOADS)

    ended = shop.record("python", "loads.py", "--password", "argvPW-112233", "--token=argvTOKEN99")

    assert ended.code == 0
    text = shop.packets[0].read_text()
    assert [word for word in ("dotenvPW-998877", "argvPW-112233", "argvTOKEN99") if word in text] == []
    assert [len(word) for word in shop.packet.entry.argv[2:]] == [10, 13, 19]
    replayed = shop.run("replay", str(shop.packets[0]))
    assert replayed.code == 0, replayed.text


def test_plan_of_a_command_does_not_hold_its_words(shop: Shop) -> None:
    """The folder that the processes share is on the disk as well."""
    shop.write("plan.py", "import os; print(open(os.environ['REPLAYKIT_BOOTSTRAP'] + '/plan.json').read())")

    ended = shop.record("python", "plan.py", "--password", "argvPW-112233")

    assert '"workflow": "plan"' in ended.out
    assert "argvPW" not in ended.out


def test_what_is_printed_is_the_output(shop: Shop) -> None:
    shop.record("python", "agent.py")

    outcome = shop.packet.outcome
    assert outcome is not None
    assert (outcome.status, outcome.exit_code, outcome.output) == ("ok", 0, "answer: Rain.\n")


def test_no_stdout_means_no_output(shop: Shop) -> None:
    shop.run("record", "--no-stdout", "--", "python", "agent.py", BASE_URL=shop.server.url, OPENAI_API_KEY=KEY)

    assert shop.packet.outcome is not None
    assert not shop.packet.outcome.has_output


@pytest.mark.parametrize(
    ("ending", "code", "error"),
    [
        ("import sys; sys.exit(3)", 3, None),
        ("raise SystemExit('no')", 1, None),
        ("raise KeyError('x')", 1, "builtins:KeyError"),
        ("import sys; sys.excepthook = print; raise KeyError('x')", 1, "builtins:KeyError"),
        ("raise KeyboardInterrupt", 130, "builtins:KeyboardInterrupt"),
        ("import os; os.kill(os.getpid(), 15)", 143, None),
    ],
    ids=["exit", "exit with a text", "exception", "exception behind a hook", "interrupt", "killed"],
)
def test_the_exit_code_is_the_commands_own(shop: Shop, ending: str, code: int, error: str | None) -> None:
    """And a failure is recorded as one, with the exception's type."""
    shop.write("ends.py", ending)

    assert shop.record("python", "ends.py").code == code

    if shop.packets:
        outcome = shop.packet.outcome
        assert outcome is not None
        assert (outcome.status, outcome.exit_code) == ("failed", code)
        assert (outcome.exception.type if outcome.exception else None) == error


def test_an_exception_that_a_program_has_only_noted_did_not_end_it(shop: Shop) -> None:
    """pytest and debuggers leave exceptions where the interpreter leaves the last one."""
    shop.write("noted.py", "import sys\ntry:\n    1 / 0\nexcept Exception as error:\n    sys.last_value = error\n")
    shop.write("package.py", "import noted\n")

    shop.record("python", "package.py")

    assert shop.packet.outcome is not None
    assert shop.packet.outcome.exception is None


def test_python_dash_m(shop: Shop) -> None:
    ended = shop.record("python", "-m", "agent")

    assert ended.code == 0
    assert len(shop.packet.interactions) == 2
    assert shop.packet.run.workflow == "agent"


def test_pytest_is_recorded_without_its_report(shop: Shop) -> None:
    """A test report holds timings: as the output of the run it would differ in each replay."""
    shop.write("test_it.py", "import agent\ndef test_it():\n    assert agent.ask('What?').startswith('It rains')\n")

    ended = shop.record("pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "test_it.py")

    assert ended.code == 0, ended.text
    assert "1 passed" in ended.out
    assert [item.boundary for item in shop.packet.interactions] == ["llm"]
    assert shop.packet.outcome is not None
    assert not shop.packet.outcome.has_output


def test_a_command_that_is_no_python_starts_the_run_with_its_first_python(shop: Shop) -> None:
    """As `uv run` and shell scripts do."""
    ended = shop.record("sh", "-c", "exec python agent.py")

    assert ended.code == 0
    assert len(shop.packet.interactions) == 2


def test_nothing_is_recorded_where_no_python_starts(shop: Shop) -> None:
    ended = shop.record("sh", "-c", "echo hi; exit 7")

    assert (ended.code, ended.out) == (7, "hi\n")
    assert "nothing recorded" in ended.err


def test_a_hash_seed_is_set_and_stored(shop: Shop) -> None:
    """Unless there is one."""
    shop.write("seed.py", "import os; print(os.environ['PYTHONHASHSEED'])")

    first = shop.record("python", "seed.py")
    assert shop.packet.run.hash_seed == first.out.strip()
    shop.packets[0].unlink()
    shop.record("python", "seed.py", PYTHONHASHSEED="7")
    assert shop.packet.run.hash_seed == "7"


def test_an_existing_sitecustomize_is_chained(shop: Shop) -> None:
    """It runs, is the module of that name, and finds itself first on the path."""
    (shop.folder / "site").mkdir()
    shop.write("site/sitecustomize.py", "import sys\nMARK = 'theirs'\nsys.seen = list(sys.path)\n")
    shop.write(
        "asks.py", "import sys, sitecustomize\nprint(sitecustomize.MARK, any('bootstrap' in p for p in sys.seen))"
    )
    paths = os.pathsep.join([str(shop.folder / "site"), shop.environ["PYTHONPATH"]])

    ended = shop.record("python", "asks.py", PYTHONPATH=paths)

    assert (ended.code, ended.out) == (0, "theirs False\n"), ended.err
    assert len(shop.packets) == 1


def test_without_a_sitecustomize_there_is_none(shop: Shop) -> None:
    """As if we were not there: no module, no entry of the path, no word at the start."""
    shop.write(
        "asks.py",
        "import sys\nprint('sitecustomize' in sys.modules, any('bootstrap' in p for p in sys.path))\n"
        "try:\n    import sitecustomize\nexcept ImportError as error:\n    print(error.name)\n",
    )

    ended = shop.start([sys.executable, "-S", "-c", "print(1)"])
    assert ended.code == 0
    ended = shop.record("python", "asks.py")

    assert ended.out.splitlines()[0] == "False False", ended.text
    assert "Error in sitecustomize" not in ended.err


def test_stdout_stays_what_it_was(shop: Shop) -> None:
    """File descriptor, encoding, buffer and `isatty` are the same with and without us."""
    shop.write(
        "asks.py",
        "import io, sys\nout = sys.stdout\nprint(type(out) is io.TextIOWrapper, out.fileno(), out.encoding, out.errors,"
        " out.isatty(), out.line_buffering, out.mode, out.name, out.buffer.name, flush=True)\n"
        "out.buffer.write(b'bytes\\n')\nout.buffer.flush()\nout.reconfigure(line_buffering=True)\nprint('text')\n",
    )

    alone, recorded = shop.start([sys.executable, "asks.py"]), shop.record("python", "asks.py")

    assert recorded.out == alone.out
    assert shop.packet.outcome is not None
    assert shop.packet.outcome.output == alone.out


def test_a_python_that_the_run_starts_writes_a_linked_packet(shop: Shop) -> None:
    """Its `parent` is the run; one that crosses no boundary writes none."""
    shop.write(
        "starts.py",
        "import subprocess, sys\n"
        "subprocess.run([sys.executable, 'agent.py'], check=True)\n"
        "subprocess.run([sys.executable, '-c', ''], check=True)\n",
    )

    ended = shop.record("python", "starts.py")

    assert ended.code == 0, ended.text
    packets = {packet.run.parent: packet for packet in map(Packet.load, shop.packets)}
    assert len(shop.packets) == 2
    run = packets[None]
    assert len(run.interactions) == 0
    assert len(packets[run.run.run_id].interactions) == 2
    assert "and 1 of processes it started" in ended.err


def test_a_forked_child_does_not_end_the_run(shop: Shop) -> None:
    """It leaves through the same exit handlers; the packet is its parent's."""
    shop.write(
        "forks.py", "import os, sys\nif os.fork() == 0:\n    sys.exit(5)\nos.wait()\nimport agent\nagent.main()\n"
    )

    assert shop.record("python", "-W", "ignore", "forks.py").code == 0

    assert len(shop.packet.interactions) == 2
    assert shop.packet.outcome is not None
    assert shop.packet.outcome.status == "ok"


SLOW_DISK = """
import threading
from replaykit.packet.journal import Journal
append = Journal.append
Journal.append = lambda *args: (threading.Event().wait(0.6), append(*args))
"""


def test_a_run_that_ends_at_once_left_what_was_run(shop: Shop) -> None:
    """Even if the disk is slow."""
    (shop.folder / "site").mkdir()
    shop.write("site/sitecustomize.py", SLOW_DISK)
    shop.write("gone.py", "import os; os._exit(3)")
    paths = os.pathsep.join([str(shop.folder / "site"), shop.environ["PYTHONPATH"]])

    ended = shop.record("python", "gone.py", PYTHONPATH=paths)

    assert ended.code == 3
    assert "  entry    python gone.py\n" in shop.run("show", *map(str, (shop.folder / "packets").iterdir())).out


def test_a_killed_run_leaves_a_journal_that_shows_as_interrupted(shop: Shop) -> None:
    """What was answered before is in it."""
    shop.write(
        "dies.py",
        "import agent, os\nagent.ask('What?')\nfrom replaykit.session.writer import drain\ndrain()\n"
        "os.kill(os.getpid(), 9)\n",
    )

    ended = shop.record("python", "dies.py")

    assert ended.code == 137
    (journal,) = (shop.folder / "packets").glob("*.journal.jsonl")
    assert f"interrupted  dies.py was stopped before its end (exit 137) -> packets/{journal.name}" in ended.err
    shown = shop.run("show", "last")
    assert shown.code == 0
    assert "interrupted" in shown.out
    assert json.loads(shop.run("show", "last", "--json").out)["interactions"][0]["boundary"] == "llm"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_signals_reach_the_command(shop: Shop, number: signal.Signals) -> None:
    """The command ends as it wants to; then the packet is sealed, and its exit code passed on."""
    shop.write(
        "waits.py",
        "import signal, sys\nfor n in (2, 15):\n    signal.signal(n, lambda number, frame: sys.exit(40 + number))\n"
        "print('ready', flush=True)\nsignal.pause()\n",
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "replaykit", "record", "--", "python", "waits.py"],
        cwd=shop.folder,
        env=shop.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # no terminal, which would send Ctrl-C to both
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"

    process.send_signal(number)
    process.communicate(timeout=30)

    assert process.returncode == 40 + number
    assert shop.packet.outcome is not None
    assert shop.packet.outcome.exit_code == 40 + number


def test_keep_failed_judges_by_the_exit_code_too(shop: Shop) -> None:
    """A run that ends well is dropped; one that exits with 1 is kept."""
    shop.write("ends.py", "import sys; sys.exit(1)")

    assert "not kept" in shop.record("python", "agent.py", REPLAYKIT_KEEP="failed").err
    shop.record("python", "ends.py", REPLAYKIT_KEEP="failed")

    assert shop.packet.run.workflow == "ends"


def test_a_python_without_replaykit_runs_unrecorded(shop: Shop) -> None:
    """The command comes first; that nothing is recorded is said."""
    other = shop.folder / "empty"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(other)], check=True)
    shop.write("plain.py", "print('works')")

    main = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from replaykit.cli.main import main; main()"
    words = ["record", "--", str(other / "bin" / "python"), "plain.py"]
    ended = shop.start([sys.executable, "-c", main, *words], environ={"PYTHONPATH": ""})

    assert (ended.code, ended.out) == (0, "works\n")
    assert "it runs, but is not recorded" in ended.err


def test_an_unknown_program_is_a_usage_error(shop: Shop) -> None:
    ended = shop.run("record", "--", "no-such-program-here")

    assert ended.code == 2
    assert ended.err == "replaykit: no-such-program-here can't be run: No such file or directory\n"


def test_a_block_in_the_script_hands_its_verdict_to_the_process(shop: Shop) -> None:
    """`with replaykit.record()` inside a recorded command is a span of it, and what it says is not lost."""
    shop.write(
        "own.py",
        "import agent, replaykit\nwith replaykit.record('inner') as run:\n    agent.main()\n"
        "    run.verdict(passed=False, reason='too short')\n",
    )

    shop.record("python", "own.py")

    assert [span.name for span in shop.packet.spans] == ["inner"]
    assert shop.packet.outcome is not None
    assert shop.packet.outcome.verdict is not None
    assert shop.packet.outcome.verdict.reason == "too short"
    shop.server.close()
    assert shop.run("replay", "last").code == 0


def test_the_store_can_be_named(shop: Shop, tmp_path: Path) -> None:
    shop.run(
        "record",
        "--store",
        "elsewhere",
        "--name",
        "weather",
        "--",
        "python",
        "agent.py",
        BASE_URL=shop.server.url,
        OPENAI_API_KEY=KEY,
    )

    (path,) = (tmp_path / "elsewhere").glob("weather-*.packet.jsonl")
    assert Packet.load(path).run.workflow == "weather"
