"""Records of the requests that reached the double, for tests and benchmarks."""

from dataclasses import asdict, dataclass, field

from sandbox.parallax.wire import Json, JsonObject

__all__ = ["Call", "ChatRecord"]


@dataclass(slots=True)
class Call:
    """One HTTP request to the scheduler. `at` is in real monotonic seconds; `status` is None without an answer."""

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
        """The record for `GET /_sandbox/requests`: every field, the messages in place of the whole body."""
        record = asdict(self)
        del record["body"]
        return {**record, "messages": self.messages}
