"""Links in Discord's form: the host always visible, no preview, no invitation, only http(s)."""

import re
from urllib.parse import unquote, urlsplit

from bot.markdown.characters import ZWSP
from bot.markdown.live_forms import inert, invite

_HOST_IN_TEXT = re.compile(r"(?<![a-z0-9.-])(?:[a-z0-9-]++\.)++[a-z]{2,}+", re.IGNORECASE)
_UNSAFE = re.compile(r"[\s<>\\\"|^`{}]")
_EVERYONE = re.compile(r"@(?=everyone|here)", re.IGNORECASE)
_ESCAPE = re.compile(r"[\\*~`]|(?<![^\W_])_|_(?![^\W_])|\|(?=\|)|(?<=\|)\||(?<=\])\(")
_LABEL = re.compile(r"[\\*_~`|\[\]()]")
_REFERENCE = re.compile(r"\[\d{1,9}\]\(https://discord\.com/channels/\d{1,20}/\d{1,20}/\d{1,20}\)\Z")
"""A link of a summary: no label could make it look like another place, and it stays in the client."""
_TRAILING = ".,;:!?'\"*_~…。，、；：！？）」』”’"
BARE = re.compile(r"https?://[^\s<>`|（）「」『』。，、；：！？]+", re.IGNORECASE)


def escaped(text: str) -> str:
    """Plain text that Discord shows as it is: markup escaped, mentions broken."""
    return inert(unmarked(text))


def unmarked(text: str) -> str:
    """Plain text with a backslash before what Discord would take for markup."""
    return _ESCAPE.sub(lambda found: "\\" + found[0], text)


def host_of(url: str) -> str | None:
    """The host a browser would open, in its ASCII form; None if this is not an http(s) address."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme.lower() not in ("http", "https") or not host:
        return None
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return None


def bare(url: str) -> tuple[str, bool]:
    """An address as text, and whether it is code: without a preview, or as code if it is an invitation."""
    if _invites(url):
        return broken(url), True
    if host_of(url) is None:
        return url.replace("`", "%60"), True
    return f"<{_quoted(url)}>", False


def broken(url: str) -> str:
    """The address, changed so that no client turns it into a link."""
    return re.sub(
        r"\.(?=[a-z]+\.?(?::\d+)?[/\\])", f".{ZWSP}", url.replace("`", "%60"), count=1, flags=re.IGNORECASE
    )


def _invites(url: str) -> bool:
    """Whether an address is an invitation, however it is spelled: a browser decodes it before it opens it."""
    plain = unquote(url)
    if invite(plain) is not None:
        return True
    host = host_of(plain)
    return host is not None and invite(f"{host}{urlsplit(plain).path}") is not None


def masked(label: str, href: str) -> list[tuple[str, bool]]:
    """A link with a label, as pieces of Discord Markdown and whether each is code.

    The host follows in brackets unless the label already shows it, or is a mere number that leads to a message. A
    label that shows another host is not linked: label and address are written side by side.
    """
    label = " ".join(label.split())
    host = host_of(href)
    if host is None or _invites(href):
        address = broken(href) if host else href.replace("`", "%60")
        if label == href:
            return [(address, True)]
        return [(f"{escaped(label)} ", False), (address or "#", True)] if label else [(address or "#", True)]
    if not label or label == href or label.rstrip("/") == href.rstrip("/"):
        return [(f"<{_quoted(href)}>", False)]
    shown = [found.lower() for found in _HOST_IN_TEXT.findall(label)]
    if "://" in label or (shown and not any(_same(host, name) for name in shown)):
        return [(f"{escaped(_unlinked(label))} ", False), (f"<{_quoted(href)}>", False)]
    visible = inert(_LABEL.sub(lambda found: "\\" + found[0], label))
    link = f"[{visible}](<{_quoted(href)}>)"
    is_shown = any(_same(host, name) for name in shown) or _REFERENCE.match(f"[{label}]({href})")
    return [(link if is_shown else f"{link} ({host})", False)]


def trimmed(url: str) -> str:
    """A bare address without the punctuation of the sentence around it."""
    while url:
        if (
            url[-1] in _TRAILING
            or (url[-1] == ")" and url.count(")") > url.count("("))
            or (url[-1] == "]" and url.count("]") > url.count("["))
        ):
            url = url[:-1]
        else:
            break
    return url


def _same(host: str, shown: str) -> bool:
    host, shown = host.lower(), shown.lower()
    return host.removeprefix("www.") == shown.removeprefix("www.")


def _unlinked(text: str) -> str:
    return text.replace("://", f":{ZWSP}//")


def _quoted(url: str) -> str:
    quoted = _UNSAFE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), url)
    return _EVERYONE.sub("%40", quoted)
