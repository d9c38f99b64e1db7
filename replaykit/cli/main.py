"""The command line: one file a command, loaded only when it is called."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

import replaykit
from replaykit.cli.audit import audit_command
from replaykit.cli.demo import demo_command
from replaykit.cli.doctor import doctor_command
from replaykit.cli.import_ import import_app
from replaykit.cli.output import abandon_stdout, note, prepare_streams, write
from replaykit.cli.promote import promote_command
from replaykit.cli.record import record_command
from replaykit.cli.replay import replay_command
from replaykit.cli.sanitize import sanitize_command
from replaykit.cli.schema import schema_command
from replaykit.cli.show import show_command
from replaykit.cli.stress import stress_command
from replaykit.errors import ReplayKitError

EVERYDAY, CLOSER, SUITE, EXCHANGE = "everyday", "closer", "suite", "exchange"

app = typer.Typer(
    name="replaykit",
    help="Record an LLM agent run, replay it offline, keep every failure fixed.",
    epilog="Exit codes: 0 the same, 1 diverged or failed, 2 usage or unreadable input; `record`: the command's own.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        write(f"replaykit {replaykit.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Record an LLM agent run, replay it offline, keep every failure fixed."""


app.command("demo", rich_help_panel=EVERYDAY)(demo_command)
app.command("record", rich_help_panel=EVERYDAY, context_settings={"allow_interspersed_args": False})(record_command)
app.command("replay", rich_help_panel=EVERYDAY)(replay_command)
app.command("show", rich_help_panel=EVERYDAY)(show_command)
app.command("promote", rich_help_panel=EVERYDAY)(promote_command)
app.command("stress", rich_help_panel=CLOSER)(stress_command)
app.command("sanitize", rich_help_panel=CLOSER)(sanitize_command)
app.command("audit", rich_help_panel=SUITE)(audit_command)
app.command("doctor", rich_help_panel=SUITE)(doctor_command)
app.add_typer(import_app, name="import", rich_help_panel=EXCHANGE)
app.command("schema", rich_help_panel=EXCHANGE)(schema_command)


def main() -> None:
    """Runs the command that was typed."""
    prepare_streams()
    try:
        app()
    except ReplayKitError as error:
        note(f"replaykit: {error}")
        sys.exit(2)
    except BrokenPipeError:  # `| head` has seen enough
        abandon_stdout()
        sys.exit(1)
    except OSError as error:
        abandon_stdout()
        note(f"replaykit: {error.filename or 'standard output'}: {error.strerror or error}")
        sys.exit(2)
