"""What a person sees of profiles, documents, their own data and quotas."""

from __future__ import annotations

import io
import json
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from pypdf import PdfWriter

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.component_tree import texts_of
from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.people import Person
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import ask, body, until_over
from tests.fakes.docx_files import docx, paragraph
from tests.fakes.pdf_files import pdf as pdf_saying

pytestmark = pytest.mark.asyncio(loop_scope="module")


def pdf(*, pages: int) -> bytes:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()


def system_prompt(stage: Stage) -> str:
    return str(stage.parallax.requests[-1].messages[0]["content"])


def question(stage: Stage) -> str:
    return str(stage.parallax.requests[-1].messages[-1]["content"])


async def shown(who: Person, room: Channel, command: str, **options: bool) -> Message:
    return await (await who.slash(room, command, **options)).done_loading(timeout=30.0)


async def test_pdf_and_docx_reach_the_model_together(stage: Stage, room: Channel, ada: Person) -> None:
    """Several files go with one question, each under its name."""
    stage.parallax.script(["Read."])
    invocation = await ada.slash(
        room,
        "ask",
        prompt="Compare",
        attachment=("plan.docx", docx(paragraph("First the foundations."), paragraph("Then the roof."))),
        attachment_2=("report.pdf", pdf_saying("The roof leaks")),
        attachment_3=("data.csv", b"a,b\n1,2\n"),
    )
    await until_over(stage, await invocation.done_loading())
    text = question(stage)
    assert "plan.docx" in text
    assert "Then the roof." in text
    assert "The roof leaks" in text
    assert "1,2" in text


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("scan.pdf", pdf(pages=2), "scan.pdf contains no text"),
        ("long.pdf", pdf(pages=101), "long.pdf is too long; documents may have 100 pages"),
        ("broken.pdf", b"%PDF-1.4 nothing", "broken.pdf could not be read"),
        ("broken.docx", b"PK\x03\x04 nothing", "broken.docx could not be read"),
    ],
)
async def test_documents_that_cannot_be_read_say_why(
    stage: Stage, room: Channel, ada: Person, name: str, content: bytes, sentence: str
) -> None:
    """The asker reads a sentence; nothing is sent to the cluster."""
    before = len(stage.parallax.requests)
    await (await ada.slash(room, "ask", prompt="Look", attachment=(name, content))).acked()
    await stage.discord.wait_until(lambda: any(sentence in m.text for m in ada.messages(room)), 20)
    assert len(stage.parallax.requests) == before


async def test_a_persona_is_in_effect_at_the_next_question(
    stage: Stage, room: Channel, ada: Person, olga: Person
) -> None:
    """Set in a dialogue, with its placeholders filled in; other channels keep the default."""
    view = await (await olga.slash(room, "settings")).response()
    nothing, defaults = texts_of(view.components)
    assert nothing.endswith("Nothing is set for this channel or server yet.")
    assert defaults.startswith("-# The bot's defaults: Persona (system prompt): “")
    dialogue = await olga.click(view, "Persona")
    await dialogue.acked()
    await (await olga.submit(dialogue, {"persona": "Speak like a pirate in {channel} to {user}."})).acked()
    chosen, defaults = texts_of(view.components)
    persona = "- Persona (system prompt): “Speak like a pirate in {channel} to {user}.”"
    assert chosen.splitlines()[1:] == [f"**Channel {room.name}**", persona]
    assert "Persona" not in defaults
    assert "Temperature: the model's default" in defaults

    stage.parallax.script(["Arr."])
    await until_over(stage, await ask(ada, room, "Ahoy?"))
    assert system_prompt(stage) == f"Speak like a pirate in {room.name} to Ada."

    numbers = await olga.click(view, "Numbers")
    await numbers.acked()
    await (await olga.submit(numbers, {"temperature": "0.5", "top_k": "20", "answer_tokens": "64"})).acked()
    stage.parallax.script(["Arr again."])
    await until_over(stage, await ask(ada, room, "And now?"))
    sent = stage.parallax.requests[-1].body
    assert (sent["temperature"], sent["top_k"], sent["max_tokens"]) == (0.5, 20, 64)


async def test_a_number_out_of_range_is_refused(stage: Stage, room: Channel, olga: Person) -> None:
    """The sentence names the range."""
    view = await (await olga.slash(room, "settings")).response()
    numbers = await olga.click(view, "Numbers")
    await numbers.acked()
    refused = await (await olga.submit(numbers, {"temperature": "7"})).response()
    assert refused.text == "Not changed: Temperature must be between 0 and 2."


async def test_private_by_default_and_who_may_ask(
    stage: Stage, room: Channel, ada: Person, ben: Person, olga: Person
) -> None:
    """A channel's switches apply to everybody; its block list to those on it."""
    view = await (await olga.slash(room, "settings")).response()
    switches = await olga.click(view, "Switches")
    await switches.acked()
    chosen = {"private": ["on"], "think": ["off"], "threads": ["inherit"]}
    await (await olga.submit(switches, chosen)).acked()
    people = await olga.click(view, "Who and where")
    await people.acked()
    await (await olga.submit(people, {"blocked_users": [str(ben.id)]})).acked()

    stage.parallax.script(["Just for you."])
    message = await ask(ada, room, "Hello?")
    await until_over(stage, message)
    assert message.ephemeral_for == ada.id
    assert stage.parallax.requests[-1].body["chat_template_kwargs"] == {"enable_thinking": False}
    refused = await ask(ben, room, "Me too?")
    assert refused.text.startswith("You may not ask questions here.")
    # Without JOIN_ROLES, whoever may ask may add a machine.
    refused = await (await ben.slash(room, "join")).response()
    assert refused.text == "Only people with a certain role may add machines here. Ask an operator."
    assert "parallax join" in (await (await ada.slash(room, "join")).done_loading()).text


