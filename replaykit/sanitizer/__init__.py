"""What is taken out of a packet before it is stored, and what is left in its place."""

from replaykit.sanitizer.masking import Finding
from replaykit.sanitizer.names import is_secret_variable, may_hold_secret, secret_variables
from replaykit.sanitizer.sanitizer import Sanitizer
from replaykit.sanitizer.shapes import PERSONAL, Rule
from replaykit.sanitizer.standins import StandIn

__all__ = [
    "PERSONAL",
    "Finding",
    "Rule",
    "Sanitizer",
    "StandIn",
    "is_secret_variable",
    "may_hold_secret",
    "secret_variables",
]
