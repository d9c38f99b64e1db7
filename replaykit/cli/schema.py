"""`replaykit schema`: what a packet line may hold."""

from __future__ import annotations


def schema_command() -> None:
    """Print the JSON Schema of a packet's lines."""
    from pydantic import TypeAdapter

    from replaykit.cli.output import write_json
    from replaykit.packet.model import FORMAT, AnyLine

    schema = TypeAdapter[object](AnyLine).json_schema(by_alias=True)
    title = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"replaykit packet line, format {FORMAT}",
    }
    write_json({**title, **schema}, indent=2)
