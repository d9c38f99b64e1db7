"""What is taken out of a packet before it is stored, and what is left in its place."""

from replaykit.sanitize.masking import Finding
from replaykit.sanitize.names import may_hold_secret, secret_variables
from replaykit.sanitize.sanitizer import Sanitizer
from replaykit.sanitize.shapes import PERSONAL, Rule
from replaykit.sanitize.standins import StandIn

__all__ = ["PERSONAL", "Finding", "Rule", "Sanitizer", "StandIn", "may_hold_secret", "secret_variables"]
