"""Bounds for everything that a scheduler sends, each with its reason.

A number beyond its bound is treated as missing, a text is cut, a list ends there, and a body, line or event that
is longer ends the response as an error of the cluster. All bounds are far above the values of a real cluster
(recordings 01–89), and low enough that the largest values can be shown, stored and counted without a problem.
"""

from __future__ import annotations

CAPACITY = 4_096
"""Requests at once. A pipeline runs a few dozen; Parallax's own default is 8 for each."""

NODES = 512
"""Nodes of a cluster that are read, and the number it may be initialised for: some tens of machines join one."""

GPUS = 1_024
"""GPUs of a node. The largest machines have 16."""

MEMORY_GB = 1_000_000.0
"""Memory of a GPU, or what a model needs, in GB: a petabyte. Cards show it and add it up over all nodes."""

MODELS = 5_000
"""Models that are read. The real list has some hundreds; autocompletion looks through all of them."""

TOKENS = 10_000_000
"""Tokens of a prompt, an answer or a context: as many as the longest context has. Counts are added up per day."""

ANSWER = 1_000_000
"""Characters of an answer and its reasoning together. The longest answers that models are made for have about
500,000. Beyond it the answer ends, with what there is of it, and says that the bot stopped it."""

ANSWER_SECONDS = 3_600.0
"""Seconds from the headers of an answer to its end: 16,000 tokens on a node that generates 5 a second. Beyond it
the answer ends as above."""

TOKENS_FACTOR = 2
"""How many times the requested tokens an answer may have. An engine that respects the request never sends more
than that; the rest is for different ways of counting. Beyond it the answer ends as above."""

RETRY_AFTER = 86_400.0
"""Seconds that a refusal may ask to wait: a day; a longer wait is a mistake."""

STATUS_LEAST, STATUS_MOST = 100, 599
"""HTTP statuses, by RFC 9110, section 15."""

NAME = 200
"""Characters of a model's or node's name. No list in Discord shows longer names."""

SHORT_NAME = 80
"""Characters of a GPU's, provider's or media type's name."""

SIZE = 40
"""Characters of a model's size, as "7B"."""

COMMAND = 1_000
"""Characters of the join command; the real one has 200. Discord shows 4,000 in a card."""

DETAIL = 500
"""Characters of an error's message, for one line of the log."""

CODE = 64
"""Characters of an error's code or type, of an event's type and of a finish reason."""

CHOICES = 16
"""Choices of an answer among which the one with index 0 is searched. The bot requests one."""

NESTED_PARTS = 4
"""Lists of content parts inside each other. OpenAI's format has one."""

CONTAINERS = 65_536
"""Opening brackets in JSON, including those in its strings. An empty list needs 30 times the memory of its two
bytes, and brackets take most of the time of reading; 5,000 models have 5,001 brackets."""

EVENT = 512 * 1024
"""Characters from one event of an answer to the next, including comments and unused fields; of a line of the
status; of an error outside the grammar. A real one has 200."""

UNREPORTED = 2 * EVENT
"""Bytes of the status stream without a report."""

EVENT_LINES = 1_024
"""``data:`` lines of one event. A real one has 1, and JSON with line breaks for readability a few dozen."""

BODY = 1024 * 1024
"""Bytes of a body that is read as a whole. The longest real one, the list of models, has about 20,000."""

ERROR_BODY = 64 * 1024
"""Bytes of an error's body that are read: its status already gives enough information."""
