"""When a recorded answer comes: in the recorded order of all events, else after as long as it took then."""

from __future__ import annotations

from collections.abc import Callable

from replaykit.determinism.conductor import Conductor
from replaykit.determinism.schedule import CALL, Subject
from replaykit.packet import Interaction
from replaykit.packet.exchange import CLOSE, HEAD, RESULT, Chunk


class AnswerGate:
    """The steps of one recorded answer.

    Args:
        name: The interaction's id; another one where it is served again.
        has_log: The recording says which steps were waited for: the others come at once.
        came: Told when all of it has come.
    """

    def __init__(
        self,
        conductor: Conductor,
        interaction: Interaction,
        name: str,
        *,
        has_log: bool,
        chunks: tuple[Chunk, ...] = (),
        came: Callable[[Interaction], None] = lambda _: None,
    ) -> None:
        self._conductor = conductor
        self._chunks = chunks
        self._interaction = interaction
        self._name = name
        self._has_log = has_log
        self._due_at_ns = conductor.clock.now_ns  # of the last step that was asked for
        self._took_ns = 0  # until then, in the recording
        self._came = came

    async def reach(self, step: int) -> None:
        """Wait until it has come; for ever where it never came, unless nothing else can."""
        subject = self._subject(step)
        is_last = self._is_never(step)
        if is_last or self._must_wait(subject, step):
            await self._conductor.reach(subject, self._due_ns(step), is_last=is_last)
        self._note(step)

    def reach_blocking(self, step: int) -> None:
        """The same for a thread."""
        subject = self._subject(step)
        is_last = self._is_never(step)
        if is_last or self._must_wait(subject, step):
            self._conductor.reach_blocking(subject, self._due_ns(step), is_last=is_last)
        self._note(step)

    def _note(self, step: int) -> None:
        is_head_alone = step == HEAD and not self._chunks
        if step == RESULT or step >= len(self._chunks) or is_head_alone:
            self._came(self._interaction)

    def _subject(self, step: int) -> Subject:
        return (CALL, self._name, step)

    def _must_wait(self, subject: Subject, step: int) -> bool:
        if self._conductor.order.has(subject):
            return True
        return not self._has_log and step != CLOSE

    def _is_never(self, step: int) -> bool:
        """True for what the agent stopped waiting for."""
        if step == CLOSE:
            return self._conductor.is_cut_off(self._name)
        done = self._interaction.done
        if done is None or done.state != "cancelled":
            return False
        if step == HEAD:
            return done.status is None
        return step == RESULT or step == len(self._chunks)

    def _due_ns(self, step: int) -> int:
        done, call = self._interaction.done, self._interaction.call
        if done is None:
            return self._due_at_ns
        took = done.time_ns - call.time_ns
        if step == HEAD:
            took = done.first_byte_ns if done.first_byte_ns is not None else took
        elif 0 <= step < len(self._chunks):
            took = self._chunks[step].offset_ns
        self._due_at_ns += self._conductor.order.delay_ns(self._subject(step), max(took - self._took_ns, 0))
        self._took_ns = max(took, self._took_ns)
        return self._due_at_ns
