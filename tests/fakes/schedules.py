"""Schedules for tests."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from bot.domain.conversation.profile import Scope, ScopeChain
from bot.domain.queue.request import Asker
from bot.domain.schedules.schedule import Limits, NewSchedule
from bot.domain.schedules.words import read_when

ROOMY = Limits(10, 10, 50)


def new_schedule(
    when: str = "every 2 hours",
    *,
    user: int = 1,
    channel: int = 7,
    guild: int | None = 5,
    at: float = 1_000.0,
    zone: str = "UTC",
    question: str = "What is new?",
    catch_up: bool = True,
    with_summary: bool = False,
) -> NewSchedule:
    """A schedule that is made ``at`` this moment (epoch seconds)."""
    rule, place = read_when(when), [Scope("channel", channel, "general")]
    if guild is not None:
        place.append(Scope("server", guild, "Team"))
    due = rule.after(at, ZoneInfo(zone), since=at)
    assert due is not None
    return NewSchedule(
        asker=Asker(user, "Ana", "en-US"),
        application_id=1,
        channel_id=channel,
        guild_id=guild,
        place=ScopeChain(tuple(place)),
        words=when,
        rule=rule,
        zone=ZoneInfo(zone),
        question=question,
        catch_up=catch_up,
        created_at=at,
        due_at=due,
        with_summary=with_summary,
    )
