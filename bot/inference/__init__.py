"""Types shared by all: chat, stream events, the cluster and its scheduler port."""

from bot.inference.chat import (
    AnswerStats,
    ChatMessage,
    ChatRequest,
    Finish,
    FinishReason,
    Reasoning,
    Role,
    Started,
    StreamEvent,
    Text,
    Usage,
)
from bot.inference.cluster import ClusterState, ClusterStatus, JoinCommand, Model, Node, NodeState
from bot.inference.port import Scheduler

__all__ = [
    "AnswerStats",
    "ChatMessage",
    "ChatRequest",
    "ClusterState",
    "ClusterStatus",
    "Finish",
    "FinishReason",
    "JoinCommand",
    "Model",
    "Node",
    "NodeState",
    "Reasoning",
    "Role",
    "Scheduler",
    "Started",
    "StreamEvent",
    "Text",
    "Usage",
]
