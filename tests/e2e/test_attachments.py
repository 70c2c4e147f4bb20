"""Text files that come with a question."""

from __future__ import annotations

import pytest

from sandbox.discord_api.model import Channel
from sandbox.discord_api.people import Person
from tests.e2e.bot_process import Stage
from tests.e2e.reading import ask, body, until_over
from tests.fakes.docx_files import docx, paragraph
from tests.fakes.pdf_files import encrypted, pdf

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_its_text_reaches_the_model(stage: Stage, room: Channel, ada: Person) -> None:
    """Below the question, with its name, and not quoted in the channel."""
    stage.parallax.script(["Read."])
    message = await ask(ada, room, "Summarise", attachment=("notes.md", "Zürich: 42 Grad\n".encode()))
    await until_over(stage, message)

    heard = str(stage.parallax.requests[-1].messages[-1]["content"])
    assert heard.startswith("Ada: Summarise")
    assert "notes.md" in heard
    assert "Zürich: 42 Grad" in heard
    assert body(message) == "> Summarise\nRead."
    assert "Grad" not in message.text


async def test_a_private_question_with_a_file_stays_private(stage: Stage, room: Channel, ada: Person) -> None:
    """The acknowledgement that bridges the download is ephemeral already."""
    stage.parallax.script(["Read."])
    message = await ask(ada, room, "Privately", attachment=("notes.txt", b"text"), private=True)
    await until_over(stage, message)
    assert message.ephemeral_for == ada.id


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("big.txt", b"x" * 200_001, "Not sent: big.txt is 201 kB, the limit is 200 kB. Attach less."),
        ("cat.png", b"\x89PNG\r\n\x1a\n", "Not sent: cat.png is an image. This cluster reads text only."),
        ("data.txt", b"a\x00b", "Not sent: data.txt is not a text file. This cluster reads text only."),
        (
            "locked.pdf",
            encrypted(pdf("Secret"), "AES-256", user_password="secret"),
            "Not sent: locked.pdf is protected by a password. Attach a copy without one.",
        ),
    ],
)
async def test_what_cannot_be_read_is_refused_with_a_sentence(
    stage: Stage, room: Channel, ada: Person, name: str, content: bytes, sentence: str
) -> None:
    """The asker reads why; nothing is sent to the cluster and nothing keeps "thinking"."""
    before = len(stage.parallax.requests)
    invocation = await ada.slash(room, "ask", prompt="Look", attachment=(name, content))
    await invocation.acked()
    await stage.discord.wait_until(lambda: sentence in [m.text for m in ada.messages(room)])
    assert [message.text for message in ada.messages(room)] == [sentence]
    assert stage.discord.person("ben").messages(room) == []
    assert len(stage.parallax.requests) == before


async def test_a_file_too_large_for_the_context_is_refused(stage: Stage, room: Channel, ada: Person) -> None:
    """The sentence tells how much it is and how much may be."""
    before = len(stage.parallax.requests)
    invocation = await ada.slash(room, "ask", prompt="Look", attachment=("long.txt", b"many words " * 9000))
    await invocation.acked()
    await stage.discord.wait_until(lambda: any("tokens, the limit is 6,000" in m.text for m in ada.messages(room)))
    assert len(stage.parallax.requests) == before


async def test_files_from_elsewhere_are_never_fetched(stage: Stage, room: Channel, ada: Person) -> None:
    """A forged interaction must not make the bot read from inside its own network."""
    calls = len(stage.parallax.calls)
    file = stage.discord.world.add_file("notes.txt", b"text")
    file.url = f"{stage.parallax.url}/model/list"
    invocation = await ada.slash(room, "ask", prompt="Look", attachment=file)
    message = await invocation.done_loading()
    assert message.text == "Not sent: attachments are read from Discord only."
    assert not any(call.path == "/model/list" for call in stage.parallax.calls[calls:])


@pytest.mark.parametrize(
    ("name", "content_type", "content", "words"),
    [
        ("main.ts", "video/mp2t", b"const answer = 42;", "const answer = 42;"),
        ("logo.svg", "image/svg+xml", b"<svg><title>Logo</title></svg>", "<title>Logo</title>"),
        ("report", None, pdf("Quarterly figures"), "Quarterly figures"),
        ("minutes", None, docx(paragraph("We met")), "We met"),
    ],
)
async def test_f1_a_file_is_read_as_what_it_is(
    stage: Stage, room: Channel, ada: Person, name: str, content_type: str | None, content: bytes, words: str
) -> None:
    """Whatever type Discord has for its name."""
    stage.parallax.script(["Read."])
    file = stage.discord.world.add_file(name, content)
    file.content_type = content_type
    message = await ask(ada, room, "Summarise", attachment=file)
    await until_over(stage, message)
    assert words in str(stage.parallax.requests[-1].messages[-1]["content"])


async def test_f4_an_old_encoding_is_decoded_and_said(stage: Stage, room: Channel, ada: Person) -> None:
    """To the model in the question, to the asker alone in a message of its own."""
    stage.parallax.script(["Read."])
    content = "Grüße aus Köln".encode("cp1252")
    message = await ask(ada, room, "Summarise", attachment=("old.txt", content))
    await until_over(stage, message)
    heard = str(stage.parallax.requests[-1].messages[-1]["content"])
    assert "old.txt (decoded from Windows-1252):" in heard
    assert "Grüße aus Köln" in heard
    sentence = (
        "old.txt is not UTF-8; it was read as Windows-1252. If letters are wrong, save it as UTF-8 and ask again."
    )
    await stage.discord.wait_until(lambda: sentence in [one.text for one in ada.messages(room)])
    assert sentence not in [one.text for one in stage.discord.person("ben").messages(room)]


async def test_f4_a_bad_byte_in_a_mentioned_file_is_said(stage: Stage, room: Channel, ada: Person) -> None:
    """A message has no private answer, so the sentence is a reply that pings nobody."""
    stage.parallax.script(["Read."])
    await ada.say(room, f"<@{stage.discord.world.bot.id}> summarise", files=[("log.txt", b"a\xffb")])
    sentence = "1 byte of log.txt could not be decoded; \ufffd stands for it."
    await stage.discord.wait_until(lambda: sentence in [one.text for one in ada.messages(room)])
    await stage.discord.wait_until(lambda: "a\ufffdb" in str(stage.parallax.requests[-1].messages[-1]["content"]))
