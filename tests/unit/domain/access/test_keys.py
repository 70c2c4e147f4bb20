"""The form of keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.access.keys import MARK, RANDOM_BYTES, Key, digest_of, is_key, is_same, secret_of


@given(st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES))
def test_a_key_has_its_form_and_its_digest_tells_nothing_of_it(random: bytes) -> None:
    """43 characters after its mark, whatever the bytes are."""
    secret = secret_of(random)
    assert secret.startswith(MARK)
    assert len(secret) == len(MARK) + 43
    assert is_key(secret)
    assert len(digest_of(secret)) == 64
    assert secret not in digest_of(secret)
    assert is_same(digest_of(secret), digest_of(secret))
    assert not is_same(digest_of(secret), digest_of(secret + "x"))


@pytest.mark.parametrize(
    "text",
    ["", "plx-", "sk-" + "a" * 43, "plx-" + "a" * 42, "plx-" + "a" * 44, "plx-" + "ä" * 43, "plx-" + "." * 43],
)
def test_anything_else_is_no_key(text: str) -> None:
    """It is not looked up."""
    assert not is_key(text)


def test_a_key_ends_at_its_moment() -> None:
    """And one without an end does not."""
    key = Key(1, 4, "Ana", None, "script", "plx-abcd", created_at=0.0, expires_at=10.0)
    assert key.is_valid(9.9)
    assert not key.is_valid(10.0)
    assert Key(1, 4, "Ana", None, "script", "plx-abcd", created_at=0.0).is_valid(1e12)
