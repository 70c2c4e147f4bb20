"""What can be configured, and what a person reads who configured it wrongly."""

from __future__ import annotations

import base64
import traceback
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from bot.errors import ConfigError
from bot.settings import DISCORD_CDN_HOSTS, DatabaseSettings, Settings, load_settings, render_env_example

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "MTA.of-no-use.anywhere"


@pytest.fixture(autouse=True)
def nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting in the environment, no .env in the working directory."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def loaded(monkeypatch: pytest.MonkeyPatch, **values: str) -> Settings:
    """The settings with a token and these variables in the environment."""
    for name, value in {"DISCORD_TOKEN": TOKEN, **values}.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def test_the_example_is_current_and_lists_exactly_the_fields() -> None:
    """``make env-example`` was not forgotten, and every setting is in it once."""
    example = (ROOT / ".env.example").read_text(encoding="utf-8")

    assert example == render_env_example()
    names = [line.removeprefix("# ").split("=")[0] for line in example.splitlines() if "=" in line]
    assert [name for name in names if name.isupper()] == [name.upper() for name in Settings.model_fields]


def test_the_example_with_a_token_gives_the_defaults(tmp_path: Path) -> None:
    """Copying the example and filling in the token is all that is needed; uncommenting changes nothing."""
    example = render_env_example().replace("DISCORD_TOKEN=", f"DISCORD_TOKEN={TOKEN}")
    lines = (
        line.removeprefix("# ") if line.removeprefix("# ").split("=")[0].isupper() else line
        for line in example.splitlines()
    )
    copied, uncommented = tmp_path / "copied", tmp_path / "uncommented"
    copied.write_text(example, encoding="utf-8")
    uncommented.write_text("\n".join(lines), encoding="utf-8")

    assert load_settings(copied) == load_settings(uncommented)


@pytest.mark.parametrize("given", ["1,2", " 1 , 2 ", "1;2", "1,2,"])
def test_ids_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    """Spaces, semicolons and a last comma do no harm."""
    assert loaded(monkeypatch, ADMIN_USER_IDS=given).admin_user_ids == {1, 2}


