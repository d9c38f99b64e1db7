"""Chance, caught where all of it comes from: `os.urandom`, the hidden generator of `random`, seeds, and `uuid1`.

Names that were imported before the run are caught too: those that the standard library's own functions look up each
time (`uuid4`, `secrets.*`, `random.choice`), and by a search through the modules those that are C functions.
"""

from __future__ import annotations

import functools
import hashlib
import os
import random
import sys
import uuid
from collections.abc import Callable, Iterator
from types import FrameType, ModuleType
from typing import Any, Final

from replaykit.determinism import wall
from replaykit.determinism.effects import BITS, BYTES, FLOAT, SPARE, Shape, Site, find_site

SEED_BYTES = 32
UUID_BYTES = 16

_real_urandom = os.urandom
_real_getrandom: Callable[..., bytes] | None = getattr(os, "getrandom", None)  # Linux
_real_random = random.random
_real_getrandbits = random.getrandbits
_real_seed = random.Random.seed
# Not `uuid`'s own name for it, which is None while somebody travels.
_real_time_safe: Callable[[], tuple[bytes, Any]] | None = getattr(sys.modules.get("_uuid"), "generate_time_safe", None)
_hidden: Final = random.random.__self__  # type: ignore[attr-defined]  # of all functions of the module `random`

# Of a generator that the program has seeded itself. What no recording has of it comes from the generator: that is the
# same in each replay.
_SEEDED = {FLOAT: Shape(FLOAT.load, None), BITS: Shape(BITS.load, None), SPARE: Shape(SPARE.load, None)}
_seeds: dict[object, str] = {}  # run -> what tells its seed from others


def install() -> None:
    """Puts the hooks in place."""
    _replace(_WRAPPERS)
    random.Random.seed = _seed  # type: ignore[method-assign]
    if type(_hidden) is random.Random:
        _hidden.__class__ = _Hidden
    if _real_time_safe is not None:
        uuid._generate_time_safe = _generate_time_safe  # type: ignore[attr-defined]


def uninstall() -> None:
    """Takes them out, also of modules that were imported meanwhile."""
    if uuid.__dict__.get("_generate_time_safe") is _generate_time_safe:
        # As on any journey: without it `uuid1` asks `time`.
        uuid._generate_time_safe = None if wall.is_faked() else _real_time_safe  # type: ignore[attr-defined]
    if type(_hidden) is _Hidden:
        _hidden.__class__ = random.Random  # type: ignore[assignment]  # what it was
    if random.Random.seed is _seed:
        random.Random.seed = _real_seed  # type: ignore[method-assign]
    _replace({wrapper: original for original, wrapper in _WRAPPERS.items()})
    _seeds.clear()


def _replace(functions: dict[Any, Any]) -> None:
    """Puts the values in the place of the keys, under whatever name a module has them."""
    new = {id(function): (function, other) for function, other in functions.items()}
    for space, names in _holders():
        for name in names:
            function, other = new.get(id(space.get(name)), (None, None))
            if function is not None:
                space[name] = other


Space = dict[str, Any]

_searched: dict[str, tuple[int, int, tuple[str, ...]]] = {}  # by module: which dict, how much in it, what of ours
_searched_modules = 0


def _holders() -> Iterator[tuple[Space, tuple[str, ...]]]:
    """The modules that have one of the functions, and under which names. All are searched only after an import."""
    global _searched_modules
    if len(sys.modules) == _searched_modules:
        modules = [name for name, (_, _, names) in _searched.items() if names or name == "__main__"]
    else:
        modules = [name for name in list(sys.modules) if name.partition(".")[0] != "replaykit"]
        _searched_modules = len(sys.modules)
    for name in modules:
        module = sys.modules.get(name)
        if not issubclass(type(module), ModuleType):  # `isinstance` believes what an object says, and cffi's lie
            continue
        space: Space = object.__getattribute__(module, "__dict__")  # a lazy module must not be loaded by this
        known = _searched.get(name)
        if known is None or known[0] != id(space) or known[1] != len(space):
            known = _searched[name] = (id(space), len(space), _names_in(space))
        yield space, known[2]


def _names_in(space: Space) -> tuple[str, ...]:
    return tuple(name for name, value in list(space.items()) if id(value) in _OURS)


def _answer(site: Site, name: str, shape: Shape, real: Callable[..., Any], *args: Any) -> Any:
    return site.source.value(site.node, site.reader.api or name, site.reader.origin, shape, real, args)


# the operating system's entropy


@functools.wraps(_real_urandom)
def _urandom(size: int, /) -> bytes:
    site = find_site(sys._getframe(1))
    if site is None:
        return _real_urandom(size)
    return _answer(site, "os.urandom", BYTES, _real_urandom, size)  # type: ignore[no-any-return]


