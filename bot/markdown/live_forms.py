"""Live forms: text that Discord turns into something that acts, and how to make it plain text.

Source: Discord's message formatting reference (mentions of users, roles, channels and commands, timestamps, custom
emoji, guild navigation, `@everyone` and `@here`) and its help pages on invitations, gifts and server templates.
They are looked for in the text that leaves, after escapes, entities and tags are resolved: `<\\@1>`, `&lt;@1>` and
`@every<b></b>one` show no live form before that.
"""

import re

from bot.markdown.characters import ZWSP

_FORM = re.compile(
    r"<(?=@[!&]?\d|\#\d|/[^\s:>]|a?:\w|t:[-+]?\d|id:\w|sound:\w)"
    r"|@(?=everyone|here|[!&]?\d{15,})"
    r"|(?:discord\.(?=(?:gg|me|io|li|link|gift|new)\.?(?::\d+)?[/\\]+[^\s/\\])|(?:dsc|invite)\.(?=gg\.?(?::\d+)?[/\\]+[^\s/\\])"
    r"|discord(?:app)?\.(?=com\.?(?::\d+)?[/\\]+(?:invite|gifts|template)s?[/\\]+[^\s/\\]))",
    re.IGNORECASE,
)
_INVITE = re.compile(
    r"(?:https?://)?(?:www\.|ptb\.|canary\.)?(?:discord(?:app)?\.com\.?(?::\d+)?[/\\]+(?:invite|gifts|template)s?"
    r"|discord\.(?:gg|me|io|li|link|gift|new)\.?(?::\d+)?|(?:dsc|invite)\.gg\.?(?::\d+)?)[/\\]+[^\s<>`)\]/\\][^\s<>`)\]]*",
    re.IGNORECASE,
)


def breaks(text: str) -> list[int]:
    """The indices at which a U+200B turns each live form into plain text, in order."""
    return [found.end() for found in _FORM.finditer(text)]


def inert(text: str) -> str:
    """The text with a U+200B in every live form, so that Discord shows it as text."""
    return _FORM.sub(lambda found: found[0] + ZWSP, text)


def invite(text: str) -> re.Match[str] | None:
    """The first invitation, gift or server template in the text, with or without a scheme."""
    return _INVITE.search(text)
