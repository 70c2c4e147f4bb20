"""Bounds for everything that a scheduler sends, each with its reason and with what happens beyond it.

All bounds are far above the values of a real cluster (recordings 01–139), and low enough that the largest
values can be shown, stored and counted without a problem.
"""

from __future__ import annotations

# Numbers. Beyond its bound a number counts as missing.

CAPACITY = 4_096
"""Requests at once. A pipeline runs a few dozen; Parallax's own default is 8 for each. Beyond: missing, so the
queue finds out by itself how much the cluster takes."""

GPUS = 1_024
"""GPUs of a node. The largest machines have 16. Beyond: shown as 1."""

MEMORY_GB = 1_000_000.0
"""Memory of a GPU, or what a model needs, in GB: a petabyte. Cards show it and add it up over all nodes. Beyond:
unknown."""

TOKENS = 10_000_000
"""Tokens of a prompt, an answer or a context: as many as the longest context has. Counts are added up per day.
Beyond: missing, so the chunks of the answer are counted instead."""

RETRY_AFTER = 86_400.0
"""Seconds that a refusal may ask to wait: a day; a longer wait is a mistake. Beyond: missing, so the bot's own
waiting time counts."""

STATUS_LEAST, STATUS_MOST = 100, 599
"""HTTP statuses, by RFC 9110, section 15. Beyond: missing, so the error counts as a failed node."""

# Texts. Beyond its bound a text is cut, with "…" at its end.

NAME = 200
"""Characters of a model's or node's name. No list in Discord shows longer names. Beyond: cut; a model whose
name was cut is not listed, because it could not be chosen."""

SHORT_NAME = 80
"""Characters of a GPU's, provider's or media type's name. Beyond: cut."""

SIZE = 40
"""Characters of a model's size, as "7B". Beyond: cut."""

COMMAND = 1_000
"""Characters of the join command; the real one has 200. Discord shows 4,000 in a card. Beyond: no command,
because a part of a command must not be run."""

DETAIL = 500
"""Characters of an error's message, for one line of the log. Beyond: cut."""

CODE = 64
"""Characters of an error's code or type, of an event's type and of a finish reason. Beyond: cut."""

# Lists. Beyond its bound a list ends.

NODES = 512
"""Nodes of a cluster that are read: some tens of machines join one. Beyond: left out. It is also the largest
number that a cluster may be initialised for; beyond: missing."""

MODELS = 5_000
"""Models that are read. The real list has some hundreds; autocompletion looks through all of them. Beyond: left
out."""

CHOICES = 16
"""Choices of an answer among which the one with index 0 is searched. The bot requests one. Beyond: ignored."""

# Nesting and size of what is sent. Beyond its bound the response ends as the cluster's fault, or as told.

NESTED_PARTS = 4
"""Lists of content parts inside each other. OpenAI's format has one. Beyond: the answer fails."""

CONTAINERS = 65_536
"""Opening brackets in JSON, including those in its strings. An empty list needs 30 times the memory of its two
bytes, and brackets take most of the time of reading; 5,000 models have 5,001 brackets. Beyond: no JSON, so the
answer or the call fails."""

EVENT = 512 * 1024
"""Characters from one event of an answer to the next, including comments and unused fields; of a line of the
status; of an error outside the grammar. A real one has 200. Beyond: the answer or the status stream ends as
broken."""

EVENT_LINES = 1_024
"""``data:`` lines of one event. A real one has 1, and JSON with line breaks for readability a few dozen.
Beyond: the answer ends as broken."""

UNREPORTED = 2 * EVENT
"""Bytes of the status stream without a report. Beyond: the stream ends as broken and is opened again."""

BODY = 1024 * 1024
"""Bytes of a body that is read as a whole. The longest real one, the list of models, has about 20,000. Beyond:
the call fails."""

ERROR_BODY = 64 * 1024
"""Bytes of an error's body that are read: its status already gives enough information. Beyond: not read."""

UNREAD = 256 * 1024
"""Bytes of a connection that have arrived and were not read. Beyond: its socket is left alone until half of
them are read, so that the peer has to wait."""

HEAD = 100 * 1024
"""Bytes of a response's head, as h11 bounds it. Beyond: the call fails."""

CHUNK_LINE = 16 * 1024
"""Bytes of a line between the chunks of a stream: a size with its extensions, or a trailer. A real one has 4.
Beyond: the answer ends as broken."""

TRAILERS = 100
"""Lines after the last chunk of a stream. A real one has none. Beyond: the answer ends as broken."""

# A whole answer. Beyond its bound the answer ends with what there is of it, and says that the bot stopped it.

ANSWER = 1_000_000
"""Characters of an answer and its reasoning together. The longest answers that models are made for have about
500,000. Beyond: the answer is stopped."""

ANSWER_SECONDS = 3_600.0
"""Seconds from the headers of an answer to its end: 16,000 tokens on a node that generates 5 a second. Beyond:
the answer is stopped."""

MARKS = 1_000
"""Marks of thinking, tool calls and channels in an answer. Real answers have a few. Beyond: they are text."""

TOKENS_FACTOR = 2
"""How many times the requested tokens an answer may have. An engine that respects the request never sends more
than that; the rest is for different ways of counting. Beyond: the answer is stopped."""
