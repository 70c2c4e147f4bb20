"""A file attached to a message."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class File:
    """An attachment: a name with its extension, and its bytes."""

    name: str
    data: bytes
