"""`replaykit record -- CMD`: a command that knows nothing of replaykit, recorded."""

from __future__ import annotations

from typing import Annotated

import typer


def record_command(
    command: Annotated[list[str], typer.Argument(metavar="-- CMD...", help="The command and its arguments.")],
    store: Annotated[
        str | None, typer.Option(help="Folder for the packet; default REPLAYKIT_STORE, else packets.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the workflow; default: the script's.")] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(help="Egress that may stay unrecorded, by name: 127.0.0.1:5432, lib:grpc. Repeatable."),
    ] = None,
    no_stdout: Annotated[bool, typer.Option("--no-stdout", help="What it prints is not the run's output.")] = False,
) -> None:
    """Run a command and record it into one sanitized packet; its exit code is passed on."""
    from replaykit.cli.output import note
    from replaykit.errors import UsageError
    from replaykit.launch.recording import record_run

    for option, value in (("--store", store), ("--name", name)):
        if value is not None and value.startswith("--"):
            raise UsageError(f"{option} has no value: {value} stands where it should be")
    recorded = record_run(command, store=store, name=name, keeps_output=not no_stdout, allow=tuple(allow or ()))
    note(recorded.line)
    raise typer.Exit(recorded.exit_code)
