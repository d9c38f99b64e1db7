"""Look-ups that leave the process and harm nobody: allowed in every replay, with the reason for each.

A program is matched by its whole command line, never by its name alone, and only as a bare name or an absolute path;
the program that runs must be the one the first word names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

OWN_NAME = os.uname().nodename.rstrip(".").lower() if hasattr(os, "uname") else ""

HARMLESS_NAMES: dict[str, str] = {
    "localhost": "answered by the hosts file; the connect that may follow is asked about",
    OWN_NAME: "the machine's own name (socket.getfqdn, SMTP and log libraries); it tells nobody anything",
}

_PATH = r"/[^\0]+"
_LIBRARY = r"-l[\w.+-]+"

# A space stands between two words of the command line; a space inside a word is written `\s`.
HARMLESS_COMMANDS: dict[str, str] = {
    r"uname -(p|rs)": "platform.processor (headers of the openai SDK), distro",
    r"lsb_release -a": "distro, for the headers of model SDKs",
    rf"file -b {_PATH}": "platform.architecture reads the header of the interpreter's file",
    r"ldconfig -[pr]": "ctypes.util.find_library",
    rf"(gcc|cc) -Wl,-t -o {_PATH} {_LIBRARY}": "ctypes.util.find_library",
    rf"ld -t( -L {_PATH})* -o /dev/null {_LIBRARY}": "ctypes.util.find_library",
    rf"objdump -p -j \.dynamic {_PATH}": "ctypes.util.find_library",
    r"ip link": "uuid.getnode",
    r"ifconfig( -a| -av)?": "uuid.getnode",
    r"arp -an": "uuid.getnode",
    r"netstat -ian": "uuid.getnode",
    r"git (--version|version)": "version look-up",
    r"git rev-parse( (HEAD|--short(=\d+)?|--verify|--abbrev-ref|--show-toplevel|--is-inside-work-tree))+": (
        "git sha of a run (LangSmith, version files); reads refs, asks no remote"
    ),
    r"git describe( (HEAD|--tags|--always|--dirty|--long|--exact-match|--abbrev=\d+))*": (
        "release of a run (LangSmith, version files); reads commits and tags, asks no remote"
    ),
    r"git status --porcelain": "LangSmith's metadata of a run: is the tree clean",
    r"git log -1 --format=%(H|h|ct|an|ae)": "LangSmith's metadata of a run",
    r"git remote get-url \w+": "LangSmith's metadata of a run; reads the configuration, asks no remote",
    r"docker(-compose)? --version": "LangSmith's metadata of a run; asks no daemon",
    r"python[\w.-]*( -X [^\0]+| -[A-WYZabdiqsuv][^\0]*)* -c from\smultiprocessing\.resource_tracker\simport\smain;"
    r"main\(\d+\)": "removes shared memory that multiprocessing left behind; opens no connection",
}

_COMMANDS = tuple(re.compile(pattern.replace(" ", r"\0")) for pattern in HARMLESS_COMMANDS)


def is_harmless_command(executable: Any, argv: Sequence[Any]) -> bool:
    """Whether this very command line is a shipped look-up. `executable` is what runs; None means the first word."""
    if not argv:
        return False
    first, *rest = (os.fsdecode(word) for word in argv)
    program = os.fsdecode(executable) if executable else first
    name = PurePath(first).name
    if PurePath(program).name != name or not all(_is_plain(path) for path in (first, program)):
        return False
    line = "\0".join((name, *rest))
    return any(pattern.fullmatch(line) for pattern in _COMMANDS)


def _is_plain(program: str) -> bool:
    return "/" not in program or program.startswith("/")
