"""The table of who may do what, without anything behind it."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import product

import pytest

from bot.services.access.rules import RULES, Act, Standing, refusal

STRANGER = Standing(roles_seen=False)
ROWS = [
    # A member whom nothing restricts, and nothing singles out.
    (Standing(), {Act.MANAGE: "error.not_manager"}),
    (Standing(manager=True), {}),
    # Blocked: nothing of the channel, not even with the role that may add nodes.
    (
        Standing(blocked=True, join_role=True),
        {
            Act.ASK: "error.ask_blocked",
            Act.RATE: "error.rate_not_allowed",
            Act.JOIN: "error.join_not_allowed",
            Act.USE_CHANNEL_MEMORY: "error.memory_not_allowed",
            Act.MANAGE: "error.not_manager",
        },
    ),
    # Who manages the place may lift the block, and so may clear its memory too; but is blocked until then.
    (
        Standing(blocked=True, manager=True),
        {
            Act.ASK: "error.ask_blocked",
            Act.RATE: "error.rate_not_allowed",
            Act.JOIN: "error.join_not_allowed",
        },
    ),
    # Others were chosen.
    (
        Standing(chosen=False),
        {
            Act.ASK: "error.ask_not_allowed",
            Act.RATE: "error.rate_not_allowed",
            Act.JOIN: "error.join_not_allowed",
            Act.USE_CHANNEL_MEMORY: "error.memory_not_allowed",
            Act.MANAGE: "error.not_manager",
        },
    ),
    # JOIN_ROLES decide alone about nodes, in both directions.
    (Standing(join_role=False), {Act.JOIN: "error.join_not_allowed", Act.MANAGE: "error.not_manager"}),
    (
        Standing(join_role=True, chosen=False, manager=True),
        {Act.ASK: "error.ask_not_allowed", Act.RATE: "error.rate_not_allowed"},
    ),
    # Another channel than those for questions: what was answered there may still be rated and cleared.
    (Standing(right_channel=False), {Act.ASK: "error.ask_elsewhere", Act.MANAGE: "error.not_manager"}),
    # Outside of the bot's servers, without DM_GUILD_ID: no role is seen, so none grants anything.
    (STRANGER, {Act.MANAGE: "error.not_manager"}),
    (
        Standing(roles_seen=False, join_role=False),
        {Act.JOIN: "error.join_elsewhere", Act.MANAGE: "error.not_manager"},
    ),
    # With DM_GUILD_ID, and no member of it.
    (
        Standing(outsider=True, roles_seen=False, join_role=False),
        {
            Act.ASK: "error.not_member",
            Act.RATE: "error.not_member",
            Act.JOIN: "error.not_member",
            Act.USE_CHANNEL_MEMORY: "error.not_member",
            Act.MANAGE: "error.not_manager",
        },
    ),
]


@pytest.mark.parametrize(("standing", "refused"), ROWS)
def test_who_may_do_what(standing: Standing, refused: dict[Act, str]) -> None:
    """Every act is in every row: what is not refused is allowed."""
    assert {act: key for act in Act if (key := refusal(act, standing)) is not None} == refused


def test_every_act_has_a_rule() -> None:
    """What somebody may want and nobody decides about would fail at the first press."""
    assert set(RULES) == set(Act)
    assert all(RULES.values())


EVERY_STANDING = [
    replace(Standing(*flags), join_role=role)
    for flags in product([False, True], repeat=len(fields(Standing)) - 1)
    for role in (None, False, True)
]


@pytest.mark.parametrize("act", Act)
def test_what_holds_for_everybody(act: Act) -> None:
    """In all 384 standings: operators may everything; a block and a role that is not there never let anybody do
    more."""
    for standing in EVERY_STANDING:
        told = refusal(act, standing)
        if standing.operator:
            assert told is None
            continue
        if standing.blocked and act is not Act.MANAGE:
            assert told is not None or (act is Act.USE_CHANNEL_MEMORY and standing.manager)
        if act is Act.JOIN and standing.join_role is False:
            assert told is not None
        if act is Act.MANAGE:
            assert (told is None) == standing.manager
