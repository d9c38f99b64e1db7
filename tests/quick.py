"""What makes the processes of the tests start sooner, and changes nothing of what they show."""

from __future__ import annotations

import os
from pathlib import Path

AUTHORITY = Path(__file__).parent / "authority.pem"
PYTEST_OPTIONS = "-p no:langsmith_plugin -p no:hypothesispytest -p no:anyio"
"""For pytest in a process of its own: others' plugins, whose import takes longer than most of what is tested."""


def trust_one_authority() -> None:
    """Every HTTP client reads a file of authorities: 50 ms each for the machine's own, nothing for a file of one."""
    os.environ["SSL_CERT_FILE"] = str(AUTHORITY)
