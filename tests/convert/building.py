"""Cassettes and packets for tests, in a line or two."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from replaykit.convert.packing import Packed, pack
from replaykit.convert.recording import Recording
from replaykit.convert.vcr import read_cassette
from replaykit.packet import Packet
from replaykit.sanitizer.sanitizer import Sanitizer

CASSETTES = Path(__file__).parent / "cassettes"
FILES = sorted(path for path in CASSETTES.rglob("*") if path.suffix in (".yaml", ".gz"))
URL = "https://api.openai.com/v1/chat/completions"


def label(path: Path) -> str:
    return f"{path.parent.name}/{re.split(r'__', path.name)[-1].partition('.')[0][:40]}"


def interaction(**changes: Any) -> dict[str, Any]:
    """One interaction in today's layout; `request_KEY` and `response_KEY` change a key, `...` takes it away."""
    request: dict[str, Any] = {"method": "POST", "uri": URL, "body": '{"model":"m","messages":[]}', "headers": {}}
    response: dict[str, Any] = {
        "status": {"code": 200, "message": "OK"},
        "headers": {"content-type": ["application/json"]},
        "body": {"string": '{"id":"1","choices":[]}'},
    }
    for name, value in changes.items():
        side, _, key = name.partition("_")
        holder = request if side == "request" else response
        holder[key] = value
    strip = {key: value for key, value in request.items() if value is not ...}
    return {"request": strip, "response": {key: value for key, value in response.items() if value is not ...}}


def cassette(folder: Path, *interactions: Any, name: str = "x.yaml", **top: Any) -> Path:
    """A cassette as vcrpy writes it."""
    return text_file(
        folder, yaml.safe_dump({"interactions": list(interactions), "version": 1, **top}, sort_keys=False), name
    )


def text_file(folder: Path, text: str | bytes, name: str = "x.yaml") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def packed(recording: Recording, key: bytes | None = None, **environ: str) -> Packed:
    return pack(recording, "demo", "x.yaml", Sanitizer(key=key, environ=environ))


def packet_of(path: Path) -> Packet:
    return Packet.loads(packed(read_cassette(path)).data)
