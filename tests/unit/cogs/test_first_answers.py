"""Interactions whose handler takes so long that the person is told so first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import discord
import pytest

from bot.discord_io.command_tree import text_layout
from bot.discord_io.first_answer import FirstAnswer, tell_slow, watch
from cogs.ui.base import Press, acknowledge, fill_in, redraw, reply
from tests.fakes.refusals import refusal

Kind = discord.InteractionResponseType


class Call(list[str]):
    """An interaction that records the calls to Discord."""

    def __init__(self, *, pressed: bool, failure: Exception | None = None) -> None:
        super().__init__()
        self._failure = failure
        self._kind: discord.InteractionResponseType | None = None
        self.press = cast(
            "Press",
            SimpleNamespace(
                extras={},
                user=SimpleNamespace(id=7),
                locale=discord.Locale.american_english,
                message=SimpleNamespace(id=1) if pressed else None,
                response=self,
                followup=SimpleNamespace(send=self._later("follow-up")),
                edit_original_response=self._later("edit"),
                delete_original_response=self._later("delete"),
            ),
        )

    @property
    def type(self) -> discord.InteractionResponseType | None:
        """Of the first answer."""
        return self._kind

    def is_done(self) -> bool:
        """Whether there was a first answer."""
        return self._kind is not None

    async def send_message(self, *, ephemeral: bool, **_: object) -> SimpleNamespace:
        """Answer with a message."""
        await self._first(f"message private={ephemeral}", Kind.channel_message)
        return SimpleNamespace(message_id=5)

    async def edit_message(self, **_: object) -> None:
        """Answer with a change of the pressed message."""
        await self._first("change", Kind.message_update)

    async def defer(self, *, thinking: bool = False, ephemeral: bool = False) -> None:
        """Acknowledge."""
        if thinking:
            await self._first(f"thinking private={ephemeral}", Kind.deferred_channel_message)
        else:
            await self._first("acknowledge", Kind.deferred_message_update)

    async def _first(self, call: str, kind: discord.InteractionResponseType) -> None:
        assert self._kind is None, "Discord takes one first answer"
        self.append(call)
        await asyncio.sleep(0)
        if self._failure is not None:
            raise self._failure
        self._kind = kind

    def _later(self, name: str) -> Callable[..., Awaitable[SimpleNamespace]]:
        async def call(**options: Any) -> SimpleNamespace:
            assert self._kind is not None, "there is no first answer"
            private = options.get("ephemeral")
            self.append(name if private is None else f"{name} private={private}")
            return SimpleNamespace(id=6)

        return call


VIEW = text_layout("done")


@pytest.mark.parametrize(
    ("pressed", "answered", "calls"),
    [
        (False, lambda press: reply(press, VIEW, private=True), ["message private=True", "edit"]),
        (
            False,
            lambda press: reply(press, VIEW, private=False),
            ["message private=True", "follow-up private=False", "delete"],
        ),
        (
            True,
            lambda press: reply(press, VIEW, private=False),
            ["acknowledge", "follow-up private=True", "follow-up private=False"],
        ),
        (True, lambda press: redraw(press, VIEW), ["acknowledge", "follow-up private=True", "edit"]),
    ],
    ids=["privately", "publicly", "beside the pressed message", "in the pressed message"],
)
async def test_q6_the_answer_comes_after_the_sentence(
    pressed: bool, answered: Callable[[Press], Awaitable[object]], calls: list[str]
) -> None:
    """Where it would have come without it; what a press changes is the pressed message, not the sentence."""
    call = Call(pressed=pressed)
    await tell_slow(call.press)
    await tell_slow(call.press)
    await answered(call.press)
    assert call == calls


async def test_q6_a_new_message_does_not_replace_the_pressed_one() -> None:
    """Although the press was acknowledged by the sentence already."""
    call = Call(pressed=True)
    await tell_slow(call.press)
    await acknowledge(call.press, new=True)
    await fill_in(call.press, VIEW)
    assert call == ["acknowledge", "follow-up private=True", "follow-up private=True"]


@pytest.mark.parametrize("pressed", [False, True])
async def test_q6_an_answer_at_the_same_moment_comes_once(pressed: bool) -> None:
    """Whichever is first: the other one goes by another way, or is not needed."""
    call = Call(pressed=pressed)
    await asyncio.gather(reply(call.press, VIEW, private=True), tell_slow(call.press))
    assert call == ["message private=True"]
    call = Call(pressed=pressed)
    await asyncio.gather(tell_slow(call.press), reply(call.press, VIEW, private=True))
    assert call[-1] == ("follow-up private=True" if pressed else "edit")


async def test_q6_who_shows_that_the_bot_works_is_left_alone() -> None:
    """ "Thinking …" tells it as well."""
    call = Call(pressed=True)
    await acknowledge(call.press, new=False)
    await tell_slow(call.press)
    await fill_in(call.press, VIEW)
    assert call == ["thinking private=False", "edit"]


async def test_q6_a_handler_that_ends_is_watched_no_longer() -> None:
    """Also without an answer: its failure is told elsewhere."""
    call = Call(pressed=False)
    handler = asyncio.create_task(asyncio.sleep(0))
    await watch(call.press, handler)
    assert call == []


async def test_q6_a_sentence_that_discord_refuses_is_only_logged() -> None:
    """The three seconds are over, or the connection breaks."""
    call = Call(pressed=False, failure=refusal(404, 10062))
    await tell_slow(call.press)
    assert call == ["message private=True"]
    assert not FirstAnswer.of(call.press).told
