"""What Discord makes of a message, as far as tests need it: which text is code, and which text is live.

Written from Discord's formatting reference, on its own, so that it does not repeat a mistake of the bot.
"""

import re

_ESCAPE_OR_CODE = re.compile(r"\\([^0-9A-Za-z\s])|```.*?```|(?<!`)(`+)(?!`)(?:.*?[^`])??\2(?!`)", re.DOTALL)
_LIVE = re.compile(
    r"@everyone|@here"
    r"|<@[!&]?\d+>|<#\d+>|</[^\s:>][^:>]*:\d+>|<a?:\w{2,}:\d+>|<t:-?\d+(?::[a-z])?>|<id:\w+>"
    r"|(?:discord\.(?:gg|me|io|li|link|gift|new)|(?:dsc|invite)\.gg|discord(?:app)?\.com/+(?:invite|gifts?|template))"
    r"[/\\]+\w",
    re.IGNORECASE,
)


def without_code(body: str) -> str:
    """The text outside code, with backslash escapes resolved. Read from left to right, as Discord does: an escaped
    backtick begins no code, and a backslash in code escapes nothing."""
    return _ESCAPE_OR_CODE.sub(lambda found: found[1] or " ", body)


def live_forms(body: str) -> list[str]:
    """The mentions, commands, timestamps, emoji, navigation links and invitations that would act."""
    return [found[0] for found in _LIVE.finditer(without_code(body))]
