"""The Parallax scheduler double: `ParallaxDouble`, and what its scripts are made of."""

from sandbox.parallax.api import Dialect
from sandbox.parallax.double import CHAT_PATH, ParallaxDouble
from sandbox.parallax.log import Call, ChatRecord
from sandbox.parallax.script import Delta, Fault, FaultKind, Framing, ReasoningStyle, Script, WireStyle
from sandbox.parallax.tokenizer import TokenizerName

__all__ = [
    "CHAT_PATH",
    "Call",
    "ChatRecord",
    "Delta",
    "Dialect",
    "Fault",
    "FaultKind",
    "Framing",
    "ParallaxDouble",
    "ReasoningStyle",
    "Script",
    "TokenizerName",
    "WireStyle",
]
