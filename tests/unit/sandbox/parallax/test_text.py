"""The double's answers: varied Markdown, exact lengths, always the same for a seed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.parallax.text import Writer
from sandbox.parallax.tokenizer import TOKENIZERS, TokenizerName

PROSE = (
    "The scheduler keeps a counter for each pipeline, and it is corrected only when the worker reports its "
    "load. Whoever asks before that waits for nothing, and the answer comes late without anything being wrong."
)


def _writer(question: str, tokenizer: TokenizerName = TokenizerName.COARSE, seed: int = 7) -> Writer:
    return Writer(seed=seed, question=question, tokenizer=TOKENIZERS[tokenizer])


@given(st.text(max_size=300), st.sampled_from(TokenizerName))
def test_the_pieces_of_a_text_are_the_text(text: str, name: TokenizerName) -> None:
    """Whatever the text: emoji, CJK, line ends, lone marks."""
    assert "".join(TOKENIZERS[name].pieces(text)) == text


@pytest.mark.parametrize(("name", "characters"), [(TokenizerName.COARSE, 4.6), (TokenizerName.FINE, 3.2)])
def test_english_prose_has_the_promised_characters_per_token(name: TokenizerName, characters: float) -> None:
    """Near 4 and near 3, template left out."""
    assert len(PROSE) / len(TOKENIZERS[name].pieces(PROSE)) == pytest.approx(characters, rel=0.15)


def test_cjk_is_counted_by_character() -> None:
    """Two characters a token in one tokenizer, one in the other."""
    text = "模型在每个节点上运行"
    assert len(TOKENIZERS[TokenizerName.COARSE].pieces(text)) == 5
    assert len(TOKENIZERS[TokenizerName.FINE].pieces(text)) == 10


@settings(max_examples=60)
@given(st.text(max_size=80), st.integers(min_value=0, max_value=3000), st.sampled_from(TokenizerName))
def test_an_asked_length_is_exact(question: str, tokens: int, name: TokenizerName) -> None:
    """Exactly n tokens, whatever the question."""
    assert len(_writer(question, name).answer(tokens)) == tokens


@given(st.text(max_size=80), st.integers(), st.sampled_from(TokenizerName))
def test_a_usual_answer_has_80_to_400_tokens(question: str, seed: int, name: TokenizerName) -> None:
    """And two writers of the same answer agree."""
    answer = _writer(question, name, seed).answer()
    assert 80 <= len(answer) <= 400
    assert answer == _writer(question, name, seed).answer()


def test_an_answer_is_about_its_question() -> None:
    """The words that carry the meaning come back."""
    answers = ["".join(_writer("How do I sharpen a kitchen knife?", seed=seed).answer()) for seed in range(5)]
    assert all("sharpen" in answer for answer in answers)


def test_the_answers_of_many_questions_hold_every_kind_of_markdown() -> None:
    """What a renderer has to cope with comes up without being asked for."""
    everything = "\n".join("".join(_writer(f"question {number}").answer(600)) for number in range(40))
    for mark in (
        "## ",
        "\n- ",
        "\n1. ",
        "```python",
        "```rust",
        "| --- |",
        "\n> ",
        "](https://",
        "$$",
        "🚀",
        "分散",
    ):
        assert mark in everything
    lengths = {len(_writer(f"question {number}").answer()) for number in range(40)}
    assert len(lengths) > 20


def test_a_usual_answer_closes_its_code_blocks() -> None:
    """Blocks are whole; only an asked length may cut one."""
    for number in range(60):
        assert "".join(_writer(f"question {number}").answer()).count("```") % 2 == 0
