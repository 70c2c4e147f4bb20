"""Read recordings of a real scheduler, to answer with them byte for byte.

Two formats, both plain text with `#` comment lines first:

*Timed* (socket reads of one request)::

    >>> 'POST /v1/chat/completions HTTP/1.1\\r\\nHost: …'
    [   0.066] b'HTTP/1.1 200 OK\\r\\n…'
    ... (889 similar reads left out) ...
    ----- end at 1.449s: closed by server (FIN); 43 reads, 8935 bytes; …

Each block is the seconds since the request was sent and the exact bytes as a Python literal. The newer ones have
the request as bytes too, and end in ``[   0.084] (connection closed by the server)``.

*Dumps* (`curl -i`)::

    $ curl -sS -i -X POST … http://127.0.0.1:3001/scheduler/init
    ----- raw response (status line, headers, body) -----
    HTTP/1.1 200 OK
    …
    ----- end: http=200 ttfb=0.013152s total=0.013210s bytes=108 exit=0 err=

curl takes a chunked body apart, so its chunks are put together again line by line, spread evenly over the
time between the first and the last byte. What a dump does not hold (the framing, the exact times) is the
only thing that is not exact. A body that was edited after recording (masked names) gets a `content-length`
that fits it.
"""

import ast
import re
import shlex
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

__all__ = ["End", "Recording", "RecordingError", "load", "parse"]

_BLOCK: Final = re.compile(r"^\[ *(\d+\.\d+)\] (b['\"].*)$")
_LEFT_OUT: Final = re.compile(r"^\.\.\. \((\d+) similar reads left out\)")
_TIMED_END: Final = re.compile(r"^----- end at (\d+\.\d+)s: (.*)$")
_CLOSED: Final = re.compile(r"^\[ *(\d+\.\d+)\] \(connection closed by the server\)$")
_DUMP_START: Final = "----- raw response"
_DUMP_END: Final = re.compile(r"^----- end: http=(\d+) ttfb=([\d.]+)s total=([\d.]+)s bytes=(\d+) exit=(\d+)")
_CURL_TIMED_OUT: Final = 28


class RecordingError(ValueError):
    """The file is not a recording of one exchange; the text says what is missing."""


class End(StrEnum):
    """How an answer ended."""

    FIN = "fin"
    """The server closed the connection (or, in a dump, finished the body)."""
    RESET = "reset"
    """The server broke the connection."""
    SILENCE = "silence"
    """Nothing more came until the client gave up."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One exchange: the request, and the answer's bytes with their times."""

    name: str
    method: str
    path: str
    request_body: str
    reads: tuple[tuple[float, bytes], ...]
    """Seconds since the request was sent, and the bytes that came."""
    end: End
    ended_at: float
    """Seconds since the request was sent."""
    left_out: int = 0
    """Reads of the middle that the file does not hold."""

    @property
    def data(self) -> bytes:
        """All bytes of the answer, from the status line on."""
        return b"".join(data for _, data in self.reads)

    @property
    def status(self) -> int | None:
        """The HTTP status, None when nothing came."""
        parts = self.data.split(b" ", 2)
        return int(parts[1]) if len(parts) > 1 else None

    @property
    def head(self) -> bytes:
        """The status line and headers, without the empty line."""
        return self.data.partition(b"\r\n\r\n")[0]

    @property
    def body(self) -> bytes:
        """The bytes after the headers, framing included."""
        return self.data.partition(b"\r\n\r\n")[2]


def load(path: Path) -> Recording:
    """Read a recording file. Raises OSError, or RecordingError when it is not one (a timeline is not)."""
    return parse(path.read_text(encoding="utf-8"), name=path.stem)


def parse(text: str, *, name: str) -> Recording:
    """Read a recording's text, either format. Raises RecordingError."""
    # only "\n" separates lines here: a literal or a JSON body may hold U+2028 and its kin
    lines = text.split("\n")
    for line in lines:
        if line.startswith(">>> "):
            return _timed(name, lines)
        if line.startswith("$ curl"):
            return _dump(name, lines)
    raise RecordingError(f"{name}: neither a timed recording nor a curl dump")


def _timed(name: str, lines: list[str]) -> Recording:
    request = ""
    reads: list[tuple[float, bytes]] = []
    left_out = 0
    for line in lines:
        if line.startswith(">>> "):
            # "(…)" stands where a long request was abridged; a literal of bytes takes ASCII only
            literal = ast.literal_eval(line[4:].replace("(…)", "(...)"))
            request = literal.decode() if isinstance(literal, bytes) else str(literal)
        elif block := _BLOCK.match(line):
            reads.append((float(block.group(1)), bytes(ast.literal_eval(block.group(2)))))
        elif skipped := _LEFT_OUT.match(line):
            left_out += int(skipped.group(1))
        elif end := _TIMED_END.match(line) or _CLOSED.match(line):
            request_head, _, body = request.partition("\r\n\r\n")
            method, path, _ = request_head.split(" ", 2)
            ending = _timed_end(end.group(2)) if end.re is _TIMED_END else End.FIN
            return Recording(name, method, path, body, tuple(reads), ending, float(end.group(1)), left_out)
    raise RecordingError(f"{name}: no end line")


def _timed_end(words: str) -> End:
    if words.startswith("closed by server (FIN)"):
        return End.FIN
    if "reset" in words.lower():
        return End.RESET
    return End.SILENCE


def _dump(name: str, lines: list[str]) -> Recording:
    method, path, request_body = _curl_request(next(line for line in lines if line.startswith("$ curl")))
    try:
        start = next(index for index, line in enumerate(lines) if line.startswith(_DUMP_START)) + 1
        stop = next(index for index, line in enumerate(lines) if _DUMP_END.match(line))
    except StopIteration:
        raise RecordingError(f"{name}: no response or no end line") from None
    end = _DUMP_END.match(lines[stop])
    assert end is not None  # noqa: S101 - found by the same pattern
    answer = [line for line in lines[start:stop] if not line.startswith("curl: (")]
    empty = answer.index("")
    headers, body = answer[:empty], "\n".join(answer[empty + 1 :]).encode()
    first, total, count = float(end.group(2)), float(end.group(3)), int(end.group(4))
    if len(body.rstrip(b"\n")) > count:
        body = body.rstrip(b"\n")
        headers = [
            header.replace(f"content-length: {count}", f"content-length: {len(body)}") for header in headers
        ]
        count = len(body)
    head = ("\r\n".join(headers) + "\r\n\r\n").encode()
    chunked = any(header.lower() == "transfer-encoding: chunked" for header in headers)
    exit_code = int(end.group(5))
    reads = [(first, head)]
    if chunked:
        reads += _chunks(body[:count], first, total, complete=exit_code == 0)
    else:
        reads.append((total, body[:count]))
    ending = End.SILENCE if exit_code == _CURL_TIMED_OUT else End.FIN
    return Recording(name, method, path, request_body, tuple(reads), ending, total)


def _chunks(body: bytes, first: float, total: float, *, complete: bool) -> list[tuple[float, bytes]]:
    lines = body.splitlines(keepends=True)
    step = (total - first) / max(1, len(lines))
    reads = [(first + index * step, b"%x\r\n%s\r\n" % (len(line), line)) for index, line in enumerate(lines)]
    if complete:
        reads.append((total, b"0\r\n\r\n"))
    return reads


def _curl_request(line: str) -> tuple[str, str, str]:
    words = shlex.split(line.removeprefix("$ "))
    method = words[words.index("-X") + 1] if "-X" in words else "GET"
    body = words[words.index("-d") + 1] if "-d" in words else ""
    return method, urlsplit(words[-1]).path, body
