"""`replaykit doctor`: is what the agent uses recorded, and can this packet be replayed here?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from replaykit.cli.assumptions import Assumptions

SETTINGS = {
    "REPLAYKIT_MODE": ("off", "record", "replay"),
    "REPLAYKIT_STORE": (),
    "REPLAYKIT_KEEP": ("all", "called", "failed"),
    "REPLAYKIT_KEY": (),
    "REPLAYKIT_RELEASE": (),
    "REPLAYKIT_ENVIRONMENT": (),
    "REPLAYKIT_PARENT": (),
    "REPLAYKIT_BOOTSTRAP": (),
}
PYTHONS = ("3.11", "3.12", "3.13")

_STYLES = {
    "recorded": "green",
    "hooked": "green",
    "partly": "yellow",
    "not recorded": "yellow",
    "unseen": "bold red",
    "unfit": "bold red",
    "yes": "bold green",
    "other versions": "yellow",
    "no": "bold red",
}
_MISSES_KEY = "recorded with REPLAYKIT_KEY, which is not set here: a replay takes values on trust that it could check"


def doctor_command(
    packet: Annotated[
        str | None, typer.Argument(metavar="[PACKET]", help="A packet file, or `last`; default: this environment.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="All of it as JSON.")] = False,
) -> None:
    """Show what would be recorded here and what would go live; of a packet, what it assumes.

    Exit 1 if something is wrong here, or the packet can't be replayed exactly.
    """
    import json
    import os

    from replaykit.cli.output import console, write

    if packet is not None:
        from replaykit.cli.assumptions import examine

        assumed = examine(packet, os.environ)
        if as_json:
            write(json.dumps(assumed.to_json(), ensure_ascii=False))
        else:
            show_assumptions(assumed, console())
        raise typer.Exit(1 if assumed.exact == "no" else 0)
    checked = check_environment(os.environ)
    if as_json:
        write(json.dumps(checked, ensure_ascii=False))
    else:
        show_environment(checked, console())
    raise typer.Exit(1 if checked["problems"] else 0)


def check_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """All that is to be said of this environment; no value of a secret is in it."""
    from dataclasses import asdict

    import replaykit
    from replaykit.api.sanitizing import sanitize
    from replaykit.cli.stacks import find_stacks
    from replaykit.sanitizer.names import is_secret_variable, may_hold_secret
    from replaykit.session import runtime

    stacks = find_stacks()
    store, problem = _store(environ)
    settings = {
        name: "(set)" if may_hold_secret(name, value) else sanitize(value)
        for name, value in sorted(environ.items())
        if name.startswith("REPLAYKIT_")
    }
    python = runtime.python_version()
    problems = [problem] if problem else []
    problems += _misset(environ)
    if python.rpartition(".")[0] not in PYTHONS:
        problems.append(f"Python {python} is not among the tested ones ({', '.join(PYTHONS)})")
    problems += [f"{item.distribution} {item.version}: {item.reason}" for item in stacks if item.state == "unfit"]
    return {
        "replaykit": replaykit.__version__,
        "python": python,
        "platform": runtime.platform_name(),
        "hash_seed": runtime.hash_seed(),
        "store": store,
        "settings": settings,
        "has_key": bool(environ.get("REPLAYKIT_KEY")),
        "secret_variables": sorted(name for name in environ if is_secret_variable(name)),
        "stacks": [{**asdict(item), "says": item.says()} for item in stacks],
        "problems": problems,
    }


def _store(environ: Mapping[str, str]) -> tuple[dict[str, Any], str | None]:
    """The folder for packets, and what is wrong with it. It is not made for that."""
    import os
    from pathlib import Path

    from replaykit.api.settings import DEFAULT_STORE
    from replaykit.launch.packets import PACKETS
    from replaykit.launch.places import relative

    folder = Path(environ.get("REPLAYKIT_STORE") or DEFAULT_STORE)
    above = next((path for path in (folder, *folder.absolute().parents) if path.exists()), Path("/"))
    is_writable = above.is_dir() and os.access(above, os.W_OK | os.X_OK)
    packets = sum(1 for _ in folder.glob(PACKETS)) if folder.is_dir() else 0
    store = {"path": relative(folder), "exists": folder.is_dir(), "is_writable": is_writable, "packets": packets}
    return store, None if is_writable else f"{relative(folder)} can't be written: no packet could be kept"


def _misset(environ: Mapping[str, str]) -> list[str]:
    """Settings that do nothing, or not what they say."""
    found = []
    for name in sorted(name for name in environ if name.startswith("REPLAYKIT_")):
        if name not in SETTINGS:
            found.append(f"{name} is no setting of replaykit; there are: {', '.join(SETTINGS)}")
        elif SETTINGS[name] and environ[name] not in ("", *SETTINGS[name]):
            found.append(f"{name} is none of: {', '.join(SETTINGS[name])}")
    return found


# layout


def show_environment(checked: Mapping[str, Any], out: Console) -> None:
    """The page about this environment."""
    store = checked["store"]
    state = "writable" if store["is_writable"] else "not writable"
    there = f"{store['packets']} packets" if store["exists"] else "not there yet, made by the first recording"
    _fact(out, "here", f"replaykit {checked['replaykit']}, Python {checked['python']}, {checked['platform']}")
    _fact(out, "store", f"{store['path']}/  {state}, {there}")
    _fact(out, "seed", checked["hash_seed"] or "random here; `replaykit record --` sets one and stores it")
    _fact(out, "key", _key(checked["has_key"]))
    _fact(out, "set", _all(f"{name}={value}" for name, value in checked["settings"].items()))
    _fact(out, "secrets", _all(checked["secret_variables"], "values are replaced wherever they appear"))
    out.print()
    for stack in checked["stacks"]:
        name = f"{stack['distribution']} {stack['version']}"
        _row(out, name, stack["state"], stack["says"])
    if not checked["stacks"]:
        out.print("none of the libraries that replaykit knows is installed in this environment")
    for problem in checked["problems"]:
        _row(out, "problem", "no", problem, shown="!")


def show_assumptions(assumed: Assumptions, out: Console) -> None:
    """The page about one packet."""
    from replaykit.launch.places import relative

    words = {"yes": "can be exact here", "other versions": "may be exact here: versions differ", "no": "not exact here"}
    _row(out, relative(assumed.packet), assumed.exact, "; ".join(assumed.reasons), shown=words[assumed.exact])
    _fact(out, "entry", assumed.entry)
    if assumed.stdin is not None:
        _fact(out, "stdin", assumed.stdin)
    for need in assumed.needs:
        _fact(out, "give it", need)
    for item in assumed.differences:
        _fact(out, "version", f"{item.name} {item.recorded} then, {item.here or 'not installed'} here")
    _fact(out, "secrets", _all(assumed.placeholders, "unset here: a replay sets placeholders"))
    _fact(out, "absent", _all(assumed.absent, "set while recording, not here"))
    _fact(out, "replaced", _all(_substitution(item) for item in assumed.substitutions))
    if assumed.substitutions:
        _fact(out, "key", _MISSES_KEY if assumed.lacks_key else _key(assumed.is_checked))
    if assumed.for_real:
        _fact(out, "for real", f"{', '.join(assumed.for_real)}  (no recorded result; add @replaykit.tool)")
    _fact(out, "limits", _all(f"{count} {name}" for name, count in assumed.counts.items()))


def _substitution(item: Any) -> str:
    return str(item.variable) if item.variable is not None else f"{item.kind} {item.count}"


def _key(has_key: bool) -> str:
    if has_key:
        return "REPLAYKIT_KEY is set: stand-ins are the same in every packet, and checked in a replay"
    return "REPLAYKIT_KEY is not set: stand-ins differ from packet to packet, and a replay takes them on trust"


def _all(items: Iterable[str], note: str = "") -> str:
    found = tuple(items)
    return ", ".join(found) + (f"  ({note})" if note else "") if found else "none"


def _fact(out: Console, name: str, text: str) -> None:
    from rich.text import Text

    from replaykit.cli.output import plain

    out.print(Text.assemble((f"  {name:<8} ", "dim"), plain(text)), soft_wrap=True)


def _row(out: Console, name: str, state: str, text: str, *, shown: str | None = None) -> None:
    from rich.text import Text

    from replaykit.cli.output import plain

    word = shown if shown is not None else state
    head = f"{plain(name):<26} {word:<13}" if shown is None else f"{plain(name)}  {word}"
    out.print(Text.assemble((head, _STYLES.get(state, "")), f"  {plain(text)}" if text else ""), soft_wrap=True)
