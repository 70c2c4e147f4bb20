"""The loader reads both formats, and nothing else."""

import re
from pathlib import Path

import pytest

from sandbox.parallax.recording import End, RecordingError, load, parse

RECORDINGS = Path(__file__).parents[3] / "data" / "recordings"

TIMED = """# a comment
>>> 'POST /v1/chat/completions HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n{"stream":true}'
[   0.050] b'HTTP/1.1 200 OK\\r\\n\\r\\n'
... (7 similar reads left out) ...
[  96.100] b"caf\\xc3\\xa9's"
----- end at 96.200s: {end}; 9 reads, 30 bytes; longest gap between reads 96.0s
"""
DUMP = """# a comment
$ curl -sS -i -X POST -H content-type:\\ application/json -d \\{{\\"a\\":1\\}} http://127.0.0.1:3001/scheduler/init
----- raw response (status line, headers, body) -----
HTTP/1.1 200 OK
content-length: {length}

{{"a":1}}
----- end: http=200 ttfb=0.010000s total=0.020000s bytes={length} exit=0 err=
"""


def test_a_timed_recording_has_its_request_reads_and_end() -> None:
    """Bytes literals of either quote, times in seconds, the number of missing reads."""
    found = parse(TIMED.replace("{end}", "closed by server (FIN)"), name="x")
    assert (found.method, found.path, found.request_body) == (
        "POST",
        "/v1/chat/completions",
        '{"stream":true}',
    )
    assert found.reads == ((0.05, b"HTTP/1.1 200 OK\r\n\r\n"), (96.1, "café's".encode()))
    assert (found.status, found.end, found.ended_at, found.left_out) == (200, End.FIN, 96.2, 7)


@pytest.mark.parametrize(
    ("words", "end"),
    [
        ("closed by server (FIN)", End.FIN),
        ("ConnectionResetError: connection reset by peer", End.RESET),
        ("client hung up after 3.0s", End.SILENCE),
        ("TimeoutError: timed out", End.SILENCE),
    ],
)
def test_the_end_is_read_from_its_words(words: str, end: End) -> None:
    """FIN, reset, or silence until the client gave up."""
    assert parse(TIMED.replace("{end}", words), name="x").end is end


def test_a_dump_has_its_request_and_crlf_headers() -> None:
    """curl's line ends are put back on the wire's."""
    found = parse(DUMP.format(length=7), name="x")
    assert (found.method, found.path, found.request_body) == ("POST", "/scheduler/init", '{"a":1}')
    assert found.data == b'HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n{"a":1}'
    assert found.reads[0][0] == 0.01


def test_a_body_that_was_edited_keeps_a_fitting_length() -> None:
    """A masked name makes the body longer than curl counted."""
    found = parse(DUMP.format(length=3), name="x")
    assert b"content-length: 7\r\n" in found.data
    assert found.body == b'{"a":1}'


def test_the_chunks_of_a_dump_are_put_together_again() -> None:
    """Recording 03: four lines, cut by the client; recording 25: none, cut by the server."""
    cut = load(RECORDINGS / "03_cluster_status_before_init.txt")
    assert cut.end is End.SILENCE
    assert len(cut.reads) == 5
    assert cut.reads[1][1].startswith(b'c6\r\n{"type": "cluster_status"')
    assert cut.reads[1][1].endswith(b"}\n\r\n")
    poisoned = load(RECORDINGS / "25_cluster_status_poisoned.txt")
    assert (poisoned.end, poisoned.body) == (End.FIN, b"")


def test_every_recording_holds_the_bytes_it_says() -> None:
    """A timed recording's end line tells how many bytes came; only left-out reads may be missing."""
    checked = 0
    for path in sorted(RECORDINGS.glob("*.txt")):
        said = re.search(r"; \d+ reads, (\d+) bytes;", path.read_text())
        if said is not None:
            found = load(path)
            checked += 1
            assert (path.stem, len(found.data) < int(said.group(1))) == (path.stem, found.left_out > 0)
            assert len(found.data) <= int(said.group(1))
    assert checked > 25


@pytest.mark.parametrize(
    ("literal", "body"),
    [
        ("b'POST /x HTTP/1.1\\r\\n\\r\\nh\\xc3\\xa9'", "hé"),
        ("b'POST /x HTTP/1.1\\r\\n\\r\\n(…)word'", "(...)word"),
        ("'POST /x HTTP/1.1\\r\\n\\r\\nhé (…)'", "hé (...)"),
    ],
)
def test_a_requests_middle_may_be_left_out(literal: str, body: str) -> None:
    """Bytes and texts, whole and shortened."""
    found = parse(f">>> {literal}\n[   0.084] (connection closed by the server)\n", name="x")
    assert (found.method, found.path, found.request_body) == ("POST", "/x", body)


@pytest.mark.parametrize("text", ["", "# a timeline\n[ 1.00] worker started\n", TIMED.partition("-----")[0]])
def test_anything_else_is_refused(text: str) -> None:
    """A timeline of several requests is not one exchange."""
    with pytest.raises(RecordingError):
        parse(text, name="x")
