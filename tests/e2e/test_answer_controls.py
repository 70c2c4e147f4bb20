"""The buttons under an answer: what they do, for whom, and that they outlive the process that made them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.discord_api import DiscordDouble
from sandbox.discord_api.model import Channel, Message
from sandbox.discord_api.people import Person
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import PATIENCE, ask, body, footer, until_over, until_shows

pytestmark = pytest.mark.asyncio(loop_scope="module")

REFUSAL = "Only the person who asked, or an operator, can do that."


async def press(who: Person, message: Message, label: str) -> Message:
    """Press a button that answers with a message of its own."""
    return await (await who.click(message, label=label)).response()


async def test_stop_closes_the_stream_and_keeps_what_exists(
    stage: Stage, room: Channel, ada: Person, ben: Person
) -> None:
    """A stranger is refused privately; the asker's press ends the scheduler's stream within half a second."""
    stage.parallax.script([(f"word{n} ", 0.05) for n in range(400)])
    message = await ask(ada, room, "Talk for long")
    await until_shows(stage, message, "word3 ")

    refusal = await press(ben, message, "Stop")
    assert (refusal.text, refusal.ephemeral_for) == (REFUSAL, ben.id)
    record = stage.parallax.requests[-1]
    assert not record.hung_up

    await ada.click(message, label="Stop")
    await until_over(stage, message)
    await stage.parallax.wait_until(lambda: record.hung_up, PATIENCE)

    assert footer(message).startswith(f"-# stopped by <@{ada.id}>")
    assert "word3" in body(message)
    assert list(message.buttons)[:2] == ["Continue", "Regenerate"]


async def test_a_stopped_version_says_so_when_it_is_shown_again(stage: Stage, room: Channel, ada: Person) -> None:
    """By whom is told once, when it happens."""
    stage.parallax.script([(f"word{n} ", 0.05) for n in range(400)])
    message = await ask(ada, room, "Stop and try again")
    await until_shows(stage, message, "word3 ")
    await ada.click(message, label="Stop")
    await until_shows(stage, message, f"-# stopped by <@{ada.id}>")
    stage.parallax.script(["Short."])
    await ada.click(message, label="Regenerate")
    await until_shows(stage, message, "version 2 of 2")
    await ada.click(message, label="Previous")
    await until_shows(stage, message, "-# version 1 of 2 · stopped · Qwen3-8B")


async def test_an_operator_may_stop_anybodys_answer(
    stage: Stage, room: Channel, ada: Person, olga: Person
) -> None:
    """Operators are named in the configuration."""
    stage.parallax.script([(f"word{n} ", 0.05) for n in range(400)])
    message = await ask(ada, room, "Talk for long")
    await until_shows(stage, message, "word1 ")

    await olga.click(message, label="Stop")
    await until_over(stage, message)

    assert footer(message).startswith(f"-# stopped by <@{olga.id}>")


async def test_regenerate_keeps_the_earlier_versions(
    stage: Stage, room: Channel, ada: Person, ben: Person
) -> None:
    """A new version in the same message, with the way back and forth; strangers may not."""
    stage.parallax.script(["The first ", "version."])
    message = await ask(ada, room, "Say it")
    await until_over(stage, message)
    assert (await press(ben, message, "Regenerate")).text == REFUSAL

    stage.parallax.script(["The second ", "version."])
    await ada.click(message, label="Regenerate")
    await until_shows(stage, message, "version 2 of 2")
    assert "The second version." in body(message)
    # The first version is no part of what the second is asked with.
    asked = stage.parallax.requests[-1].messages
    assert not any("first" in str(turn["content"]) for turn in asked)

    await ada.click(message, label="Previous")
    await until_shows(stage, message, "version 1 of 2")
    assert "The first version." in body(message)
    assert "Previous" not in message.buttons

    await ada.click(message, label="Next")
    await until_shows(stage, message, "version 2 of 2")
    assert "The second version." in body(message)


async def test_the_next_question_sees_the_newest_version_only(stage: Stage, room: Channel, ada: Person) -> None:
    """One turn per question, whatever its versions."""
    stage.parallax.script(["Alpha."])
    message = await ask(ada, room, "Choose a letter")
    await until_over(stage, message)
    stage.parallax.script(["Beta."])
    await ada.click(message, label="Regenerate")
    await until_shows(stage, message, "version 2 of 2")

    follow_up = await ask(ada, room, "And the next?")
    await until_over(stage, follow_up)

    said = [turn["content"] for turn in stage.parallax.requests[-1].messages if turn["role"] == "assistant"]
    assert said == ["Beta."]


async def test_continue_goes_on_where_the_answer_ended(stage: Stage, room: Channel, ada: Person) -> None:
    """After the length limit: the rest is appended to the same message and to the same turn."""
    stage.parallax.script(["One, ", "two"], finish="length")
    message = await ask(ada, room, "Count")
    await until_over(stage, message)
    assert footer(message).startswith("-# length limit")

    stage.parallax.script([", three", ", four."])
    await ada.click(message, label="Continue")
    await until_shows(stage, message, "One, two, three, four.")
    await until_over(stage, message)
    assert "Continue" not in message.buttons
    assert "4 tokens" in footer(message)
    asked = stage.parallax.requests[-1].messages
    assert asked[-2] == {"role": "assistant", "content": "One, two"}

    follow_up = await ask(ada, room, "Thanks")
    await until_over(stage, follow_up)
    said = [turn["content"] for turn in stage.parallax.requests[-1].messages if turn["role"] == "assistant"]
    assert said == ["One, two, three, four."]


async def test_reasoning_is_shown_on_demand_and_never_sent_back(
    stage: Stage, room: Channel, ada: Person, ben: Person
) -> None:
    """Anybody who sees the answer may look at the model's thoughts, privately."""
    stage.parallax.script(["Forty-two."], reasoning=["Let me ", "think."])
    message = await ask(ada, room, "The answer?")
    await until_over(stage, message)
    assert "think" not in message.text

    thoughts = await press(ben, message, "Reasoning")
    assert thoughts.ephemeral_for == ben.id
    assert "Let me think." in thoughts.text

    await until_over(stage, await ask(ada, room, "Why?"))
    assert not any("Let me" in str(turn["content"]) for turn in stage.parallax.requests[-1].messages)


