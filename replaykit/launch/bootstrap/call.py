"""Calls the recorded entry point again, inside the replay: `python -m replaykit.launch.bootstrap.call FOLDER`."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import nullcontext
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from replaykit.api import placeholders
from replaykit.determinism import lineage
from replaykit.errors import Divergence, PacketError, ReplayKitError, UsageError
from replaykit.launch.bootstrap.child import Replaying
from replaykit.launch.bootstrap.forks import own_schedule
from replaykit.launch.bootstrap.plan import Plan, Seat
from replaykit.launch.bootstrap.refusal import RefuseAll
from replaykit.packet import Packet, values


def main(folder: str) -> None:
    """Replays the function that the plan names."""
    plan, seat = Plan.read(Path(folder)), Seat(Path(folder))
    try:
        packet = Packet.load(plan.packet)
        # Before the module is imported: many make their client there, and SDKs refuse to be made without a key.
        placeholders.add(placeholders.values_for(packet))
        function = _import_guarded(plan)
        if packet.entry.is_main and packet.entry.target == plan.target:
            _become_main(sys.modules[function.__module__])
        bound = _bind(function, _decode_arguments(packet), plan.target)
        replaying = Replaying(own_schedule(plan, seat), seat)

        def call() -> Any:
            return function(*bound.args, **bound.kwargs)

        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            asyncio.run(_await(replaying, call))
        else:
            _call(replaying, call)
    except ReplayKitError as error:
        seat.end(error=str(error))
        sys.exit(2)


def _import_guarded(plan: Plan) -> Callable[..., Any]:
    """The function. What its module does while it is imported may not go out either."""
    gate = RefuseAll(plan.allow)
    gate.install()
    try:
        return find_function(plan.target)
    except Divergence as refusal:
        raise UsageError(f"{plan.target}: while its module was imported, egress was {refusal}") from None
    finally:
        gate.uninstall()


def _become_main(module: ModuleType) -> None:
    """Gives the classes of the recorded program the names that they had in it: those of `__main__`."""
    for value in tuple(vars(module).values()):
        if isinstance(value, type) and value.__module__ == module.__name__:
            value.__module__ = "__main__"
    sys.modules["__main__"] = module


def find_function(target: str) -> Callable[..., Any]:
    """The function that `module:function` or `file.py:function` names.

    Raises:
        UsageError: There is none.
    """
    module_name, _, qualname = target.rpartition(":")
    if not module_name or not qualname:
        raise UsageError(f"--entry {target}: write MODULE:FUNCTION or FILE.py:FUNCTION")
    if module_name == "__main__":
        raise UsageError(
            f"the entry point {qualname} stood in a program without a file; say which one has it now: "
            f"--entry SCRIPT.py:{qualname}"
        )
    found: Any = _import(module_name, target)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise UsageError(f"{target}: the module has no function {qualname!r}")
    return found  # type: ignore[no-any-return]  # callable, as was just checked


def _import(name: str, target: str) -> ModuleType:
    try:
        path = Path(name)
        if not (name.endswith(".py") or os.sep in name or path.is_file()):
            return importlib.import_module(name)
        loader = SourceFileLoader(path.stem, str(path))  # a script may have any name
        spec = importlib.util.spec_from_loader(path.stem, loader)
        if spec is None or spec.loader is None or not path.is_file():
            raise UsageError(f"{target}: there is no file {name}")
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        sys.path.insert(0, str(path.parent.resolve()))  # as Python does for a script
        spec.loader.exec_module(module)
    except UsageError:
        raise
    except Exception as error:  # code of the user, which can raise anything
        raise UsageError(f"{target} can't be imported: {type(error).__name__}: {error}") from None
    return module


def _decode_arguments(packet: Packet) -> dict[str, Any]:
    try:
        return {name: values.decode(value) for name, value in packet.entry.arguments.items()}
    except values.UnencodableError as error:
        raise PacketError(f"the arguments of the entry point can't be made again: {error}", path=packet.path) from None


def _bind(function: Callable[..., Any], arguments: dict[str, Any], target: str) -> inspect.BoundArguments:
    """The call that was recorded.

    Raises:
        UsageError: The function does not take these arguments any more.
    """
    signature = inspect.signature(function)
    unknown = arguments.keys() - signature.parameters.keys()
    bound = inspect.BoundArguments(signature, arguments)
    try:
        if unknown:
            raise TypeError(f"it has no parameter {', '.join(sorted(unknown))}")
        signature.bind(*bound.args, **bound.kwargs)
    except TypeError as error:
        raise UsageError(f"{target} does not take the recorded arguments: {error}") from None
    return bound


def _call(replaying: Replaying, call: Callable[[], Any]) -> None:
    error: BaseException | None = None
    replaying.start()
    try:
        with _place(replaying.rerun.packet):
            result = call()
            if inspect.isgenerator(result):
                list(result)
    except BaseException as raised:  # however it ended: the recording says whether that is right
        error = raised
    _stop(replaying, error)


async def _await(replaying: Replaying, call: Callable[[], Any]) -> None:
    error: BaseException | None = None
    replaying.start()
    try:
        with _place(replaying.rerun.packet):
            result = call()
            if inspect.isasyncgen(result):
                async for _ in result:
                    pass
            else:
                await result
    except BaseException as raised:  # as above
        error = raised
    _stop(replaying, error)


def _stop(replaying: Replaying, error: BaseException | None) -> None:
    if error is not None and not isinstance(error, Divergence):
        sys.stderr.writelines(traceback.format_exception_only(error))
    replaying.stop(error)


def _place(packet: Packet) -> Any:
    """Where in its run the entry point was called: below the tasks that led to it, which do not run here."""
    node = lineage.current()
    first = next((span.line for span in packet.spans if span.line.span_kind == "agent"), None)
    path = first.position.rpartition("/")[0] if first is not None else ""
    if node is None or not path:
        return nullcontext()
    return lineage.inside(lineage.Node(node.run, path, node))


if __name__ == "__main__":
    main(sys.argv[1])