def _getrandom(size: int, flags: int = 0) -> bytes:
    assert _real_getrandom is not None
    site = find_site(sys._getframe(1))
    real = functools.partial(_real_getrandom, flags=flags)
    return real(size) if site is None else _answer(site, "os.getrandom", BYTES, real, size)


@functools.wraps(_real_seed)
def _seed(self: random.Random, a: Any = None, version: int = 2) -> None:
    site = find_site(sys._getframe(1)) if a is None else None
    if site is not None:
        drawn = site.source.value(site.node, "random.Random", site.reader.origin, BYTES, _real_urandom, (SEED_BYTES,))
        _real_seed(self, int.from_bytes(drawn))
    else:
        _real_seed(self, a, version)


# the generator behind the functions of `random`


@functools.wraps(_real_random)
def _random() -> float:
    return _drawn(sys._getframe(1), "random.random", FLOAT, _real_random)  # type: ignore[no-any-return]


@functools.wraps(_real_getrandbits)
def _getrandbits(k: int, /) -> int:
    return _drawn(sys._getframe(1), "random.getrandbits", BITS, _real_getrandbits, k)  # type: ignore[no-any-return]


def _drawn(frame: FrameType, name: str, shape: Shape, real: Callable[..., Any], *args: Any) -> Any:
    site = find_site(frame)
    if site is None:
        return real(*args)
    seed = _seeds.get(site.node.run)
    if seed is None:
        return _answer(site, name, shape, real, *args)
    # Another seed is another sequence, and another stream.
    name = f"{site.reader.api or name} {seed}"
    return site.source.value(site.node, name, site.reader.origin, _SEEDED[shape], real, args)


class _Hidden(random.Random):
    """The class of the hidden generator meanwhile. Bound methods that others imported look up these."""

    def random(self) -> float:
        return _drawn(sys._getframe(1), "random.random", FLOAT, _real_random)  # type: ignore[no-any-return]

    def getrandbits(self, k: int, /) -> int:
        return _drawn(sys._getframe(1), "random.getrandbits", BITS, _real_getrandbits, k)  # type: ignore[no-any-return]

    # `gauss` makes two values at once and keeps the second one here, for whoever asks next. And whatever sets the state
    # of the generator sets this too, which is how a seed is noticed: `from random import seed` can't be caught.
    @property
    def gauss_next(self) -> float | None:
        """The value that is left over from the last call of `gauss`."""
        spare = _drawn(sys._getframe(1), "random.gauss spare", SPARE, self._spare)
        return spare[0] if spare else None

    @gauss_next.setter
    def gauss_next(self, value: float | None) -> None:
        self.__dict__["gauss_next"] = value
        frame = sys._getframe(1)
        if frame.f_code is _real_seed.__code__ and frame.f_back is not None:
            caller = frame.f_back
            is_ours = caller.f_globals is globals()  # `random._inst.seed` is `_seed`, which calls the real one
            _note_seed(caller.f_back if is_ours else caller, frame.f_locals.get("a"))

    def _spare(self) -> tuple[float, ...]:
        value = self.__dict__.get("gauss_next")
        return () if value is None else (value,)

    def __reduce__(self) -> Any:
        return random.Random, (), self.getstate()


def _note_seed(frame: FrameType | None, seed: Any) -> None:
    site = find_site(frame)
    if site is None:
        return
    if seed is None:
        _seeds.pop(site.node.run, None)
    else:
        _seeds[site.node.run] = f"seed {hashlib.sha256(repr(seed).encode()).hexdigest()[:8]}"


# uuid1


def _generate_time_safe() -> tuple[bytes, Any]:
    """The bytes of a `uuid1`; the C function behind it asks neither `time` nor `random`."""
    assert _real_time_safe is not None
    frame = sys._getframe(1)
    site = find_site(frame) if frame.f_code is uuid.uuid1.__code__ else None
    ask = _travelled_uuid1 if wall.is_faked() and frame.f_code is uuid.uuid1.__code__ else _real_time_safe
    if site is None:
        return ask()
    safe: list[Any] = [None]

    def real(size: int) -> bytes:
        made, safe[0] = ask()
        return made

    return _answer(site, "uuid.uuid1", BYTES, real, UUID_BYTES), safe[0]


def _travelled_uuid1() -> tuple[bytes, Any]:
    """One that asks `time` for the time; with a node it does not ask C."""
    return uuid.uuid1(uuid.getnode()).bytes, None


_WRAPPERS: dict[Any, Any] = {_real_urandom: _urandom, _real_random: _random, _real_getrandbits: _getrandbits}
if _real_getrandom is not None:
    _WRAPPERS[_real_getrandom] = functools.wraps(_real_getrandom)(_getrandom)
_OURS = {id(function) for pair in _WRAPPERS.items() for function in pair}
