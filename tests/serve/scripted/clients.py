"""Real clients for a scripted server, and raw HTTP for what they hide."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any

from replaykit.serve.scripted import ScriptedServer


def user(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


def openai_options(server: ScriptedServer, **options: Any) -> dict[str, Any]:
    return {"base_url": f"{server.url}/v1", "api_key": "test", "max_retries": 0, "timeout": 20} | options


def anthropic_options(server: ScriptedServer, **options: Any) -> dict[str, Any]:
    return {"base_url": server.url, "api_key": "test", "max_retries": 0, "timeout": 20} | options


def fetch(
    server: ScriptedServer,
    method: str,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, dict[str, str], bytes]:
    """Ask once, on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        data = None if body is None else json.dumps(body).encode()
        connection.request(method, path, data, headers or {})
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()


def chat(server: ScriptedServer, text: str, **body: Any) -> tuple[int, dict[str, str], bytes]:
    """Ask for a chat completion without an SDK."""
    return fetch(server, "POST", "/v1/chat/completions", {"model": "m", "messages": user(text)} | body)


def chat_text(server: ScriptedServer, text: str) -> str:
    """Ask, and give the text of the answer or the message of the error."""
    _, _, body = chat(server, text)
    answer = json.loads(body)
    return answer["choices"][0]["message"]["content"] if "choices" in answer else answer["error"]["message"]


def connect(server: ScriptedServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def causes(error: BaseException) -> list[str]:
    """Name the classes of an error and of all that caused it."""
    names = []
    here: BaseException | None = error
    while here is not None:
        names.append(type(here).__name__)
        here = here.__cause__ or here.__context__
    return names
