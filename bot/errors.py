"""The error classes of the bot, all below :class:`BotError`.

``key`` names the sentence in the catalogue (``bot/i18n/locales``) that a person is shown; ``params`` fill it in.
Adapters translate foreign exceptions at the border and chain them (``raise … from exc``).
"""

from __future__ import annotations


class BotError(Exception):
    """Base class of all errors that the bot raises on purpose."""

    key = "error.unexpected"

    def __init__(self, message: str = "", /, *, key: str | None = None, **params: object) -> None:
        super().__init__(message or type(self).__name__)
        if key is not None:
            self.key = key
        self.params: dict[str, object] = params


class UserError(BotError):
    """The person asking can act on it."""


class NotAllowed(UserError):
    """The person may not do this."""

    key = "error.not_allowed"


class NothingSaid(UserError):
    """Nobody has written anything that could be summarised."""

    key = "error.summary_nothing"


class KeyRefused(UserError):
    """What a program sent is no valid key."""

    key = "error.key_refused"


class PromptTooLong(UserError):
    """The prompt does not fit: ``params`` carry ``tokens`` and ``limit``."""

    key = "error.prompt_too_long"


class AttachmentRejected(UserError):
    """An attachment cannot be read: ``key`` says why."""

    key = "error.attachment_unreadable"


class TooFast(UserError):
    """This person sends commands or presses faster than they are taken."""

    key = "error.too_fast"


class AdmissionError(BotError):
    """The question was not added to the queue."""


class WaitListFull(AdmissionError):
    """Too many files and charts wait to be processed, or this one waited too long."""

    key = "error.wait_list_full"


class QueueFull(AdmissionError):
    """The queue is full."""

    key = "error.queue_full"


class UserLimitReached(AdmissionError):
    """This person has as many waiting questions as one person may have."""

    key = "error.user_limit"


class QuotaUsed(AdmissionError):
    """This person has used up the day's quota: ``used`` and ``limit`` in tokens, ``resets`` as text."""

    key = "error.quota_used"


class Draining(AdmissionError):
    """The bot is shutting down and takes no further question."""

    key = "error.draining"


class NotTakenNow(AdmissionError):
    """Discord has refused so many calls that it may ban the bot: no further question is taken."""

    key = "error.not_taken_now"


class Ended(BotError):
    """A program's request has ended without an answer. ``str(error)`` is its state: cancelled or expired."""

    key = "error.already_over"


class SchedulerError(BotError):
    """The cluster did not do what was asked.

    ``status`` is the HTTP status (also of an error sent inside a 200 stream), ``code`` the scheduler's own
    code or ours, ``retry_after`` in seconds. ``str(error)`` carries the scheduler's message: untrusted text for
    the operator's log, never for a channel.
    """

    key = "error.scheduler"
    retryable = False
    """Whether asking again soon may succeed, although the cluster did not say so."""

    def __init__(
        self,
        message: str = "",
        /,
        *,
        status: int | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        key: str | None = None,
        **params: object,
    ) -> None:
        super().__init__(message, key=key, **params)
        self.status = status
        self.code = code
        self.retry_after = retry_after


class SchedulerUnreachable(SchedulerError):
    """No connection could be made, or it never answered."""

    key = "error.scheduler_unreachable"


class KeyWanted(SchedulerUnreachable):
    """401, 403 or 407: the scheduler, or something before it, wants another key or login."""

    key = "error.scheduler_key"


class StandaloneNode(SchedulerUnreachable):
    """PARALLAX_URL points to a node or a router that answers chats, and not to a scheduler."""

    key = "error.standalone_node"


class SchedulerNotReady(SchedulerError):
    """503: the cluster has no model, no nodes or no pipeline yet."""

    key = "error.scheduler_not_ready"


class ClusterBusy(SchedulerError):
    """429: every pipeline is taken."""

    key = "error.cluster_busy"


class RequestRefused(SchedulerError):
    """400: the cluster will not accept this request however often it is sent."""

    key = "error.request_refused"


class NoAnswer(SchedulerError):
    """A node processed the request to its end and sent no word of an answer (recording 137)."""

    key = "error.no_answer"


class UpstreamFailed(SchedulerError):
    """A node failed (5xx, or an error inside the stream)."""

    key = "error.upstream_failed"
    retryable = True


class StreamInterrupted(SchedulerError):
    """The stream broke off, stalled, or ended without saying that it was finished."""

    key = "error.stream_interrupted"
    retryable = True


class NodeFailed(StreamInterrupted):
    """A node reported an error after it had sent a part of the answer."""

    key = "error.node_failed"


class DeliveryError(BotError):
    """Discord did not take a message."""

    key = "error.delivery"


class MessageGone(DeliveryError):
    """The message was deleted (code 10008) or its thread or channel is gone."""


class AccessLost(DeliveryError):
    """The bot may not see or write there (codes 50001, 50013, 160005, 50083, 50007)."""


class TokenExpired(DeliveryError):
    """The interaction's token has expired (codes 50027, 10015, 10062)."""


class HeldBack(DeliveryError):
    """Not sent: Discord has refused so many calls that it may ban the bot. ``str(error)`` names the level."""

    key = "error.held_back"


class StorageError(BotError):
    """The database could not be read or written."""

    key = "error.storage"


class DatabaseInUse(StorageError):
    """Another process holds the database's lock."""


class DatabaseLocked(StorageError):
    """Somebody else held the database for longer than a write waits; nothing was changed. It may work again
    soon."""


class ValueRefused(StorageError):
    """The database refused a write and would refuse it again: a number is too large, or a row contradicts others.
    Do not repeat the write."""


class ConfigError(BotError):
    """A setting is missing or wrong; the message names it and its remedy in one line."""

    key = "error.config"
