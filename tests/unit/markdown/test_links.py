"""Addresses: the host always visible, no preview, no invitation, and nothing that is no address."""

import pytest

from bot.markdown.characters import ZWSP
from bot.markdown.document import render
from bot.markdown.inline.links import bare, broken, escaped, host_of, masked, trimmed

SITE = "https://site.example/a"
MESSAGE = "https://discord.com/channels/11/22/33"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a_b __c__", "a_b \\_\\_c\\_\\_"),
        ("*x* `y` ~z~ \\", "\\*x\\* \\`y\\` \\~z\\~ \\\\"),
        ("a | b || c", "a | b \\|\\| c"),
        ("[a](b) (c)", "[a]\\(b) (c)"),
        ("@everyone <@1>", f"@{ZWSP}everyone <{ZWSP}@1>"),
    ],
)
def test_escaped_text_is_shown_as_it_is(text: str, shown: str) -> None:
    """Only what Discord would take for markup gets a backslash, and what it would act on a U+200B."""
    assert escaped(text) == shown


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Site.Example/x", "site.example"),
        ("HTTP://site.example:8080", "site.example"),
        ("https://user@evil.example/", "evil.example"),
        ("https://例え.jp/案内", "xn--r8jz45g.jp"),
        ("https://é..example/", None),
        ("ftp://site.example", None),
        ("javascript:alert(1)", None),
        ("https://", None),
        ("/docs", None),
        ("http://[::1", None),
    ],
)
def test_the_host_is_the_one_a_browser_opens(url: str, host: str | None) -> None:
    assert host_of(url) == host


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (SITE, (f"<{SITE}>", False)),
        (f'{SITE} b"<c>', (f"<{SITE}%20b%22%3Cc%3E>", False)),
        (f"{SITE}?q=\u3000", (f"<{SITE}?q=%E3%80%80>", False)),
        ("https://site.example/@everyone/@HERE", ("<https://site.example/%40everyone/%40HERE>", False)),
        ("https://discord.gg/abc", (f"https://discord.{ZWSP}gg/abc", True)),
        ("https://www.discord.com/invite/a.b/c", (f"https://www.discord.{ZWSP}com/invite/a.b/c", True)),
        ("javascript:`x`", ("javascript:%60x%60", True)),
        ("https://discord。gg/x", ("https://discord。gg/x", True)),
    ],
)
def test_an_address_has_no_preview_and_is_code_when_it_may_not_be_opened(
    url: str, shown: tuple[str, bool]
) -> None:
    """Angle brackets suppress the preview, so nothing in the address may end them."""
    assert bare(url) == shown


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("DISCORD.GG/x", f"DISCORD.{ZWSP}GG/x"),
        ("https://discord.gg:443/x`", f"https://discord.{ZWSP}gg:443/x%60"),
        ("https://discord.gg./x", f"https://discord.{ZWSP}gg./x"),
        ("discord.gg\\x", f"discord.{ZWSP}gg\\x"),
    ],
)
def test_a_broken_address_is_no_link_anywhere(url: str, shown: str) -> None:
    """It is changed in one place, before the last part of its host."""
    assert broken(url) == shown


@pytest.mark.parametrize(
    ("label", "href", "pieces"),
    [
        ("docs", SITE, [(f"[docs](<{SITE}>) (site.example)", False)]),
        ("  the \n docs ", SITE, [(f"[the docs](<{SITE}>) (site.example)", False)]),
        ("docs of Site.Example", SITE, [(f"[docs of Site.Example](<{SITE}>)", False)]),
        ("www.site.example", SITE, [(f"[www.site.example](<{SITE}>)", False)]),
        ("site.example", "https://www.site.example/", [("[site.example](<https://www.site.example/>)", False)]),
        ("a*b_[c] (d)", SITE, [(f"[a\\*b\\_\\[c\\] \\(d\\)](<{SITE}>) (site.example)", False)]),
        ("@everyone", SITE, [(f"[@{ZWSP}everyone](<{SITE}>) (site.example)", False)]),
        ("12", MESSAGE, [(f"[12](<{MESSAGE}>)", False)]),
        ("12", SITE, [(f"[12](<{SITE}>) (site.example)", False)]),
        ("here", MESSAGE, [(f"[here](<{MESSAGE}>) (discord.com)", False)]),
        ("", SITE, [(f"<{SITE}>", False)]),
        (SITE, SITE, [(f"<{SITE}>", False)]),
        ("https://site.example", "https://site.example/", [("<https://site.example/>", False)]),
    ],
)
def test_a_link_shows_its_host(label: str, href: str, pieces: list[tuple[str, bool]]) -> None:
    """After the label, unless the label is the address or names the host itself."""
    assert masked(label, href) == pieces


@pytest.mark.parametrize(
    ("label", "href", "pieces"),
    [
        ("bank.example", SITE, [("bank.example ", False), (f"<{SITE}>", False)]),
        ("https://bank.example", SITE, [(f"https:{ZWSP}//bank.example ", False), (f"<{SITE}>", False)]),
        ("https://x", SITE, [(f"https:{ZWSP}//x ", False), (f"<{SITE}>", False)]),
        ("join us", "https://discord.gg/x", [("join us ", False), (f"https://discord.{ZWSP}gg/x", True)]),
        ("", "https://discord.gg/x", [(f"https://discord.{ZWSP}gg/x", True)]),
        ("https://discord.gg/x", "https://discord.gg/x", [(f"https://discord.{ZWSP}gg/x", True)]),
        ("c*", "javascript:alert(`1`)", [("c\\* ", False), ("javascript:alert(%601%60)", True)]),
        ("here", "", [("here ", False), ("#", True)]),
        ("/docs", "/docs", [("/docs", True)]),
    ],
)
def test_a_label_that_promises_something_else_is_no_link(
    label: str, href: str, pieces: list[tuple[str, bool]]
) -> None:
    """Label and address stand side by side; what is not to be opened is code."""
    assert masked(label, href) == pieces


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.example/x.", "https://a.example/x"),
        ("https://a.example/x).", "https://a.example/x"),
        ("https://a.example/x_(y)", "https://a.example/x_(y)"),
        ("https://a.example/x_(y))", "https://a.example/x_(y)"),
        ("https://a.example/[y]", "https://a.example/[y]"),
        ("https://a.example/y]", "https://a.example/y"),
        ("https://a.example/x”。", "https://a.example/x"),
        ("...", ""),
    ],
)
def test_the_punctuation_of_the_sentence_is_not_of_the_address(url: str, shown: str) -> None:
    """A closing bracket is of the address when its opening one is."""
    assert trimmed(url) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see https://a.example/x, ok", "see <https://a.example/x>, ok"),
        ("(https://a.example/x)", "(<https://a.example/x>)"),
        ("see HTTPS://a.example/x", "see <HTTPS://a.example/x>"),
        ("see https://a b", "see <https://a> b"),
        ("xhttps://a.example", "xhttps://a.example"),
        ("https:// and http://.", "https:// and http://."),
        ("ahttp://b https://c.example", "ahttp://b <https://c.example>"),
        ("<https://a.example/_b_>", "<https://a.example/_b_>"),
        ("**https://a.example/x**", "**<https://a.example/x>**"),
        ("例：https://a.example/x。次", "例：<https://a.example/x>。次"),
    ],
)
def test_addresses_in_running_text(text: str, shown: str) -> None:
    """Bare, in brackets and in other markup; what only looks like the start of one is text."""
    assert render(text, limit=1900) == (shown,)
