"""A scripted model server for tests, demos and users: real sockets, real wire formats, answers by rule.

Standard library only, so that nothing it does can pass through an interceptor.
"""

from replaykit.serve.scripted.answering import ReceivedRequest
from replaykit.serve.scripted.prompt import Prompt, Turn
from replaykit.serve.scripted.reply import Tool
from replaykit.serve.scripted.rules import Fault, Route, Rule
from replaykit.serve.scripted.script import Script, load_rules
from replaykit.serve.scripted.server import ScriptedServer

__all__ = [
    "Fault",
    "Prompt",
    "ReceivedRequest",
    "Route",
    "Rule",
    "Script",
    "ScriptedServer",
    "Tool",
    "Turn",
    "load_rules",
]