@pytest.mark.parametrize("given", ["123=50000,456=0", " 123=50000 ; 456 = 0 ", "123=50000,456=0,"])
def test_a_quota_is_a_role_with_its_tokens(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    """Written as the lists of ids are; 0 is a quota too."""
    assert loaded(monkeypatch, QUOTA_ROLES=given).quota_roles == {123: 50_000, 456: 0}


@pytest.mark.parametrize("given", ["123", "123=", "=50000", "admins=50000", "123=many", "123=1=2"])
def test_a_quota_that_cannot_be_read_names_the_form(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    """A role without its tokens must not mean "no limit"."""
    with pytest.raises(ConfigError, match="QUOTA_ROLES is wrong: must look like 123=50000,456=0"):
        loaded(monkeypatch, QUOTA_ROLES=given)


@pytest.mark.parametrize(
    ("count", "given", "ids"),
    [
        ("8", "0-3,7", (0, 1, 2, 3, 7)),
        ("8", " 7 ; 0 - 3, ", (0, 1, 2, 3, 7)),
        ("8", "2,1,1-2", (1, 2)),
        ("8", "", ()),
        ("", "", ()),
    ],
)
def test_shards_are_numbers_and_ranges(
    monkeypatch: pytest.MonkeyPatch, count: str, given: str, ids: tuple[int, ...]
) -> None:
    """Empty: all of them."""
    assert loaded(monkeypatch, SHARD_COUNT=count, SHARD_IDS=given).shard_ids == ids


@pytest.mark.parametrize(
    ("count", "given", "reason"),
    [
        ("8", "a", "SHARD_IDS is wrong: must look like 0-3,7"),
        ("8", "-1", "SHARD_IDS is wrong: must look like 0-3,7"),
        ("8", "1-", "SHARD_IDS is wrong: must look like 0-3,7"),
        ("8", "1-2-3", "SHARD_IDS is wrong: must look like 0-3,7"),
        ("8", "3-0", "SHARD_IDS is wrong: must look like 0-3,7, the smaller number of a range first"),
        ("8", "0-999999999999", "SHARD_IDS is wrong: must look like 0-3,7"),
        ("8", "0-8", "SHARD_IDS is wrong: must be below SHARD_COUNT, because shards are counted from 0"),
        ("", "0", "SHARD_IDS is wrong: needs SHARD_COUNT, the number of shards of all processes together"),
        ("-1", "0", "SHARD_COUNT is wrong: Input should be greater than or equal to 0"),
        ("16385", "", "SHARD_COUNT is wrong: Input should be less than or equal to 16384"),
    ],
)
def test_shards_that_cannot_be_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, count: str, given: str, reason: str
) -> None:
    """Before Discord closes the connection because of them."""
    with pytest.raises(ConfigError, match=reason):
        loaded(monkeypatch, SHARD_COUNT=count, SHARD_IDS=given)


def test_an_empty_list_means_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the example, where the values are empty."""
    assert loaded(monkeypatch, ADMIN_ROLE_IDS="").admin_role_ids == frozenset()


@pytest.mark.parametrize(
    ("given", "homes"),
    [
        ({}, ()),
        ({"DM_GUILD_ID": "8"}, (8,)),
        ({"ALLOWED_GUILD_IDS": "9,8"}, (8, 9)),
        ({"ALLOWED_GUILD_IDS": "9,8", "DM_GUILD_ID": "9"}, (9,)),
    ],
)
def test_a7_whose_members_may_write_direct_messages(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], homes: tuple[int, ...]
) -> None:
    """Everybody without a setting; else the server of DM_GUILD_ID, else those in which the bot answers."""
    assert loaded(monkeypatch, **given).homes == homes


@pytest.mark.parametrize("given", [{"DM_GUILD_ID": "7"}, {"ADMIN_GUILD_IDS": "7"}, {"ADMIN_GUILD_IDS": "8,7"}])
def test_a7_the_operators_servers_are_allowed_ones(monkeypatch: pytest.MonkeyPatch, given: dict[str, str]) -> None:
    """Otherwise operators would be shut out of their own server."""
    with pytest.raises(ConfigError, match="must be among ALLOWED_GUILD_IDS"):
        loaded(monkeypatch, ALLOWED_GUILD_IDS="8,9", **given)


def test_an_empty_bind_switches_the_health_page_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty is a value of its own here, not the absence of one."""
    assert loaded(monkeypatch, HTTP_BIND="").http_bind == ""


def test_a_missing_token_is_one_line_with_its_remedy() -> None:
    """It is the first error in a new installation."""
    with pytest.raises(ConfigError) as raised:
        load_settings()

    message = str(raised.value)
    assert message.startswith("DISCORD_TOKEN is missing")
    assert "discord.com/developers" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PARALLAX_URL", "hush-hush:3001"),
        ("DISCORD_API_URL", "ftp://hush-hush"),
        ("DATABASE_URL", "mysql://me:hush-hush@db/x"),
        ("ADMIN_USER_IDS", "hush-hush"),
        ("HTTP_BIND", "hush-hush"),
        ("CONTEXT_MAX_TOKENS", "hush-hush"),
        ("QUEUE_MAX_TOTAL", "0"),
        ("LOG_FORMAT", "hush-hush"),
    ],
)
def test_a_wrong_value_is_named_and_not_repeated(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Somebody may have pasted the token into the wrong line."""
    with pytest.raises(ConfigError) as raised:
        loaded(monkeypatch, **{name: value})

    message = str(raised.value)
    assert message.startswith(f"{name} is wrong: ")
    assert "hush-hush" not in message
    assert "\n" not in message


def test_every_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """One start shows every mistake."""
    monkeypatch.setenv("PARALLAX_URL", "nowhere")
    monkeypatch.setenv("LOG_LEVEL", "LOUD")

    with pytest.raises(ConfigError) as raised:
        load_settings()

    assert [name for name in ("DISCORD_TOKEN", "PARALLAX_URL", "LOG_LEVEL") if name in str(raised.value)] == [
        "DISCORD_TOKEN",
        "PARALLAX_URL",
        "LOG_LEVEL",
    ]


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """So that one start can differ from the others."""
    (tmp_path / ".env").write_text("PARALLAX_URL=http://file:1/\nQUEUE_MAX_TOTAL=7\n", encoding="utf-8")

    settings = loaded(monkeypatch, PARALLAX_URL="http://environment:2/")

    assert (settings.parallax_url, settings.queue_max_total) == ("http://environment:2", 7)


def test_the_token_is_in_no_text_and_nothing_can_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings may be logged and handed around."""
    settings = loaded(monkeypatch)

    assert TOKEN not in f"{settings!r}{settings}{settings.model_dump_json()}"
    with pytest.raises(ValidationError):
        settings.log_level = "DEBUG"  # type: ignore[misc]  # frozen, as is to be shown


def test_attachments_come_from_discord_only_unless_it_is_a_double(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another API's own host is trusted, because it was configured."""
    assert loaded(monkeypatch).attachment_hosts == DISCORD_CDN_HOSTS
    double = loaded(monkeypatch, DISCORD_API_URL="http://127.0.0.1:8700/api/v10")
    assert double.attachment_hosts == DISCORD_CDN_HOSTS | {"127.0.0.1:8700"}


LOGIN = "http://ada:hush%40hush@inside:3001"


def test_the_web_page_is_the_public_address_and_never_the_schedulers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scheduler's own may hold a login, and people may not reach it anyway."""
    assert loaded(monkeypatch, PARALLAX_URL=LOGIN).parallax_public_url == ""
    public = loaded(monkeypatch, PARALLAX_URL=LOGIN, PARALLAX_PUBLIC_URL="https://cluster.example/")
    assert public.parallax_public_url == "https://cluster.example"


def test_the_address_is_shown_without_its_login(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its forms are all secrets, and none is in the text of the settings."""
    settings = loaded(monkeypatch, PARALLAX_URL=LOGIN)
    assert [cluster.address for cluster in settings.clusters] == ["http://inside:3001"]
    basic = base64.b64encode(b"ada:hush@hush").decode()
    assert set(settings.secrets) == {TOKEN, "hush%40hush", "hush@hush", basic}
    text = f"{settings!r}{settings}{settings.model_dump_json()}"
    assert not [secret for secret in settings.secrets if secret in text]


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("http://only-a-token@inside:3001", {"only-a-token"}),
        ("http://ada:abc@inside:3001", {"YWRhOmFiYw=="}),
        ("http://inside:3001/", set()),
    ],
)
def test_what_a_login_consists_of(monkeypatch: pytest.MonkeyPatch, url: str, secrets: set[str]) -> None:
    """A name alone is a token; three characters are in too many words to be hidden everywhere."""
    assert set(loaded(monkeypatch, PARALLAX_URL=url).secrets) >= {TOKEN, *secrets}
    assert "abc" not in loaded(monkeypatch, PARALLAX_URL=url).secrets


def test_a_databases_password_is_a_secret_wherever_its_address_has_it() -> None:
    """Before the host, or as the driver's own option."""
    url = "postgresql+asyncpg://bot:hush-hush@db/bot?password=other-hush&ssl=require"
    settings = Settings.model_construct(discord_token=SecretStr(TOKEN), database_url=url)
    assert {"hush-hush", "other-hush"} < set(settings.secrets)
    assert "require" not in settings.secrets


def test_one_scheduler_needs_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a login in its address contains."""
    for url in ("http://inside:3001", "http://a=b:c,d;e@inside:3001", "https://inside/one,two"):
        (cluster,) = loaded(monkeypatch, PARALLAX_URL=url).clusters
        assert (cluster.name, cluster.url) == ("", url)


def test_several_schedulers_have_names_and_what_is_set_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order; a key may hold an equals sign."""
    settings = loaded(
        monkeypatch,
        PARALLAX_URL="studio=http://ada:x,yz@10.0.0.5:3001/, Office-2 = https://10.0.0.9",
        PARALLAX_API_KEY="studio=one==,Office-2=two",
        PARALLAX_PUBLIC_URL="Office-2=https://office.example/",
        PARALLAX_CONTEXT_TOKENS="studio=4000",
    )
    studio, office = settings.clusters
    assert (studio.name, studio.url, studio.api_key) == ("studio", "http://ada:x,yz@10.0.0.5:3001", "one==")
    assert (studio.web_page, studio.most_context, studio.address) == ("", 4000, "studio (http://10.0.0.5:3001)")
    assert (office.name, office.url, office.api_key) == ("Office-2", "https://10.0.0.9", "two")
    assert (office.web_page, office.most_context) == ("https://office.example", None)
    assert {"one==", "two", "x,yz"} <= set(settings.secrets)
    assert "one==" not in f"{settings!r}{settings.clusters!r}"


def test_one_key_may_be_for_all_schedulers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that looks like a name with something; the addresses may stand on lines of their own."""
    shared = loaded(monkeypatch, PARALLAX_URL="a=http://one:1\nb=http://two:2", PARALLAX_API_KEY="k=ey")
    assert [cluster.api_key for cluster in shared.clusters] == ["k=ey", "k=ey"]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://one:1, http://two:2", "a name of its own"),
        ("studio=http://one:1, http://two:2", "a name of its own"),
        ("http://one:1, studio=http://two:2", "a name of its own"),
        ("the studio=http://one:1", "a name of its own"),
        ("studio-that-is-named-too-long=http://one:1, b=http://two:2", "a name of its own"),
        ("studio=http://one:1, Studio=http://two:2", "only once"),
        ("studio=http://one:1, office=http://one:1", "only once"),
        (", ".join(f"c{number}=http://one:{number}" for number in range(1, 7)), "at most 5"),
        ("studio=http://one:1, office=http://", "must be an address"),
    ],
)
def test_names_of_schedulers_that_cannot_be(monkeypatch: pytest.MonkeyPatch, url: str, words: str) -> None:
    """Each is told in one sentence that says how it should look, and does not repeat it."""
    with pytest.raises(ConfigError, match=words) as raised:
        loaded(monkeypatch, PARALLAX_URL=url)
    assert str(raised.value).startswith("PARALLAX_URL is wrong: must ")
    assert "two:2" not in str(raised.value)


@pytest.mark.parametrize("value", ["4000", "studio=many", "studio=10", "attic=4000"])
def test_a_context_that_cannot_be(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """Of a cluster that there is not, or too small."""
    with pytest.raises(ConfigError, match="PARALLAX_CONTEXT_TOKENS is wrong: must "):
        loaded(monkeypatch, PARALLAX_URL="studio=http://one:1, b=http://two:2", PARALLAX_CONTEXT_TOKENS=value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PARALLAX_PUBLIC_URL", "https://ada:hush-hush@cluster.example"),
        ("PARALLAX_PUBLIC_URL", "https://hush-hush@cluster.example"),
        ("PARALLAX_PUBLIC_URL", "https://cluster.example/?token=hush-hush"),
        ("PARALLAX_PUBLIC_URL", "https://cluster.example/#hush-hush"),
        ("PARALLAX_URL", "http://inside:3001/?token=hush-hush"),
        ("PARALLAX_URL", "http://ada:hush-hush"),
        ("PARALLAX_URL", "http://ada:hush-hush/@inside:3001"),
        ("PARALLAX_URL", "http://ada:hush-hush\u2100@inside:3001"),
        ("DISCORD_API_URL", "http://[hush-hush]/api/v10"),
        ("DISCORD_API_URL", "http://ada:hush-hush@inside/api/v10"),
        ("DATABASE_URL", "mysql://ada:hush-hush@inside/bot"),
    ],
)
def test_an_address_that_cannot_be_is_named_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """In one line with the remedy, and without a part of it in the exception's own chain."""
    with pytest.raises(ConfigError) as raised:
        loaded(monkeypatch, **{name: value})
    shown = "".join(traceback.format_exception(raised.value))
    assert str(raised.value).startswith(f"{name} is wrong: ")
    assert "hush-hush" not in shown.partition("bot.errors.ConfigError")[2]
    assert "\n" not in str(raised.value)


def test_migrating_needs_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the database's URL."""
    assert DatabaseSettings().database_url == Settings.model_fields["database_url"].default
    monkeypatch.setenv("DATABASE_URL", "sqlite+aiosqlite:///elsewhere.db")
    assert DatabaseSettings().database_url == "sqlite+aiosqlite:///elsewhere.db"
