"""Nothing that a model writes comes out as a mention, a command, a timestamp, an emoji or an invitation."""

import random

import pytest

from bot.markdown.document import AnswerDocument, render
from bot.markdown.live_forms import breaks, inert, invite
from tests.unit.markdown.discord_view import live_forms

ID = "123456789012345678"
FORMS = [
    f"<@{ID}>",
    f"<@!{ID}>",
    f"<@&{ID}>",
    f"<#{ID}>",
    f"</ask:{ID}>",
    f"</cluster init:{ID}>",
    "@everyone",
    "@here",
    "<t:1700000000>",
    "<t:1700000000:R>",
    "<id:customize>",
    "<id:browse>",
    f"<:wave:{ID}>",
    f"<a:wave:{ID}>",
    "discord.gg/abc",
    "https://discord.gg/abc",
    "discord.com/invite/abc",
    "https://discordapp.com/invite/abc",
    "https://ptb.discord.com/invite/abc",
    "DISCORD.GG/abc",
    "dsc.gg/abc",
    "discord.gift/abc",
]


def test_the_view_finds_every_form() -> None:
    """Otherwise the tests below would pass for nothing."""
    assert all(live_forms(f"a {form} b") for form in FORMS)
    assert not live_forms("`@everyone` ```\n<@1>\n``` \\`<\u200b@1>")


@pytest.mark.parametrize(
    "text",
    [
        f"<\\@{ID}>",
        f"&lt;@{ID}&gt;",
        "\\@everyone",
        "@every<b></b>one",
        "discord\\.gg/x",
        "<https://discord.gg/x>",
        "discord&#46;gg/x",
        f"\\</ask:{ID}>",
        "\\<t:1:R>",
    ],
)
def test_r8_forms_that_arise_from_escapes_entities_and_tags(text: str) -> None:
    (page,) = render(f"see {text} here", limit=1900)
    assert not live_forms(page)


@pytest.mark.parametrize(
    "text",
    [
        "@every\u200bone",
        "@\u2060here",
        f"<\u00ad@{ID}>",
        "@every[one](/docs)",
        "@every![one](x)",
        "[@everyone](https://a.example)",
        "[x](https://a.example/@everyone)",
        "$@every$one",
        "@every<span>one</span>",
        "<sub></sub>@here",
        "discord&period;gg/x",
        "https://discord\\.com/invite/x",
        "[discord.gg/x](https://a.example)",
        "[a](https://discord.com/%69nvite/x)",
        "[a](https://discord。gg/x)",
        "https://user@discord.gg/x",
        "https://discord.gg:443/x",
        "| discord.gg/x | @everyone |\n|---|---|\n| a | b |\n" + "| @everyone " * 9,
        "<!-- -->@everyone",
        "@everyone" + "x" * 500,
        "x" * 394 + "@everyone",
        "x" * 396 + "discord.gg/abc",
    ],
)
def test_r8_forms_in_other_spellings(text: str) -> None:
    """Invisible characters, links, formulas, table cells, and words so long that they are cut."""
    assert not [form for page in render(text, limit=1900) for form in live_forms(page)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "around", ["{}", "**{}**", "- {}", "> {}", "[{}](https://a.example)", "||{}||", "# {}", "a{}b"]
)
def test_r8_every_form_everywhere(form: str, around: str) -> None:
    for page in render(around.format(form), limit=1900):
        assert not live_forms(page)


def test_r8_code_may_name_them() -> None:
    assert render("`@everyone <@1>`", limit=1900) == ("`@everyone <@1>`",)
    assert render("```\n@everyone <@1>\n```", limit=1900) == ("```\n@everyone <@1>\n```",)


PARTS = [
    *("<", ">", "@", "\\", "&lt;", "&#64;", "&gt;", "every", "one", "here", "@every", "everyone", "1", ID),
    *("<@", "<@&", "<#", "</", "<t:", "<:", "<a:", "<id:", "ask:", "R", "home>", "customize", "/x", "/abc"),
    *("discord", ".", "\\.", "&#46;", "gg", "com", "/invite", "https://", "discord.gg", "dsc.gg", "https:"),
    *("<b>", "</b>", "**", "*", "_", "~~", "`", "``", "||", "[", "](", ")", "![", "$", "\n", " ", "- ", "> "),
    *("\u200b", "\u2060", "\u200d", "\x1b[1m", "|", "。", "漢", "<sub>", "</sub>", "<br>", "<!-- -->", "x" * 200),
]


