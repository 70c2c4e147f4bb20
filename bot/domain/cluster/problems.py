"""Problems of the cluster or the bot: which exist, which have ended, which cannot be judged now. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from bot.domain.cluster.events import EventKind
from bot.domain.status import ClusterStatus

# A kind of problem (an EventKind's value, as it is stored) and its subject: a node id, or empty.
Key: TypeAlias = tuple[str, str]

SILENCE: Key = (EventKind.NOT_ANSWERING.value, "")
FAILING: Key = (EventKind.FAILING.value, "")
HELD_BACK: Key = (EventKind.HELD_BACK.value, "")
CUT_OFF: Key = (EventKind.CUT_OFF.value, "")
STRANDED: Key = (EventKind.STRANDED.value, "")
NO_MODEL: Key = (EventKind.NO_MODEL.value, "")
MODEL_UNLISTED: Key = (EventKind.MODEL_UNLISTED.value, "")
MODEL_FAILED: Key = (EventKind.MODEL_FAILED.value, "")
NEEDS_NODES: Key = (EventKind.NEEDS_NODES.value, "")
WAITING: Key = (EventKind.WAITING.value, "")
# Reasons why a cluster that answers is not usable, the one with the most precise remedy first. Only one is
# announced.
REASONS = (NO_MODEL, MODEL_UNLISTED, MODEL_FAILED, STRANDED, NEEDS_NODES, WAITING)


class Verdict(Enum):
    """Whether a problem exists. Only RIGHT ends it: with UNKNOWN the problem may still exist."""

    WRONG = "wrong"
    RIGHT = "right"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of the cluster and the bot at one moment.

    ``status`` is the newest report while reports come, else None. ``silent`` is None while it is not known whether
    the scheduler answers. ``proven``: the last question was answered to its end. ``was_usable``: the cluster was
    usable before it had to wait. ``switching``: workers leave because a model switch asked operators to stop them.
    ``held_back`` and ``cut_off``: Discord has refused so many calls that the bot sends fewer, or none; None while
    this process does not know. ``model_fault``: why the model cannot run, as a kind of problem. ``listed`` are the
    ids of the nodes in the report, as used in :func:`node_key`.
    """

    status: ClusterStatus | None
    silent: bool | None
    failing: bool = False
    proven: bool = False
    stranded: bool = False
    was_usable: bool = False
    switching: bool = False
    held_back: bool | None = None
    cut_off: bool | None = None
    model_fault: str | None = None
    listed: Collection[str] = ()


def node_key(node_id: str) -> Key:
    """The key of the problem that this node was lost."""
    return EventKind.NODE_LOST.value, node_id


def key_of(kind: str, subject: str) -> Key:
    """The key of a stored problem. Frozen and not answering are one problem: a frozen scheduler whose port closes
    is being restarted."""
    return SILENCE if kind == EventKind.FROZEN.value else (kind, subject)


def verdict(key: Key, now: Situation) -> Verdict:
    """Whether the problem ``key`` exists now. For a node's key, the node must have been lost before."""
    if key == SILENCE:
        return _of(wrong=now.silent is True, right=now.silent is False)
    if key == FAILING:
        return _of(wrong=now.failing and not now.silent, right=now.proven and not now.silent)
    if key in (HELD_BACK, CUT_OFF):
        braked = now.held_back if key == HELD_BACK else now.cut_off
        return _of(wrong=braked is True, right=braked is False)
    if now.status is None:
        return Verdict.UNKNOWN
    if key[0] == EventKind.NODE_LOST.value:
        return _of(wrong=not now.switching, right=key[1] in now.listed)
    return Verdict.RIGHT if now.status.usable else _reason(key, now.status, now)


def _reason(key: Key, status: ClusterStatus, now: Situation) -> Verdict:
    """Whether ``key`` is a reason why the cluster, which answers, is not usable."""
    if key == NO_MODEL:
        return _of(wrong=status.has_no_model and not now.switching, right=not status.has_no_model)
    if key in (MODEL_UNLISTED, MODEL_FAILED):
        has_fault = now.model_fault == key[0]
        return _of(wrong=has_fault and not now.switching, right=not has_fault)
    if key == STRANDED:
        return _of(wrong=now.stranded and not now.switching, right=not status.nodes)
    if key == NEEDS_NODES:
        return _of(wrong=status.need_more_nodes and not now.stranded and not now.switching)
    return _of(wrong=now.was_usable and not now.switching)


def _of(*, wrong: bool, right: bool = False) -> Verdict:
    if right:
        return Verdict.RIGHT
    return Verdict.WRONG if wrong else Verdict.UNKNOWN


def wrong_now(now: Situation, lost: Collection[str], told: Collection[Key]) -> Iterator[Key]:
    """The keys of all problems that exist now. Of the reasons why the cluster is not usable only the most precise
    one is given, and none while a more precise one was ``told`` and has not ended."""
    for key in (SILENCE, FAILING, HELD_BACK, CUT_OFF, *map(node_key, lost)):
        if verdict(key, now) is Verdict.WRONG:
            yield key
    for key in REASONS:
        judged = verdict(key, now)
        if judged is Verdict.WRONG:
            yield key
        if judged is Verdict.WRONG or (key in told and judged is Verdict.UNKNOWN):
            return


def replaced_by(key: Key) -> tuple[Key, ...]:
    """The less precise reasons that need not be announced any more once ``key`` is announced."""
    return REASONS[REASONS.index(key) + 1 :] if key in REASONS else ()
