"""`replaykit demo`: a run fails, is recorded, is replayed offline, and a changed prompt is told apart from it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from replaykit.cli.demo_files import Folder
    from replaykit.launch.recording import Recorded
    from replaykit.packet import Packet
    from replaykit.serve.scripted import ScriptedServer

# Shaped like the real ones, and made up: the demo shows where they are not.
KEY = "sk-proj-Demo4eYk7uWq2ZbT9xLm3RsV8cJh5NpA"
EMAIL = "maria.lopez@lopez-haus.org"


def demo_command(
    folder: Annotated[Path, typer.Option(help="Where to write agent, packet and test.")] = Path("replaykit-demo"),
) -> None:
    """Watch a failed run being recorded and replayed: no key, no network, a few seconds."""
    from replaykit.cli.demo_files import Folder
    from replaykit.cli.output import console

    began_s = time.monotonic()
    Demo(Folder(folder), console()).run()
    console().print(f"[dim]{time.monotonic() - began_s:.1f} s[/dim]")


class Demo:
    """The story, step by step. Each number it prints is counted, none is written down here."""

    def __init__(self, folder: Folder, out: Console) -> None:
        self._folder, self._out = folder, out

    def run(self) -> None:
        self._folder.write()
        with _scripted_world() as server:
            self._record(server)
            requests = server.count
        self._show()
        self._replay(server, requests)
        self._replay_changed()
        self._finish()

    def _record(self, server: ScriptedServer) -> None:
        from replaykit.launch.recording import record_run

        self._title("1  A refund agent fails in production. It is being recorded.")
        command = ("python", str(self._folder.agent))
        self._typed("record -- " + " ".join(command))
        environ = _environ() | {
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": f"{server.url}/v1",
            "ORDERS_URL": server.url,
        }
        with tempfile.TemporaryFile() as errors:
            recorded = record_run(
                command, store=str(self._folder.path), name="refund-agent", environ=environ, stderr=errors.fileno()
            )
            errors.seek(0)
            last = errors.read().decode(errors="replace").strip().splitlines()[-1:]
        self._say(*last, style="red")
        self._keep(recorded)
        self._say("model and order service: scripted, on 127.0.0.1; the rest is real", style="dim")

    def _keep(self, recorded: Recorded) -> None:
        from replaykit.errors import ReplayKitError

        if recorded.path is None or recorded.exit_code == 0:
            raise ReplayKitError(f"the demo did not work here: {recorded.line}")
        recorded.path.replace(self._folder.packet)
        self._say(recorded.line.rpartition(" -> ")[0] + f" -> {self._folder.packet}")

    def _show(self) -> None:
        from replaykit.cli.show import show_timeline
        from replaykit.errors import ReplayKitError
        from replaykit.packet import Packet

        self._title("2  What the packet holds. Key and customer are gone.")
        self._typed(f"show {self._folder.packet}")
        packet = Packet.load(self._folder.packet)
        show_timeline(packet, self._out)
        if any(raw in self._folder.packet.read_text() for raw in (KEY, EMAIL)):
            raise ReplayKitError(f"a sensitive value stands in {self._folder.packet}: that must never happen")
        for kind, raw in (("OPENAI_API_KEY", KEY), ("email", EMAIL)):
            self._out.print(
                f"   {kind:<15} [dim]was[/dim] {raw}   [dim]is[/dim] {_stand_in(packet, kind)}", soft_wrap=True
            )

    def _replay(self, server: ScriptedServer, requests: int) -> None:
        from replaykit.cli.replay import print_report
        from replaykit.launch.replaying import replay_run

        self._title("3  The servers are stopped, the key is unset. The same code runs again.")
        self._typed(f"replay {self._folder.packet}")
        with tempfile.TemporaryFile() as errors:
            replayed = replay_run(str(self._folder.packet), environ=_environ(), stderr=errors.fileno())
        print_report(replayed, self._out, indent="   ")
        self._say(f"requests at the servers: {requests} while recording, {server.count - requests} now", style="dim")

    def _replay_changed(self) -> None:
        from replaykit.cli.replay import print_report
        from replaykit.launch.replaying import replay_run

        self._title("4  A new prompt. Is it still that run?")
        command = ("python", str(self._folder.fixed_agent))
        self._typed(f"replay {self._folder.packet} -- {' '.join(command)}")
        with tempfile.TemporaryFile() as errors:
            replayed = replay_run(str(self._folder.packet), command, environ=_environ(), stderr=errors.fileno())
        print_report(replayed, self._out, indent="   ")

    def _finish(self) -> None:
        from importlib.util import find_spec

        folder = self._folder
        names = ", ".join(path.name for path in (folder.agent, folder.fixed_agent, folder.test, folder.packet))
        self._title(f"Written to {folder.path}: {names}")
        self._out.print("   Go on with:")
        replaykit, python = _as_typed()
        has_pytest = find_spec("pytest") is not None
        for line in (
            f"{replaykit} show {folder.packet}",
            f"{replaykit} replay {folder.packet} --changed system -- python {folder.fixed_agent}",
            f"{python} -m pytest {folder.path}" if has_pytest else f"{replaykit} replay {folder.packet}",
        ):
            self._out.print(f"   [bold cyan]{line}[/bold cyan]", soft_wrap=True)

    def _title(self, text: str) -> None:
        self._out.print(f"\n[bold]{text}[/bold]", soft_wrap=True)

    def _typed(self, text: str) -> None:
        self._out.print(f"   [cyan]$ replaykit {text}[/cyan]", soft_wrap=True)

    def _say(self, *lines: str, style: str = "") -> None:
        from rich.text import Text

        for line in lines:
            self._out.print(Text(f"   {line}", style=style), soft_wrap=True)


def _scripted_world() -> ScriptedServer:
    """The model and the order service. The service counts in cents; nobody has told the agent."""
    from replaykit.serve.scripted import Route, Rule, ScriptedServer, Tool

    order = {"id": "A-1042", "status": "delivered", "total": 4900, "email": EMAIL}
    lookup = Tool("lookup_order", {"order_id": "A-1042"})
    refund = Tool("refund", {"order_id": "A-1042", "dollars": order["total"]})
    return ScriptedServer(
        [Rule(has_tool_result=False, tool_calls=[lookup]), Rule(has_tool_result=True, tool_calls=[refund])],
        routes=[Route("GET", "/orders/A-1042", json=order)],
    )


def _environ() -> dict[str, str]:
    """This process' environment, without what would lead the demo astray."""
    strange = (
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "ORDERS_URL",
        "REPLAYKIT_MODE",
        "REPLAYKIT_KEEP",
        "REPLAYKIT_PARENT",
    )
    kept = {name: value for name, value in os.environ.items() if name not in strange}
    return kept | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def _as_typed() -> tuple[str, str]:
    """How `replaykit` and its Python are called from here: in an environment that is not activated, by their path."""
    from replaykit.launch.places import relative

    typed, python = Path(sys.argv[0]), relative(sys.executable)
    found = shutil.which("python")
    if found is not None and Path(found).parent == Path(sys.executable).parent:
        python = "python"
    if typed.name != "replaykit":
        return f"{python} -m replaykit", python
    on_path = shutil.which("replaykit")
    is_same = on_path is not None and Path(on_path).resolve() == typed.resolve()
    return ("replaykit" if is_same else relative(typed)), python


def _stand_in(packet: Packet, kind: str) -> str:
    return next((line.stand_in for line in packet.stand_ins if kind in (line.variable, line.name)), "(not met)")
