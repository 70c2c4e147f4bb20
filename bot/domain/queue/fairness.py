"""Start-time fair queueing: people share the cluster's work, not its messages.

Every person has an account on a scale of *virtual time*, measured in cost (see :func:`work`) per unit of
weight. A question gets a *start tag* when it joins the queue: the moment at which this person would have
been served if everybody had been served evenly. Questions are taken in the order ``(start tag, sequence)``.
The queue's own virtual time V follows the accounts of the people being served, so somebody who was away
starts level with the others and neither saves up credit nor owes for an idle hour. V uses each account
without the charges of questions that still run: these are estimates, and V, which never goes back, must not
follow an estimate that is withdrawn a second later.

With c the cost of a question, w its weight and F the finish tag of what the same person asked before it::

    floor = V when it joined        S = max(floor, F)        F' = S + c / w

What the store must keep true, and :func:`chain` computes: the tags of a person's waiting questions that
have not been charged follow from the account and from each other by this formula. So when a cost turns out
different from its estimate, or a question is withdrawn, the rest moves up or back by exactly the
difference.

Source: Goyal, Vin, Cheng, *Start-time Fair Queueing* (1996), which bounds how far two busy flows drift
apart by the sum of their largest costs. Why this policy: docs/decisions/0003-start-time-fair-queueing.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

PROMPT_TOKEN_WORK = 0.25
"""What a prompt token costs against a generated one. Prompts are read in parallel, answers made token by
token; hosted models' price lists put the ratio between 1:3 and 1:5."""

LEAST_WORK = 1.0
"""No question is free: a cost of zero would let one person fill the queue without moving back in it."""


EXPECTED_ANSWER = 400
"""Tokens: the usual length of an answer, for the estimate of a question's cost."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What fairness needs to know of a waiting question. ``charge`` > 0 when the account already paid for it: it
    ran once and was put back, so it stays ahead of everything this person asked later."""

    sequence: int
    cost: float
    weight: float
    floor: float
    tag: float
    charge: float = 0.0


def work(prompt_tokens: int, completion_tokens: int) -> float:
    """The cost of a question in generated tokens, for the estimate and for what was measured. At least 1."""
    return max(LEAST_WORK, PROMPT_TOKEN_WORK * prompt_tokens + completion_tokens)


def charge(cost: float, weight: float) -> float:
    """What ``cost`` takes from the account of a person of ``weight``, in virtual time. Both must be > 0."""
    if cost <= 0 or weight <= 0:
        raise ValueError(f"cost and weight must be positive, not {cost} and {weight}")
    return cost / weight


def start_tag(floor: float, finish: float | None) -> float:
    """The tag of a question that joins at virtual time ``floor`` behind ``finish`` (None: nothing yet)."""
    return floor if finish is None else max(floor, finish)


def settled(finish: float, charged: float, measured: float) -> float:
    """The account after ``charged`` turned out to be ``measured`` (0: withdrawn before it cost anything)."""
    return finish - charged + measured


def advanced(virtual_time: float, claimed_tag: float, settled_accounts: Iterable[float] = ()) -> float:
    """The queue's virtual time after a question with this tag was taken. Never goes back.

    ``settled_accounts`` are the accounts of everybody who is being served, without the charges of what runs.
    """
    return max(virtual_time, min([claimed_tag, *settled_accounts]))


def caught_up(virtual_time: float, finishes: Iterable[float]) -> float:
    """The queue's virtual time when nothing waits or runs: past every account, so that all begin level and the
    accounts can be forgotten."""
    return max([virtual_time, *finishes])


def chain(finish: float | None, waiting: Iterable[Waiting]) -> dict[int, float]:
    """The tags that one person's waiting questions should have, by sequence.

    ``finish`` is the account: everything of this person that was charged. Questions charged before (put back
    after a 429 or a crash) keep their tag, or move up with the account, so that they stay in front.
    """
    tags: dict[int, float] = {}
    behind = finish
    for entry in sorted(waiting, key=lambda one: one.sequence):
        if entry.charge > 0:
            tags[entry.sequence] = entry.tag if finish is None else min(entry.tag, finish - entry.charge)
            continue
        tag = start_tag(entry.floor, behind)
        tags[entry.sequence] = tag
        behind = tag + charge(entry.cost, entry.weight)
    return tags
