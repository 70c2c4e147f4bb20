"""What reached the double and what became of it, for tests and benchmarks."""

from dataclasses import dataclass, field

from sandbox.parallax.wire import Json, JsonObject

__all__ = ["Call", "ChatRecord"]


@dataclass(slots=True)
class Call:
    """One HTTP request to the scheduler, whatever came of it. `at` is in real monotonic seconds."""

    method: str
    path: str
    at: float
    body: bytes = b""
    status: int | None = None


@dataclass(slots=True)
class ChatRecord:
    """One chat request. All instants are real monotonic seconds; None means that it did not happen.

    `outcome` is `open` while the request lives, then one of: `completed`, `rejected` (an error with a
    status), `hung_up` (the client left first), `lost` (the scheduler died under it), `replayed`, or
    `fault:<kind>`.
    """

    id: str
    arrived_at: float
    body: JsonObject = field(default_factory=dict)
    streamed: bool = False
    outcome: str = "open"
    status: int | None = None
    dispatched_at: float | None = None
    node: str | None = None
    headers_at: float | None = None
    first_token_at: float | None = None
    last_token_at: float | None = None
    finished_at: float | None = None
    hung_up_at: float | None = None
    prompt_tokens: int = 0
    token_times: list[float] = field(default_factory=list)
    text: str = ""
    """The content that was sent so far, reasoning left out."""

    @property
    def messages(self) -> list[dict[str, Json]]:
        """The conversation as the client sent it; empty when it sent none."""
        messages = self.body.get("messages")
        if not isinstance(messages, list):
            return []
        return [dict(message) for message in messages if isinstance(message, dict)]

    @property
    def hung_up(self) -> bool:
        """Whether the client closed the connection before the end of the answer."""
        return self.hung_up_at is not None

    @property
    def tokens(self) -> int:
        """How many tokens were sent, reasoning included."""
        return len(self.token_times)

    def note_token(self, now: float, content: str) -> None:
        """A token went out at the instant `now`; `content` is empty for reasoning."""
        if self.first_token_at is None:
            self.first_token_at = now
        self.last_token_at = now
        self.token_times.append(now)
        self.text += content

    def end(self, outcome: str, now: float) -> None:
        """The request is over at the instant `now`; only the first outcome counts."""
        if self.outcome == "open":
            self.outcome = outcome
            self.finished_at = now

    def as_json(self) -> JsonObject:
        """The record for `GET /_sandbox/requests`."""
        return {
            "id": self.id,
            "arrived_at": self.arrived_at,
            "outcome": self.outcome,
            "status": self.status,
            "streamed": self.streamed,
            "node": self.node,
            "dispatched_at": self.dispatched_at,
            "headers_at": self.headers_at,
            "first_token_at": self.first_token_at,
            "last_token_at": self.last_token_at,
            "finished_at": self.finished_at,
            "hung_up_at": self.hung_up_at,
            "prompt_tokens": self.prompt_tokens,
            "token_times": self.token_times,
            "messages": self.messages,
        }
