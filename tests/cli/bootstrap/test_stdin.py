"""What a recorded command reads: from a pipe, a file, a terminal; and where a replay has it from."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from replaykit.launch.bootstrap.stdin import MAX_INPUT_BYTES
from replaykit.packet import Packet
from replaykit.serve.scripted import Rule, ScriptedServer
from tests.cli.conftest import AGENT, KEY, Ended, Shop, clean_environ

CTRL_C = "\x03"
HEARD_S = 5.0
"""Nothing happened for so long: it was not heard."""
READS = "import sys\nprint(sys.stdin.isatty(), repr(sys.stdin.read()))\n"
LINES = "import sys\nfor line in sys.stdin:\n    print('got', line.strip())\n"
CHAT = """
import agent
name = input("name? ")
while True:
    try:
        question = input("> ")
    except EOFError:
        break
    print(name, agent.ask(question))
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    rules = [Rule(when="Bergen", reply="Rain."), Rule(reply="Sun.")]
    with ScriptedServer(rules) as server:
        made = Shop(tmp_path, server, clean_environ())
        made.write("agent.py", AGENT)
        yield made


def piped(shop: Shop, words: list[str], text: str | bytes, **environ: str) -> Ended:
    """`... | replaykit WORDS`"""
    done = subprocess.run(
        [sys.executable, "-m", "replaykit", *words],
        cwd=shop.folder,
        env=shop.environ | {"BASE_URL": shop.server.url, "OPENAI_API_KEY": KEY} | environ,
        input=text.encode() if isinstance(text, str) else text,
        capture_output=True,
        timeout=50,
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def at_terminal(shop: Shop, words: list[str], typed: list[tuple[str, str]]) -> str:
    """`replaykit WORDS` at a terminal of its own. Each prompt is waited for, then answered. Returns what was seen.

    A Ctrl-C that nobody heard is typed again, as a person would: between the prompt and the read that waits for the
    answer, Python itself takes note of the signal, and goes on to wait.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "replaykit", *words],
        cwd=shop.folder,
        env=shop.environ | {"BASE_URL": shop.server.url, "OPENAI_API_KEY": KEY},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that Ctrl-C is a signal
    )
    os.close(theirs)
    seen, waiting, start, deadline = "", list(typed), 0, time.monotonic() + 60
    last, again = "", 0.0
    while time.monotonic() < deadline:
        if waiting and waiting[0][0] in seen[start:]:
            start, last, again = len(seen), waiting.pop(0)[1], time.monotonic() + HEARD_S
            os.write(ours, last.encode())
        if last == CTRL_C and not seen[start:].removeprefix("^C").strip() and time.monotonic() > again:
            again = time.monotonic() + HEARD_S
            os.write(ours, last.encode())
        if select.select([ours], [], [], 0.05)[0]:
            try:
                seen += os.read(ours, 4096).decode()
            except OSError:  # the other side has ended
                break
    try:
        process.wait(10)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert not waiting, f"never asked: {waiting}; {seen}"
    return seen


def replayed(shop: Shop) -> Ended:
    """The replay, without model, key and input; the same run or a failure."""
    shop.server.close()
    ended = shop.run("replay", "last")
    assert ended.code == 0, ended.text
    assert "same run" in ended.out
    return ended


@pytest.mark.parametrize(
    ("script", "text"),
    [
        (READS, "a\nno end"),
        (LINES, "a\nb\n"),
        ("print(open(0).read())", "a\n"),
        (READS, "long line\n" * 20_000),
        (READS, ""),
    ],
    ids=["read", "iterate", "open", "long", "empty"],
)
def test_a_file_on_standard_input_is_stored_and_served(shop: Shop, script: str, text: str) -> None:
    """However it is read, and although it is gone."""
    shop.write("reads.py", script)
    shop.write("in.txt", text)

    with (shop.folder / "in.txt").open() as file:
        done = subprocess.run(
            [sys.executable, "-m", "replaykit", "record", "--", "python", "reads.py"],
            cwd=shop.folder,
            env=shop.environ,
            stdin=file,
            capture_output=True,
            text=True,
            timeout=50,
        )
    (shop.folder / "in.txt").unlink()

    assert done.returncode == 0
    assert replayed(shop).out.startswith(done.stdout)


@pytest.mark.parametrize("script", [READS, LINES], ids=["read", "iterate"])
def test_a_pipe_is_stored_and_served(shop: Shop, script: str) -> None:
    shop.write("reads.py", script)

    recorded = piped(shop, ["record", "--", "python", "reads.py"], "a\nbcd\n")

    assert recorded.out == {READS: "False 'a\\nbcd\\n'\n", LINES: "got a\ngot bcd\n"}[script]
    assert replayed(shop).out.startswith(recorded.out)


def test_bytes_are_stored_as_they_are(shop: Shop) -> None:
    shop.write("reads.py", "import sys\nprint(sys.stdin.buffer.read())\n")

    recorded = piped(shop, ["record", "--", "python", "reads.py"], b"\xff\xfe\r\n\x00")

    assert recorded.out == repr(b"\xff\xfe\r\n\x00") + "\n"
    assert replayed(shop).out.startswith(recorded.out)


def test_what_the_program_does_not_read_is_left_to_the_next(shop: Shop) -> None:
    """As in `while read line; do replaykit record -- ...; done`."""
    shop.write("ignores.py", "print('fine')")
    loop = f"while read line; do {sys.executable} -m replaykit record -- python ignores.py; echo $line; done"

    done = subprocess.run(
        ["sh", "-c", loop], cwd=shop.folder, env=shop.environ, input=b"a\nb\n", capture_output=True, timeout=50
    )

    assert done.stdout == b"fine\na\nfine\nb\n"
    assert all(Packet.load(path).entry.stdin is None for path in shop.packets)


def test_a_program_on_standard_input_is_the_recorded_program(shop: Shop) -> None:
    """`python - < agent.py`, and the same through a pipe."""
    source = (shop.folder / "agent.py").read_text()

    recorded = piped(shop, ["record", "--", "python", "-"], source)
    (shop.folder / "agent.py").unlink()

    assert recorded.out == "answer: Sun.\n"
    assert replayed(shop).out.startswith("answer: Sun.\n")


def test_no_secret_of_the_input_reaches_the_packet(shop: Shop) -> None:
    """Its stand-in is what the replay reads, and what it sends is the recorded request."""
    shop.write("asks.py", "import sys, agent\nprint(agent.ask(sys.stdin.read()))\n")
    text = f"Bergen? I am kari.nordmann@vaer-bergen.org and my key is {KEY}\n"

    piped(shop, ["record", "--", "python", "asks.py"], text)

    stored = shop.packets[0].read_text()
    assert "kari.nordmann" not in stored
    assert KEY not in stored
    assert "same run  1 of 1 exact" in replayed(shop).out


def test_too_much_is_not_kept_and_the_replay_asks_for_it(shop: Shop) -> None:
    """Given again, it is used."""
    shop.write("reads.py", "import sys\nprint(len(sys.stdin.read()))\n")
    text = "x" * (MAX_INPUT_BYTES + 1)
    piped(shop, ["record", "--", "python", "reads.py"], text)

    stdin = shop.packet.entry.stdin
    assert stdin is not None
    assert stdin.body is not None
    assert (stdin.body.withheld, stdin.body.length) == ("it was too long to keep", len(text))
    assert piped(shop, ["replay", "last"], text).code == 0
    assert piped(shop, ["replay", "last"], "other").code == 1
    assert "standard input is not in the packet (1048577 bytes" in at_terminal(shop, ["replay", "last"], [])


def test_input_from_a_pipe_is_a_persons_answer(shop: Shop) -> None:
    shop.write("chat.py", CHAT)

    recorded = piped(shop, ["record", "--", "python", "chat.py"], "Kari\nBergen?\nOslo?\n")

    assert recorded.out == "name? > Kari Rain.\n> Kari Sun.\n> "
    assert [item.boundary for item in shop.packet.interactions] == ["human", "human", "llm", "human", "llm", "human"]
    assert "same run  6 of 6 exact" in replayed(shop).out


def test_input_at_a_terminal_is_answered_by_the_packet(shop: Shop) -> None:
    """The replay has no terminal, and prints the prompts."""
    shop.write("chat.py", CHAT)
    typed = [("name? ", "Kari\n"), ("> ", "Bergen?\n"), ("> ", "\x04")]

    seen = at_terminal(shop, ["record", "--", "python", "chat.py"], typed)

    assert "Kari Rain." in seen
    assert "4 interactions (3 human, 1 llm)" in seen
    ended = replayed(shop)
    assert ended.out.startswith("name? > Kari Rain.\n> ")


def test_lines_of_a_terminal_are_answered_by_the_packet(shop: Shop) -> None:
    """`sys.stdin` itself, which says in the replay too that it is a terminal."""
    shop.write("lines.py", "import sys\nprint(sys.stdin.isatty(), flush=True)\n" + LINES)

    seen = at_terminal(
        shop, ["record", "--", "python", "lines.py"], [("True", "one\n"), ("got one", "two\n"), ("got two", "\x04")]
    )

    assert "3 interactions (3 human)" in seen
    assert replayed(shop).out.startswith("True\ngot one\ngot two\n")


def test_one_more_question_diverges_and_does_not_wait(shop: Shop) -> None:
    shop.write("chat.py", "print(input('name? '))\n")
    piped(shop, ["record", "--", "python", "chat.py"], "Kari\n")
    shop.write("chat.py", "print(input('name? '))\ninput('sure? ')\n")

    ended = shop.run("replay", "last")

    assert ended.code == 1
    assert "a call that was not recorded: human input" in ended.out


def test_ctrl_c_at_a_prompt_comes_again(shop: Shop) -> None:
    shop.write("chat.py", "try:\n    input('> ')\nexcept KeyboardInterrupt:\n    print('bye')\n")

    seen = at_terminal(shop, ["record", "--", "python", "chat.py"], [("> ", CTRL_C)])

    assert "bye" in seen
    assert "bye" in replayed(shop).out


def test_a_typed_password_is_never_kept(shop: Shop) -> None:
    """Its stand-in is what the replay types; and wherever it was sent, the packet has the stand-in."""
    shop.write(
        "login.py",
        "import agent, getpass\npassword = getpass.getpass('vault? ')\nprint(agent.ask('log in with ' + password))\n",
    )

    seen = at_terminal(shop, ["record", "--", "python", "login.py"], [("vault? ", "horse staple\n")])

    assert "2 interactions (1 human, 1 llm)" in seen
    assert "horse staple" not in seen
    assert "horse staple" not in shop.packets[0].read_text()
    assert "same run  2 of 2 exact" in replayed(shop).out