@pytest.mark.parametrize("seed", range(8))
def test_r8_random_mixtures(seed: int) -> None:
    """Six hundred mixtures of fragments for each seed; what leaves is looked at, not what came."""
    dice = random.Random(seed)
    for _ in range(600):
        text = "".join(dice.choices(PARTS, k=dice.randint(2, 12)))
        document = AnswerDocument(limit=1900)
        document.feed(text)
        streaming = document.pages()
        document.close()
        for body in (*streaming, *document.pages()):
            assert not live_forms(body), (text, body)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("<@1> and <@&2>", [1, 10]),
        ("@everyone @here", [1, 11]),
        ("<:a:1> <a:b:2> <t:1> <t:-1:R> <id:browse> </ask:1> <#1> <sound:1:2>", [1, 8, 16, 22, 31, 43, 52, 57]),
        ("discord.gg/x dsc.gg/x discord.com/invite/x", [8, 17, 30]),
        ("DISCORDAPP.COM/gifts/x discord.gg:443/x", [11, 31]),
        ("@1 <1> < @1> discord.gg/ discord.com/x everyone dsc.com/x", []),
    ],
)
def test_where_a_form_is_broken(text: str, places: list[int]) -> None:
    """One character in each of them makes it text."""
    assert breaks(text) == places
    broken = inert(text)
    assert broken.count("\u200b") == len(places)
    assert broken.replace("\u200b", "") == text
    assert breaks(broken) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("come to https://discord.gg/abc now", "https://discord.gg/abc"),
        ("(ptb.discord.com/invite/a.b)", "ptb.discord.com/invite/a.b"),
        ("HTTP://DSC.GG/x`", "HTTP://DSC.GG/x"),
        ("discord.com/channels/1", None),
        ("discord.gg/", None),
        ("mydiscord.ggx/abc", None),
    ],
)
def test_an_invitation_is_found_with_its_address(text: str, found: str | None) -> None:
    """With a scheme or without, up to the space or bracket after it."""
    match = invite(text)
    assert (match[0] if match is not None else None) == found


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("go to discord.gg/abc now", "go to `discord.\u200bgg/abc` now"),
        ("**discord.gg/abc**", "**`discord.\u200bgg/abc`**"),
        ("a discord.gg/x b dsc.gg/y c @here", "a `discord.\u200bgg/x` b `dsc.\u200bgg/y` c @\u200bhere"),
        ("@here discord.gg/x", "@\u200bhere `discord.\u200bgg/x`"),
        ("x*y @every<b></b>one *z", "x\\*y @\u200beveryone \\*z"),
        ("`code` @here `code`", "`code` @\u200bhere `code`"),
    ],
)
def test_invitations_become_code_and_the_rest_stays(text: str, shown: str) -> None:
    """Each form is broken where it stands, whatever stands around it."""
    assert render(text, limit=1900) == (shown,)


@pytest.mark.parametrize(
    "form", ["@everyone", "<@123456789012345678>", "discord.gg/abc", "dsc.gg/abc", "invite.gg/abc"]
)
def test_r8_a_long_word_is_not_cut_inside_of_a_form(form: str) -> None:
    """It is handed over in parts of four hundred characters, wherever the form stands in it."""
    for before in range(370, 402):
        for page in render(f"{'x' * before}{form}{'/y' * 60}", limit=1900):
            assert not live_forms(page), before


@pytest.mark.parametrize("around", ["{}", "**{}**", "[{}](https://a.example)", "`x` {}", "{}\n{}"])
def test_r8_every_form_stays_readable(around: str) -> None:
    """What is shown differs from what was written by characters that nobody sees, and by backslashes."""
    for form in ("@everyone", "<@1>", "<#1>", "<t:1>"):
        page = render(around.format(form, form), limit=1900)[0]
        assert form in page.replace("\u200b", "").replace("\\", "")
