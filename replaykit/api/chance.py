"""Switches the clock and the random sources of a run: logged while it is recorded, played back while it is replayed."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable

from replaykit.determinism import effects, lineage, numpy_random
from replaykit.session import runtime, timezones
from replaykit.session.effect_source import GoneOn
from replaykit.session.recorder import Recorder
from replaykit.session.replayer import Replayer

logger = logging.getLogger("replaykit")


class Effects:
    """The hooks of one run. `end` may be called at any time."""

    def __init__(self) -> None:
        self._uninstall: Callable[[], None] | None = None
        self._put_back: list[Callable[[], None]] = []

    def install(self) -> bool:
        """Puts the hooks in place for a recording. False if that can't be done: the run is recorded without."""
        try:
            effects.install()
            try:
                lineage.install_clock()
            except BaseException:
                effects.uninstall()
                raise
        except Exception as error:  # a version of time-machine, or of Python, that is not as we know it
            logger.warning("the clock and random sources are not recorded: %s: %s", type(error).__name__, error)
            return False
        self._uninstall = _uninstall_all
        return True

    def log(self, recorder: Recorder) -> None:
        """From here on the recorder keeps what the run reads."""
        log = recorder.log_effects()
        state = numpy_random.state()
        if state is not None:
            log.once(numpy_random.SOURCE, state)
        effects.attach(recorder, log)

    def play(self, replayer: Replayer) -> None:
        """From here on the replayed code reads what was recorded; with nothing recorded, the clock of the replay."""
        if replayer.effects is None:
            self._go_on(replayer)
            return
        effects.install()
        self._uninstall = effects.uninstall
        self._put_back.append(numpy_random.play(replayer.effects.once(numpy_random.SOURCE)))
        effects.attach(replayer, replayer.effects)
        recorded, here = replayer.packet.run.timezone, runtime.time_zone()
        if recorded is not None and recorded != here:
            end = timezones.use(recorded)
            if end is not None:
                self._put_back.append(end)
            else:
                replayer.notes.append(f"the time zone is {here}, in the recording {recorded}: local times differ")

    def _go_on(self, replayer: Replayer) -> None:
        try:
            effects.install(has_chance=False)
        except Exception as error:  # as above; nothing of it was recorded, so nothing is lost
            replayer.notes.append(f"the wall clock is the real one: {type(error).__name__}: {error}")
            return
        self._uninstall = functools.partial(effects.uninstall, has_chance=False)
        effects.attach(replayer, GoneOn(replayer.packet, replayer.conductor.clock))

    def end(self, run: Recorder | Replayer | None) -> None:
        """Real values again."""
        effects.detach(run)
        while self._put_back:
            self._put_back.pop()()
        uninstall, self._uninstall = self._uninstall, None
        if uninstall is not None:
            try:
                uninstall()
            except Exception as error:  # the run is over, and a hook that stays does nothing
                logger.warning("the hooks of clock and chance stay: %s: %s", type(error).__name__, error)


def _uninstall_all() -> None:
    lineage.uninstall_clock()
    effects.uninstall()
