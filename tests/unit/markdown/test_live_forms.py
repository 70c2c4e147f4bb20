"""Nothing that a model writes comes out as a mention, a command, a timestamp, an emoji or an invitation."""

import random

import pytest

from bot.markdown.document import AnswerDocument, render
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
