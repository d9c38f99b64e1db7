"""The packet: a sanitized recording of one run, as a file and in memory."""

from replaykit.packet.packet import Interaction, Packet, Span

__all__ = ["Interaction", "Packet", "Span"]