async def test_thinking_is_told_while_it_lasts(stage: Stage, room: Channel, ada: Person) -> None:
    """The small print counts the seconds until the first word."""
    stage.parallax.script([("Done.", 2.5)], reasoning=["Hmm ", "well "])
    message = await ask(ada, room, "Think hard")

    await until_shows(stage, message, "Qwen3-8B is thinking · ")
    await until_over(stage, message)
    assert body(message).endswith("Done.")


async def test_the_whole_answer_as_a_file(stage: Stage, room: Channel, ada: Person) -> None:
    """The model's own Markdown, unchanged by what Discord cannot draw."""
    text = "# Title\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    stage.parallax.script([text])
    message = await ask(ada, room, "A table")
    await until_over(stage, message)

    copy = await press(ada, message, "As file")

    assert [(file.filename, file.content) for file in copy.attachments] == [("answer.md", text.encode())]


async def test_a_thumb_is_kept_and_may_be_changed(stage: Stage, room: Channel, ada: Person) -> None:
    """Both thumbs answer privately."""
    message = await ask(ada, room, "Good?")
    await until_over(stage, message)

    assert "👍" in (await press(ada, message, "👍")).text
    assert "👎" in (await press(ada, message, "👎")).text


async def test_a_broken_stream_is_repeated_silently(stage: Stage, room: Channel, ada: Person) -> None:
    """The connection breaks in the middle: the same question once more, and a complete answer."""
    stage.parallax.script(["Half ", "an ", "answer"], fault="close@2")
    stage.parallax.script(["A whole ", "answer."])
    message = await ask(ada, room, "Whole, please")
    await until_over(stage, message)

    assert body(message).endswith("A whole answer.")
    assert "broke" not in footer(message)


