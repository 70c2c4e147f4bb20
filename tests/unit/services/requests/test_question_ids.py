"""The ids of questions, which buttons carry: the same for the same message, and not to be guessed."""

from __future__ import annotations

import hashlib
import re

from hypothesis import given
from hypothesis import strategies as st

from bot.presentation.page import REQUEST_ID
from bot.services.requests.ask import _request_id

SNOWFLAKES = st.integers(1, 2**63 - 1)
KEYS = st.binary(max_size=200)


@given(SNOWFLAKES, KEYS)
def test_two_processes_with_the_same_key_agree(heard_as: int, key: bytes) -> None:
    """During a restart both receive the same interaction; the id is one that buttons can carry."""
    assert _request_id(heard_as, key) == _request_id(heard_as, key)
    assert re.fullmatch(REQUEST_ID, _request_id(heard_as, key))


@given(SNOWFLAKES, KEYS, KEYS)
def test_a5_an_id_depends_on_the_key(heard_as: int, key: bytes, other: bytes) -> None:
    """Discord's ids are known to everybody in a channel, the key is not."""
    assert (_request_id(heard_as, key) == _request_id(heard_as, other)) == (key == other)


def test_a5_an_id_is_no_plain_hash() -> None:
    """Of what everybody knows."""
    known = str(123456789012345678).encode()
    plain = {
        hashlib.new(name, known, usedforsecurity=False).hexdigest()[:16] for name in ("md5", "sha1", "sha256")
    }
    plain.add(hashlib.blake2b(known, digest_size=8).hexdigest())
    assert _request_id(123456789012345678, b"token") not in plain
