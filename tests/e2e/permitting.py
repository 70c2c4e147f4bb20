"""Every kind of person, and the calls of a client that offers more than it should.

Discord's own client would not offer most of these calls. A changed client could send them, so the bot must check.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from sandbox.discord_api import DiscordDouble, client_rules, interactions
from sandbox.discord_api.client_rules import OptionReader, Value
from sandbox.discord_api.component_tree import SELECTS, walk
from sandbox.discord_api.interactions import Interaction
from sandbox.discord_api.model import Channel, Message, Role
from sandbox.discord_api.people import Person
from sandbox.discord_api.snowflakes import fixed
from sandbox.discord_api.wire import JSON
from sandbox.parallax import ParallaxDouble
from tests.e2e.bot_process import Stage, staged
from tests.e2e.reading import PATIENCE

EVERYBODY = ("stranger", "ada", "host", "grace", "olga", "rosa", "other_role")
"""A stranger who owns the other server, a member, one with a role of JOIN_ROLES, the server's administrator, the
operators by user and by role, and the operators' role in a server that is not theirs."""
OPERATORS = ("olga", "rosa")
HOSTS = ("host", *OPERATORS)
MANAGERS = ("stranger", "grace", *OPERATORS)

ONLY_OPERATORS = "This is for the cluster's operators."
ONLY_HOSTS = "Only people with a certain role may add machines here. Ask an operator."
ONLY_KEY_ROLES = "Only people with a certain role may use keys for programs. Ask an operator."
NO_SUCH_KEY = "There is no such key of yours. Choose one from the list; see your keys with /key list."
ONLY_SCHEDULE_ROLES = "Only people with a certain role may have schedules. Ask an operator."
NO_SUCH_SCHEDULE = "There is no such schedule of yours. Choose one from the list; see yours with /schedule list."
NOT_SEEN = (
    "Only people with a certain role may add machines, and the bot cannot see roles here. "
    "Use /join in the server that has the role, or ask an operator."
)
ONLY_MANAGERS = "Only people who manage the server may do that."
ONLY_ITS_ASKER = "Only the person who asked, or an operator, can do that."
REFUSALS = (
    ONLY_OPERATORS,
    ONLY_HOSTS,
    ONLY_KEY_ROLES,
    NO_SUCH_KEY,
    ONLY_SCHEDULE_ROLES,
    NO_SUCH_SCHEDULE,
    ONLY_MANAGERS,
    ONLY_ITS_ASKER,
)

MODEL = "Qwen/Qwen3-4B"
OTHER_ROLE, HOST_ROLE = fixed(60), fixed(61)


@asynccontextmanager
async def open_stage(folder: Path, *, home: str = "") -> AsyncIterator[Stage]:
    """Operators by user and by role; the role of another server is named too, but that server is not.

    ``home`` names the server of DM_GUILD_ID.
    """
    # A few people do in seconds what a team does in a day: Discord would look their roles up more slowly.
    discord = DiscordDouble(latency=0.0, limits=False)
    operators, guilds = discord.operators, {guild.name: guild for guild in discord.world.guilds.values()}
    guilds["Other team"].roles[OTHER_ROLE] = Role(OTHER_ROLE, "cluster-operators", position=2)
    guilds["Team"].roles[HOST_ROLE] = Role(HOST_ROLE, "hosts", position=2)
    async with staged(
        folder,
        discord=discord,
        parallax=ParallaxDouble(tokens_per_second=200, lag=False),
        ADMIN_USER_IDS=",".join(map(str, operators.user_ids)),
        ADMIN_ROLE_IDS=",".join(map(str, (*operators.role_ids, OTHER_ROLE))),
        ADMIN_GUILD_IDS=",".join(map(str, operators.guild_ids)),
        JOIN_ROLES=str(HOST_ROLE),
        KEY_ROLES=str(HOST_ROLE),
        SCHEDULE_ROLES=str(HOST_ROLE),
        API_BIND="127.0.0.1:0",
        DM_GUILD_ID=str(guilds[home].id) if home else "",
    ) as running:
        for name, team, role in (("other_role", "Other team", OTHER_ROLE), ("host", "Team", HOST_ROLE)):
            visitor = discord.new_person(name, team)
            guilds[team].members[visitor.id].roles.append(role)
        yield running


