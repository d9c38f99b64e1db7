"""What `replaykit demo` writes into its folder, and how it knows its own files again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from replaykit.errors import PacketError, UsageError

WORKFLOW = "refund-agent"
PROMPT_LINE = "You are a refund agent. Look the order up, then refund its total."
FIXED_LINE = "You are a refund agent. Look the order up, then refund its total. Totals are in cents."

TEST = '''"""Yesterday's failure as a test: offline, without a key. Written by `replaykit demo`."""

from pathlib import Path

import agent
import pytest

import replaykit

PACKET = Path(__file__).parent / "refund.packet.jsonl"


def test_the_recorded_failure_comes_back() -> None:
    with pytest.raises(ValueError, match="over the limit"), replaykit.replay(PACKET) as rerun:
        agent.answer(agent.QUESTION)

    assert rerun.report.ok
'''


@dataclass(frozen=True, slots=True)
class Folder:
    """The folder of the demo, and the names in it."""

    path: Path

    @property
    def agent(self) -> Path:
        return self.path / "agent.py"

    @property
    def fixed_agent(self) -> Path:
        return self.path / "agent_fixed.py"

    @property
    def test(self) -> Path:
        return self.path / "test_agent.py"

    @property
    def packet(self) -> Path:
        return self.path / "refund.packet.jsonl"

    def write(self) -> None:
        """Writes the sources.

        Raises:
            UsageError: Something of somebody else's stands there, or the folder can't be written.
        """
        source = (Path(__file__).parent / "demo_agent.py").read_text()
        sources = {self.agent: source, self.fixed_agent: source.replace(PROMPT_LINE, FIXED_LINE), self.test: TEST}
        for path, text in sources.items():
            if path.exists() and path.read_text(errors="replace") != text:
                self._refuse(path)
        if self.packet.exists() and not _is_ours(self.packet):
            self._refuse(self.packet)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for path, text in sources.items():
                path.write_text(text)
        except OSError as error:
            raise UsageError(f"{self.path} can't be written: {error.strerror}") from None

    def _refuse(self, path: Path) -> None:
        raise UsageError(
            f"{path} is not as the demo writes it, so it stays; take another folder: replaykit demo --folder NAME"
        )


def _is_ours(path: Path) -> bool:
    from replaykit.packet import Packet

    try:
        return Packet.load(path).run.workflow == WORKFLOW
    except PacketError:
        return False
