"""The table of who may do what, as a pure function."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import product

import pytest

from bot.services.access.rules import RULES, Act, Standing, refusal

STRANGER = Standing(roles_seen=False)
OF_AN_ANSWER = (Act.STOP, Act.REPEAT, Act.READ, Act.FETCH)
OF_A_PLACE = tuple(act for act in Act if act not in OF_AN_ANSWER)
ROWS = [
    # A member whom nothing restricts, and nothing singles out.
    (Standing(), {Act.MANAGE: "error.not_manager"}),
    (Standing(manager=True), {}),
    # Blocked: nothing of the channel, not even with the role that may add nodes.
    (
        Standing(blocked=True, join_role=True),
        {
            Act.ASK: "error.ask_blocked",
            Act.USE_KEY: "error.ask_blocked",
            Act.SCHEDULE: "error.ask_blocked",
            Act.RATE: "error.rate_not_allowed",
            Act.JOIN: "error.join_not_allowed",
            Act.USE_CHANNEL_MEMORY: "error.memory_not_allowed",
            Act.MANAGE: "error.not_manager",
            Act.CALL: "error.ask_blocked",
        },
    ),
    # Who manages the place may lift the block, and so may clear its memory too; but is blocked until then.
    (
        Standing(blocked=True, manager=True),
        {
            Act.CALL: "error.ask_blocked",
            Act.ASK: "error.ask_blocked",
            Act.USE_KEY: "error.ask_blocked",
            Act.SCHEDULE: "error.ask_blocked",
            Act.RATE: "error.rate_not_allowed",
            Act.JOIN: "error.join_not_allowed",
        },
    ),
    # Others were chosen.
    (
        Standing(chosen=False),
        {
            Act.ASK: "error.ask_not_allowed",
            Act.USE_KEY: "error.ask_not_allowed",
            Act.SCHEDULE: "error.ask_not_allowed",
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
        {
            Act.ASK: "error.ask_not_allowed",
            Act.USE_KEY: "error.ask_not_allowed",
            Act.SCHEDULE: "error.ask_not_allowed",
            Act.RATE: "error.rate_not_allowed",
        },
    ),
    # KEY_ROLES are needed besides the right to ask.
    (Standing(key_role=False), {Act.USE_KEY: "error.key_not_allowed", Act.MANAGE: "error.not_manager"}),
    (Standing(key_role=True), {Act.MANAGE: "error.not_manager"}),
    # So are SCHEDULE_ROLES for schedules.
    (
        Standing(schedule_role=False),
        {Act.SCHEDULE: "error.schedule_not_allowed", Act.MANAGE: "error.not_manager"},
    ),
    (Standing(schedule_role=True), {Act.MANAGE: "error.not_manager"}),
    # Another channel than those for questions: what was answered there may still be rated and cleared.
    (
        Standing(right_channel=False),
        {
            Act.ASK: "error.ask_elsewhere",
            Act.SCHEDULE: "error.ask_elsewhere",
            Act.MANAGE: "error.not_manager",
        },
    ),
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
            Act.USE_KEY: "error.not_member",
            Act.SCHEDULE: "error.not_member",
            Act.RATE: "error.not_member",
            Act.JOIN: "error.not_member",
            Act.USE_CHANNEL_MEMORY: "error.not_member",
            Act.CALL: "error.not_member",
            Act.MANAGE: "error.not_manager",
        },
    ),
    # Who reads an answer in a help channel and may not write there calls nobody, except for their own question.
    (Standing(writer=False), {Act.CALL: "error.call_not_allowed", Act.MANAGE: "error.not_manager"}),
    (Standing(writer=False, asker=True, manager=True), {}),
    (Standing(shown_here=False, manager=True), {Act.CALL: "error.not_yours"}),
    (Standing(private=True, asker=True, manager=True), {Act.CALL: "error.not_yours"}),
]


@pytest.mark.parametrize(("standing", "refused"), ROWS)
def test_who_may_do_what(standing: Standing, refused: dict[Act, str]) -> None:
    """Every act in a place is in every row: what is not refused is allowed."""
    assert {act: key for act in OF_A_PLACE if (key := refusal(act, standing)) is not None} == refused


@pytest.mark.parametrize(
    ("standing", "allowed"),
    [
        (Standing(), {Act.READ}),
        (Standing(shown_here=False), set()),
        (Standing(private=True), set()),
        (Standing(asker=True), set(OF_AN_ANSWER)),
        (Standing(asker=True, private=True, shown_here=False), set(OF_AN_ANSWER)),
        (Standing(asker=True, blocked=True, outsider=True), set(OF_AN_ANSWER)),
        (Standing(operator=True), {Act.STOP, Act.REPEAT, Act.READ}),
        (Standing(operator=True, shown_here=False), {Act.STOP, Act.REPEAT, Act.READ}),
        (Standing(operator=True, private=True), {Act.STOP}),
        (Standing(manager=True, private=True), set()),
    ],
)
def test_a5_who_may_act_on_an_answer(standing: Standing, allowed: set[Act]) -> None:
    """Others read a public answer in its channel; a private one is read and repeated by its asker only."""
    assert {act for act in OF_AN_ANSWER if refusal(act, standing) is None} == allowed
    assert {refusal(act, standing) for act in OF_AN_ANSWER} <= {None, "error.not_yours"}


def test_a7_a_server_that_is_not_allowed_is_closed_to_everybody() -> None:
    """Also to operators: other people read what they would be answered there."""
    for standing in EVERY_STANDING:
        brought = "brought.not_allowed" if standing.stranger else None
        assert refusal(Act.ENTER, standing) == ("error.elsewhere" if standing.elsewhere else brought)


def test_every_act_has_a_rule() -> None:
    """An act without a rule would fail at the first press."""
    assert set(RULES) == set(Act)
    assert all(RULES.values())


EVERY_STANDING = [
    replace(Standing(*flags), join_role=role, key_role=role, schedule_role=role)
    for flags in product([False, True], repeat=len(fields(Standing)) - 3)
    for role in (None, False, True)
]


@pytest.mark.parametrize("act", OF_A_PLACE)
def test_what_holds_for_everybody(act: Act) -> None:
    """In every standing: operators may do everything in a place; a block, or a role that is missing, never gives
    anybody a right."""
    for standing in EVERY_STANDING:
        told = refusal(act, standing)
        if standing.operator and act is not Act.ENTER:
            assert told is None
            continue
        if standing.blocked and act not in {Act.MANAGE, Act.ENTER}:
            assert told is not None or (act is Act.USE_CHANNEL_MEMORY and standing.manager)
        if act is Act.JOIN and standing.join_role is False:
            assert told is not None
        if act is Act.USE_KEY and (standing.key_role is False or not standing.chosen):
            assert told is not None
        if act is Act.SCHEDULE and (standing.schedule_role is False or not standing.chosen):
            assert told is not None
        if act is Act.MANAGE:
            assert (told is None) == standing.manager