def others(*names: str) -> tuple[str, ...]:
    """Everybody but these."""
    return tuple(name for name in EVERYBODY if name not in names)


def place_of(stage: Stage, name: str, room: Channel) -> Channel:
    """Where this person acts: some are in another server."""
    return stage.discord.channel("lobby") if room.guild_id and name in {"stranger", "other_role"} else room


@contextmanager
def demoted(stage: Stage, person: Person, room: Channel) -> Iterator[None]:
    """Without any role meanwhile."""
    member = stage.discord.world.guilds[room.guild_id or 0].members[person.id]
    roles, member.roles = member.roles, []
    try:
        yield
    finally:
        member.roles = roles


@contextmanager
def unheard(stage: Stage) -> Iterator[None]:
    """Nothing is sent to the scheduler meanwhile, except the requests for its status."""
    before = len(stage.parallax.calls)
    yield
    heard = [(call.method, call.path) for call in stage.parallax.calls[before:] if call.path != "/cluster/status"]
    assert heard == []


def controls(message: Message) -> list[JSON]:
    """The buttons and selects that call the bot, disabled ones included: a changed client can press these too."""
    return [part for part in walk(message.components) if part["type"] in (2, *SELECTS) and part.get("custom_id")]


def control(message: Message, label: str) -> JSON:
    """The button with this label."""
    return next(part for part in controls(message) if part.get("label") == label)


async def sent(stage: Stage, name: str, room: Channel, command: str, values: Mapping[str, Value]) -> Interaction:
    """A slash command that reaches the bot whatever the client thinks of it."""
    where = place_of(stage, name, room)
    data = OptionReader(stage.discord.world, room).data(leaf_of(stage, command), values)
    return await _answered(stage, interactions.COMMAND, name, where, data, command)


async def completed(stage: Stage, name: str, room: Channel, command: str, option: str) -> list[JSON]:
    """The suggestions for an option in which nothing was typed yet."""
    where = place_of(stage, name, room)
    data = OptionReader(stage.discord.world, room).data(leaf_of(stage, command), {option: ""}, option)
    return (await _answered(stage, interactions.AUTOCOMPLETE, name, where, data, command)).choices


async def chosen_in_menu(stage: Stage, name: str, target: Message, entry: str) -> Interaction:
    """An entry of a message's menu."""
    where = stage.discord.world.channels[target.channel_id]
    olga = stage.discord.person("olga").user
    command = client_rules.find(stage.discord.world, olga, stage.discord.channel("general"), entry, (3,)).command
    data = OptionReader(stage.discord.world, where).menu_data(command, target)
    return await _answered(stage, interactions.COMMAND, name, where, data, entry)


async def pressed(stage: Stage, name: str, room: Channel, message: Message, control: JSON) -> Interaction:
    """A press that reaches the bot, on a message this person may not even see."""
    data: JSON = {"custom_id": control["custom_id"], "component_type": control["type"], "id": 1}
    if control["type"] in SELECTS:
        data["values"] = [control["options"][0]["value"]]
    where = place_of(stage, name, room)
    return await _answered(
        stage, interactions.COMPONENT, name, where, data, str(control["custom_id"]), source=message
    )


def leaf_of(stage: Stage, command: str) -> client_rules.Leaf:
    """A command with its options, as an operator at home is offered it."""
    discord = stage.discord
    return client_rules.find(discord.world, discord.person("olga").user, discord.channel("general"), command)


def refusal(stage: Stage, name: str, interaction: Interaction) -> str:
    """What somebody was told who was refused: privately, in one sentence, with nothing to press."""
    assert interaction.modal is None
    told = interaction.original
    assert told is not None
    assert told is not interaction.source
    assert told.ephemeral_for == stage.discord.person(name).id
    assert told.buttons == {}
    return told.text


async def _answered(
    stage: Stage,
    kind: int,
    name: str,
    where: Channel,
    data: JSON,
    called: str,
    source: Message | None = None,
) -> Interaction:
    who = stage.discord.person(name).user
    interaction = stage.discord.interactions.start(kind, who, where, data, called, source=source)
    await stage.discord.wait_until(lambda: interaction.state != "pending", PATIENCE)
    assert interaction.state == "acked"
    return interaction
