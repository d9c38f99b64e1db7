"""Arguments and options that several commands take."""

from __future__ import annotations

from typing import Annotated

import typer

Command = Annotated[
    list[str] | None, typer.Argument(metavar="[-- CMD...]", help="Run this instead of what was recorded.")
]
Changed = Annotated[list[str] | None, typer.Option(help="A declared change: system, tools, model, ... Repeatable.")]
Allow = Annotated[
    list[str] | None, typer.Option(help="Egress to let out by name: 127.0.0.1:5432, exec:git. Repeatable.")
]
AttemptsMode = Annotated[
    str, typer.Option(help="final: of a call that was tried more than once, only the last attempt counts.")
]
EntryPoint = Annotated[str | None, typer.Option(help="Call this function: module:function or file.py:function.")]
NoStdout = Annotated[bool, typer.Option("--no-stdout", help="Do not compare what it prints.")]
PacketFile = Annotated[str, typer.Argument(metavar="PACKET", help="A packet file, or `last`.")]