async def test_what_broke_twice_is_kept_and_can_be_continued(stage: Stage, room: Channel, ada: Person) -> None:
    """The longer of the two parts stays, marked, with the button that goes on."""
    stage.parallax.script(["A longer ", "part ", "of it", " never"], fault="close@3")
    stage.parallax.script(["Short", " never"], fault="close@1")
    message = await ask(ada, room, "Unlucky")
    await until_over(stage, message)

    assert body(message).endswith("A longer part of it")
    assert footer(message).startswith("-# a node of the cluster failed")
    assert list(message.buttons)[:2] == ["Continue", "Regenerate"]


async def test_a_long_answer_regenerated_short_leaves_no_page_behind(
    stage: Stage, room: Channel, ada: Person
) -> None:
    """Pages of the longer version are removed, and come back with it."""
    stage.parallax.script([f"word{n} " for n in range(900)])
    invocation = await ada.slash(room, "ask", prompt="Long")
    first = await invocation.response()
    await stage.discord.wait_until(
        lambda: invocation.followups and "first token" in invocation.followups[-1].text, PATIENCE
    )
    last = invocation.followups[-1]

    stage.parallax.script(["Short."])
    await ada.click(last, label="Regenerate")
    await until_shows(stage, first, "version 2 of 2")
    await stage.discord.wait_until(lambda: all(page.deleted for page in invocation.followups), PATIENCE)
    assert ada.messages(room) == [first]

    await ada.click(first, label="Previous")
    await stage.discord.wait_until(
        lambda: any("version 1 of 2" in page.text for page in ada.messages(room)), PATIENCE
    )
    shown = " ".join(body(page) for page in ada.messages(room))
    assert all(f"word{n}" in shown for n in range(900))


async def test_private_answers_get_private_versions(stage: Stage, room: Channel, ada: Person, ben: Person) -> None:
    """A private message cannot be rewritten by a later press everywhere, so the version is a new one."""
    stage.parallax.script(["Secret one."])
    message = await ask(ada, room, "Psst", private=True)
    await until_over(stage, message)
    stage.parallax.script(["Secret two."])

    again = await press(ada, message, "Regenerate")
    await until_shows(stage, again, "Secret two.")

    assert again.ephemeral_for == ada.id
    assert ben.messages(room) == []


async def test_versions_of_a_long_private_answer_come_beside_it(stage: Stage, room: Channel, ada: Person) -> None:
    """A press's token reaches the pressed message alone: turning must not write one page over another."""
    stage.parallax.script([f"word{n} " for n in range(900)])
    invocation = await ada.slash(room, "ask", prompt="Long and private", private=True)
    await stage.discord.wait_until(
        lambda: invocation.followups and "first token" in invocation.followups[-1].text, PATIENCE
    )
    last = invocation.followups[-1]
    before = [message.text for message in ada.messages(room)]
    stage.parallax.script(["Short and private."])
    again = await press(ada, last, "Regenerate")
    await until_shows(stage, again, "version 2 of 2")

    turned = await ada.click(again, label="Previous")
    await stage.discord.wait_until(
        lambda: turned.followups and "version 1 of 2" in turned.followups[-1].text, PATIENCE
    )
    assert [message.text for message in ada.messages(room)][: len(before)] == before
    shown = " ".join(body(page) for page in [again, *turned.followups])
    assert all(f"word{n}" in shown for n in range(900))


async def test_buttons_work_after_a_restart(tmp_path: Path) -> None:
    """Their ids carry what they need: another process answers the press."""
    async with staged(tmp_path, discord=DiscordDouble(latency=0.0), parallax=ParallaxDouble(lag=False)) as stage:
        ada, room = stage.discord.person("ada"), stage.discord.channel("general")
        stage.parallax.script(["Before."], reasoning=["Because."])
        message = await ask(ada, room, "When?")
        await until_over(stage, message)

        assert await stage.bot.terminate() == 0
        await stage.bot.start()
        await stage.discord.bot_online()

        assert "Because." in (await press(ada, message, "Reasoning")).text
        stage.parallax.script(["After."])
        await ada.click(message, label="Regenerate")
        await until_shows(stage, message, "After.")
