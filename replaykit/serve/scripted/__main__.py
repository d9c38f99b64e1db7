"""The scripted server as a process of its own: prints its URL, serves until SIGINT or SIGTERM."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from replaykit.errors import UsageError
from replaykit.serve.scripted.script import load_rules
from replaykit.serve.scripted.server import ScriptedServer


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve; 0 after a signal, 2 for a script that can't be read."""
    parser = argparse.ArgumentParser(prog="python -m replaykit.serve.scripted", description=__doc__)
    parser.add_argument("--rules", type=Path, required=True, help="a JSON file, see load_rules")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    options = parser.parse_args(arguments)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        server = ScriptedServer(load_rules(options.rules), host=options.host, port=options.port).start()
    except (UsageError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{server.url}\n")
    sys.stdout.flush()
    stopped.wait()
    server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
