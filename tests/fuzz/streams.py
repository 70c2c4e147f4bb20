"""What any bytes from a scheduler must not break: the targets of the fuzzing of streams and bodies.

Every target takes arbitrary bytes and raises AssertionError, or any other exception, when a reader breaks its
contract. ``test_streams.py`` feeds them random bytes in every run of the tests, ``fuzz_streams.py`` for minutes
with coverage as its guide.
"""

from __future__ import annotations

from bot.domain.chat import Finish, Reasoning, StreamEvent, Text
from bot.errors import SchedulerError
from bot.parallax import bounds, wire
from bot.parallax.answer_reader import AnswerReader
from bot.parallax.errors import from_response, read_body, retry_after
from bot.parallax.sse import LineLimitError, LineReader
from bot.parallax.untrusted import mapping, parse_json

_DAY = 86_400.0


def answer(data: bytes, size: int) -> None:
    """Read ``data`` as a streamed answer that arrives in parts of ``size`` bytes."""
    reader = AnswerReader(0.0, lambda _: size % 2 == 0)
    events: list[StreamEvent] = []
    for number, at in enumerate(range(0, len(data), size)):
        if not reader.over:
            events += reader.feed(data[at : at + size], float(number))
    if not reader.over:
        events += reader.close(float(len(data)))
    _check(events, reader)
    written = sum(len(event.text) for event in events if isinstance(event, Text | Reasoning))
    # Text that was taken for thinking may be given a second time, as the answer.
    assert written <= 2 * len(data), "an answer has no more characters than the bytes it came in"


def whole_answer(data: bytes, _size: int) -> None:
    """Read ``data`` as an answer in one JSON body."""
    payload = _json(data)
    if payload is not None:
        reader = AnswerReader(0.0, lambda _: False, whole=True)
        _check(reader.read_whole(mapping(payload) or {}, 1.0), reader)


def _check(events: list[StreamEvent], reader: AnswerReader) -> None:
    assert reader.done is not (reader.failure is not None), "an answer either ends or fails"
    assert sum(isinstance(event, Finish) for event in events) == reader.done
    assert reader.failure is None or isinstance(reader.failure, SchedulerError)
    for event in events:
        if isinstance(event, Text | Reasoning):
            assert event.text
            event.text.encode()
            assert "\0" not in event.text


def status(data: bytes, size: int) -> None:
    """Read ``data`` as the stream of the status."""
    reader = LineReader()
    lines: list[str] = []
    try:
        for at in range(0, len(data), size):
            lines += reader.feed(data[at : at + size])
    except LineLimitError:
        return
    lines.append(reader.close()[0])
    for line in lines:
        try:
            report = wire.read_status(parse_json(line))
        except ValueError:
            continue
        assert len(report.nodes) <= bounds.NODES
        assert report.capacity is None or 0 <= report.capacity <= bounds.CAPACITY
        assert len(report.model or "") <= bounds.NAME
        assert isinstance(report.usable, bool)


def body(data: bytes, size: int) -> None:
    """Read ``data`` as the body of every other response, and as the body of an error."""
    error = read_body(data)
    assert len(error.message) <= bounds.DETAIL
    assert isinstance(from_response(400 + size, data), SchedulerError)
    wait = retry_after(data.decode("latin-1"), 0.0)
    assert wait is None or 0 <= wait <= _DAY
    payload = _json(data)
    for read in (wire.read_models, wire.read_served, wire.data_of):
        try:
            read(payload)
        except SchedulerError:
            continue


def _json(data: bytes) -> object:
    try:
        return parse_json(data)
    except ValueError:
        return None


TARGETS = (answer, whole_answer, status, body)


def run(data: bytes) -> None:
    """Choose the target by the first byte and the size of the parts by the second, and run it with the rest."""
    if len(data) >= 2:
        TARGETS[data[0] % len(TARGETS)](data[2:], 1 + data[1] % 64)