async def test_settings_are_for_those_who_manage(stage: Stage, room: Channel, ada: Person) -> None:
    """Other people read why they may not."""
    refused = await (await ada.slash(room, "settings")).response()
    assert refused.text == "Only people who manage the server may do that."
    refused = await shown(ada, room, "usage", server=True)
    assert refused.text == "Only people who manage the server may do that."


async def test_show_is_a_picture_of_the_budget(stage: Stage, room: Channel, ada: Person) -> None:
    """Persona, earlier turns and what is free, in tokens."""
    stage.parallax.script(["word " * 300])
    await until_over(stage, await ask(ada, room, "Many words"))
    text = (await shown(ada, room, "context show")).text
    assert re.search(r"`█▓+░+`", text)
    assert re.search(r"persona \d+ · ▓ earlier turns \d+ · ░ free [\d,]+ tokens", text)


async def test_export_then_forget_me(stage: Stage, room: Channel, ada: Person, ben: Person) -> None:
    """The files hold what was asked; after the confirmation nothing of it is left, and others keep theirs."""
    chloe = stage.discord.person("chloe")
    stage.parallax.script(["Pixel it is."])
    await until_over(stage, await ask(chloe, room, "My cat is Pixel"))
    stage.parallax.script(["Rex it is."])
    await until_over(stage, await ask(ben, room, "My dog is Rex"))

    export = await shown(chloe, room, "context export")
    files = {file.filename: file.content for file in export.attachments}
    assert "> My cat is Pixel" in files["questions.md"].decode()
    assert [row["answer"] for row in json.loads(files["questions.json"])] == ["Pixel it is."]

    confirm = await shown(chloe, room, "context forget-me")
    await (await chloe.click(confirm, "Erase everything")).acked()
    await stage.discord.wait_until(lambda: "What remains" in confirm.text)
    assert "Erased: 1 questions" in confirm.text
    assert (await shown(chloe, room, "context export")).text == "Nothing is stored about you."
    # The amount of today stays for the daily limit, without a name or any content.
    assert "Today: 0 tokens" not in (await shown(chloe, room, "usage")).text

    stage.parallax.script(["Only Rex."])
    await until_over(stage, await ask(ada, room, "Which pets?"))
    assert "Pixel" not in str(stage.parallax.requests[-1].messages)
    assert "Rex" in str(stage.parallax.requests[-1].messages)


async def test_managers_get_a_chart(stage: Stage, room: Channel, ada: Person, olga: Person) -> None:
    """A PNG, drawn beside the bot."""
    stage.parallax.script(["Counted."])
    await until_over(stage, await ask(ada, room, "Count me"))
    message = await shown(olga, room, "usage", server=True)
    (file,) = message.attachments
    assert file.content.startswith(b"\x89PNG")
    assert "Usage of this server" in message.text


async def test_what_did_not_fit_is_said(stage: Stage, room: Channel, ada: Person, olga: Person) -> None:
    """The footer tells how much of the conversation the model was shown."""
    view = await (await olga.slash(room, "settings")).response()
    numbers = await olga.click(view, "Numbers")
    await numbers.acked()
    await (await olga.submit(numbers, {"context_tokens": "256"})).acked()
    stage.parallax.script(["many words " * 80])
    await until_over(stage, await ask(ada, room, "First"))
    stage.parallax.script(["Short."])
    message = await ask(ada, room, "Second")
    await until_over(stage, message)
    assert "with the last 0 turns, earlier ones did not fit" in message.text


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def limited(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A bot whose people may use 20 tokens a day."""
    async with staged(
        tmp_path_factory.mktemp("limited"),
        discord=DiscordDouble(latency=0.0),
        parallax=ParallaxDouble(tokens_per_second=200, lag=False),
        QUOTA_TOKENS_PER_DAY="20",
    ) as running:
        yield running


async def test_the_daily_limit_is_a_clear_sentence(limited: Stage) -> None:
    """With what was used, the limit and the time it resets; operators have none."""
    ada, olga = limited.discord.person("ada"), limited.discord.person("olga")
    limited.parallax.script(["one "] * 30)
    first = await ask(ada, limited.discord.channel("general"), "Count")
    await until_over(limited, first)
    refused = await ask(ada, limited.discord.channel("general"), "Again")
    assert re.fullmatch(
        r"Not asked: you have used \d+ tokens today, the limit is 20\. The count resets <t:\d+:R>\.", refused.text
    )
    limited.parallax.script(["Of course."])
    message = await ask(olga, limited.discord.channel("general"), "Me?")
    await until_over(limited, message)
    assert body(message).endswith("Of course.")
