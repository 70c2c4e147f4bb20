"""The marks in a summary, turned into links to the messages that they stand for."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ADDRESS = r"(?:https?|discord)://[^\s<>()\[\]/]*(?:discord(?:app)?\.com|-)/+channels(?:/[^\s<>()\[\]|*`]*)?"
_NUMBERS = r"(?:[#^]|msgs?\.?|messages?|m)?\s*\d{1,9}(?:\s*(?:[,;–-]|and)\s*[#^]?\d{1,9})*"
_FOUND = re.compile(
    rf"""
      [\[【]\s*(?P<marks>{_NUMBERS})\s*[\]】](?:\(\s*<?[^()\s]*>?\s*\))?  # [12], [3, 4], [^5], [6](any address)
    | \[(?P<label>[^\[\]\n]{{0,200}})\]\(\s*<?(?P<target>{_ADDRESS})>?\s*\)  # [a label](address of a message)
    | <?(?P<address>{_ADDRESS})>?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PLACE = re.compile(r"/+channels/+(\d+)/+(\d+)/+(\d+)/*\Z", re.IGNORECASE)
_NUMBER = re.compile(r"\d+")
# What may still become one of these, at the end of a text.
_OPEN_BRACKET = re.compile(r"[\[【][^\[\]【】\n]{0,200}(?:\]|\](?:\([^()\s]{0,300}\s?)?|】)?\Z")
_OPEN_WORD = re.compile(r"[!-~]+\Z")
LONGEST_HELD = 600
"""Characters: what is longer is no mark, and no address of a message."""
_LONGEST_ADDRESS = 120
MOST_OF_ONE_MARK = 20
"""So many numbers of one mark become links."""


class Linker:
    """Turns marks into links while a text arrives, in any pieces. Only messages that were read are linked to:
    other marks, and other links to messages, are left out."""

    def __init__(self, server: int, channel: int, ids: Sequence[int]) -> None:
        """``ids`` are the messages of the marks from 1 on."""
        self._place = (server, channel)
        self._ids = ids
        self._known = {message_id: number for number, message_id in enumerate(ids, 1)}
        self._held = ""
        self._after_link = False

    def feed(self, piece: str) -> str:
        """Add a piece of the text; returns what can be shown by now."""
        text = self._held + piece
        at = _open_from(text)
        self._held = text[at:]
        return self._linked(text[:at])

    def close(self) -> str:
        """The rest of the text."""
        text, self._held = self._held, ""
        return self._linked(text)

    def _linked(self, text: str) -> str:
        """``text`` with links; between two of them there is a space, or they would read as one number."""
        shown: list[str] = []
        at = 0
        for found in _FOUND.finditer(text):
            links = self._replaced(found)
            after_link = self._after_link and found.start() == at
            shown += (text[at : found.start()], " " if after_link and links.startswith("[") else "", links)
            at, self._after_link = found.end(), links.endswith(")") or (after_link and not links)
        if at < len(text):
            shown.append(text[at:])
            self._after_link = False
        return "".join(shown)

    def _replaced(self, found: re.Match[str]) -> str:
        if found["marks"]:
            numbers = list(dict.fromkeys(map(int, _NUMBER.findall(found["marks"]))))[:MOST_OF_ONE_MARK]
            links = " ".join(self._link(number) for number in numbers if 1 <= number <= len(self._ids))
        elif found["label"] is not None:
            number = self._number(found["target"])
            label = _FOUND.sub("", found["label"])
            links = self._link(number, label) if number and label == found["label"] else label
        else:
            number = self._number(found["address"])
            links = self._link(number) if number else ""
        return links or _gap(found)

    def _number(self, address: str) -> int | None:
        """The number of the message at this address, if it was read."""
        place = _PLACE.search(address.rstrip(".,;:!?"))
        if place is None or (int(place[1]), int(place[2])) != self._place:
            return None
        return self._known.get(int(place[3]))

    def _link(self, number: int, label: str = "") -> str:
        server, channel = self._place
        return f"[{label or number}](https://discord.com/channels/{server}/{channel}/{self._ids[number - 1]})"


def _gap(found: re.Match[str]) -> str:
    """What stands for something left out: a space between two words, so that they do not become one, or an
    address."""
    text = found.string
    before, after = text[: found.start()][-1:], text[found.end() :][:1]
    return " " if before and not before.isspace() and (not after or after.isalnum() or after in "/:") else ""


def _open_from(text: str) -> int:
    """Where the end of ``text`` begins that more text may change the meaning of."""
    found = [match.start() for match in (_OPEN_BRACKET.search(text), _OPEN_WORD.search(text)) if match]
    at = min(found, default=len(text))
    # A word may begin inside of a mark.
    at = next((one.start() for one in _FOUND.finditer(text) if one.start() < at < one.end()), at)
    if len(text) - at <= LONGEST_HELD:
        return at
    # Nothing is cut where an address may begin.
    tail = text.rfind("://", len(text) - _LONGEST_ADDRESS)
    return max(at, tail - len("discord") if tail >= 0 else len(text) - len("discord://"))
