"""What bots that administer do: channels, roles, members, bans, invites, webhooks, emojis, events, polls.

Sources: docs.discord.com, developers/resources/{channel,guild,invite,webhook,emoji,guild-scheduled-event,poll},
developers/topics/permissions.
"""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.discord_api import DiscordDouble, polls
from sandbox.discord_api.message_rules import Form
from sandbox.discord_api.model import Guild
from sandbox.discord_api.permissions import ALL, Permission
from sandbox.discord_api.rest import Incoming
from sandbox.discord_api.routes import ROUTER
from tests.contract.discord_double.schemas import contradictions


class Admin:
    """A client without manners, below the network: it asks and looks at status and body."""

    def __init__(self, double: DiscordDouble) -> None:
        self.double = double
        self.events: list[str] = []
        double.world.listen(lambda event: self.events.append(event.name))
        self.guild: Guild = next(g for g in double.world.guilds.values() if g.name == "Team")
        self.role = next(role for role in self.guild.roles.values() if role.bot_id)
        self.role.permissions = ALL

    def __call__(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """The body of a success, or the code of a refusal."""
        sent = body if isinstance(body, list) else Form(body or {})
        path = path.replace("GUILD", f"/guilds/{self.guild.id}").replace("GENERAL", f"/channels/{self.general}")
        token = f"Bot {self.double.token}"
        answer = self.double.rest.answer(Incoming(method, path, sent, query, token, reason="because"))
        if answer.status < 400 and answer.body is not None:
            route, _ = ROUTER.match(method, path)
            assert contradictions(method, route.template, answer.body) == [], path
        return answer.body["code"] if isinstance(answer.body, dict) and answer.status >= 400 else answer.body

    @property
    def general(self) -> int:
        """#general."""
        return self.double.channel("general").id


@pytest.fixture
async def double() -> DiscordDouble:
    """A double that is not served."""
    return DiscordDouble(limits=False)


@pytest.fixture
async def ask(double: DiscordDouble) -> Admin:
    """The bot as an administrator of Team."""
    return Admin(double)


def test_channels_are_made_changed_and_excepted(ask: Admin) -> None:
    """Every field that PATCH takes is applied; an exception that is not there is unknown (10009)."""
    made = ask("POST", "GUILD/channels", {"name": "Quiet Room", "topic": "sh", "rate_limit_per_user": 5})
    assert (made["name"], made["type"], made["rate_limit_per_user"]) == ("quiet-room", 0, 5)
    path = f"/channels/{made['id']}"
    change = {
        "name": "loud",
        "topic": "!",
        "nsfw": True,
        "position": 7,
        "rate_limit_per_user": 0,
        "parent_id": None,
    }
    changed = ask("PATCH", path, change)
    assert {key: changed[key] for key in change} == change
    everyone = str(ask.guild.id)
    ask("PUT", f"{path}/permissions/{everyone}", {"type": 0, "deny": str(int(Permission.SEND_MESSAGES))})
    assert ask("GET", path)["permission_overwrites"] == [{"id": everyone, "type": 0, "allow": "0", "deny": "2048"}]
    ada = ask.double.person("ada").user
    assert not ask.double.world.permissions(ada.id, ask.double.channel("loud")) & Permission.SEND_MESSAGES
    assert ask("DELETE", f"{path}/permissions/{everyone}") is None
    assert ask("DELETE", f"{path}/permissions/{everyone}") == 10009
    ask("DELETE", path)
    assert ask.events.count("CHANNEL_CREATE") == ask.events.count("CHANNEL_DELETE") == 1


def test_roles_are_made_moved_and_given_below_ones_own(ask: Admin) -> None:
    """Nobody changes what stands above them (50013); a role that is not there is unknown (10011)."""
    role = ask("POST", "GUILD/roles", {"name": "quiet", "color": 0xFF0000, "hoist": True})
    ada = ask.double.person("ada").user.id
    ask("PUT", f"GUILD/members/{ada}/roles/{role['id']}")
    assert ask("GET", f"GUILD/members/{ada}")["roles"] == [role["id"]]
    assert ask("GET", "GUILD/roles/member-counts")[role["id"]] == 1
    assert ask("PATCH", "GUILD/roles", [{"id": role["id"], "position": ask.role.position}]) == 50013
    assert ask("PATCH", f"GUILD/roles/{ask.role.id}", {"name": "x"}) == 50013
    assert ask("PATCH", f"GUILD/roles/{role['id']}", {"color": 0x1000000}) == 50035
    ask("DELETE", f"GUILD/roles/{role['id']}")
    assert ask("GET", f"GUILD/roles/{role['id']}") == 10011
    assert ask("GET", f"GUILD/members/{ada}")["roles"] == []
    assert {"GUILD_ROLE_CREATE", "GUILD_ROLE_DELETE", "GUILD_MEMBER_UPDATE"} <= set(ask.events)


def test_members_are_timed_out_kicked_and_banned(ask: Admin) -> None:
    """Who is timed out only reads; the owner stands above the bot (50013); an unknown ban (10026)."""
    world, ada = ask.double.world, ask.double.person("ada").user
    until = "2099-01-01T00:00:00Z"
    assert ask("PATCH", f"GUILD/members/{ada.id}", {"communication_disabled_until": until}) == 50035
    world.guilds[ask.guild.id].members[ada.id].timeout_until = world.clock.now() + 60
    assert not world.permissions(ada.id, ask.double.channel("general")) & Permission.SEND_MESSAGES
    ask("PATCH", f"GUILD/members/{ada.id}", {"communication_disabled_until": None, "nick": "A"})
    assert world.permissions(ada.id, ask.double.channel("general")) & Permission.SEND_MESSAGES
    assert [m["nick"] for m in ask("GET", "GUILD/members/search", query="a", limit="5")] == ["A"]
    assert ask("PUT", f"GUILD/bans/{ask.guild.owner_id}") == 50013
    ask("PUT", f"GUILD/bans/{ada.id}", {"delete_message_seconds": 60})
    assert ask("GET", f"GUILD/bans/{ada.id}")["reason"] == "because"
    assert ask("GET", f"GUILD/members/{ada.id}") == 10007
    ask("DELETE", f"GUILD/bans/{ada.id}")
    assert ask("DELETE", f"GUILD/bans/{ada.id}") == 10026
    ask("DELETE", f"GUILD/members/{ask.double.person('ben').user.id}")
    assert {"GUILD_BAN_ADD", "GUILD_BAN_REMOVE", "GUILD_MEMBER_REMOVE"} <= set(ask.events)
    log = ask("GET", "GUILD/audit-logs")["audit_log_entries"]
    assert [entry["action_type"] for entry in log] == [20, 23, 22, 24]
    assert log[0]["reason"] == "because"


def test_each_act_needs_its_permission(ask: Admin) -> None:
    """Without it 50013, in a guild and in a channel."""
    ask.role.permissions = ask.guild.roles[ask.guild.id].permissions
    ada = ask.double.person("ada").user.id
    for method, path, body in (
        ("POST", "GUILD/channels", {"name": "x"}),
        ("POST", "GUILD/roles", {}),
        ("DELETE", f"GUILD/members/{ada}", {}),
        ("PUT", f"GUILD/bans/{ada}", {}),
        ("PATCH", f"GUILD/members/{ada}", {"nick": "x"}),
        ("PATCH", "GUILD", {"name": "xx"}),
        ("GET", "GUILD/audit-logs", {}),
        ("POST", "GENERAL/webhooks", {"name": "x"}),
        ("POST", "GENERAL/messages/bulk-delete", {"messages": ["1", "2"]}),
    ):
        assert ask(method, path, body) == 50013, path


def test_messages_are_pinned_and_deleted_in_bulk(ask: Admin) -> None:
    """2 to 100 at a time (50016), none older than two weeks (50034)."""
    ids = [ask("POST", "GENERAL/messages", {"content": str(n)})["id"] for n in range(3)]
    ask("PUT", f"GENERAL/messages/pins/{ids[0]}")
    assert [item["message"]["id"] for item in ask("GET", "GENERAL/messages/pins")["items"]] == [ids[0]]
    assert ask("POST", "GENERAL/messages/bulk-delete", {"messages": ids[:1]}) == 50016
    assert ask("POST", "GENERAL/messages/bulk-delete", {"messages": ids[:2]}) is None
    assert [m["id"] for m in ask("GET", "GENERAL/messages")] == [ids[2]]
    late = ask("POST", "GENERAL/messages", {"content": "x"})["id"]
    ask.double.clock.advance(15 * 86_400)
    assert ask("POST", "GENERAL/messages/bulk-delete", {"messages": [ids[2], late]}) == 50034
    assert {"CHANNEL_PINS_UPDATE", "MESSAGE_DELETE_BULK"} <= set(ask.events)


def test_reactions_are_listed_and_cleared(ask: Admin) -> None:
    """Text that is no emoji is unknown (10014)."""
    message = ask("POST", "GENERAL/messages", {"content": "x"})["id"]
    path = f"GENERAL/messages/{message}/reactions"
    assert ask("PUT", f"{path}/hello/@me") == 10014
    ask("PUT", f"{path}/%F0%9F%91%8D/@me")
    assert [user["username"] for user in ask("GET", f"{path}/%F0%9F%91%8D")] == ["parallax"]
    ask("DELETE", path)
    assert ask("GET", f"{path}/%F0%9F%91%8D") == []
    assert "MESSAGE_REACTION_REMOVE_ALL" in ask.events


def test_polls_count_votes_and_close(ask: Admin) -> None:
    """One answer each unless it takes several; a message that is a poll needs no text."""
    answers = [{"poll_media": {"text": text}} for text in ("yes", "no")]
    body = {"poll": {"question": {"text": "Well?"}, "answers": answers, "duration": 1}}
    message = ask("POST", "GENERAL/messages", body)
    found, ada = ask.double.world.messages[int(message["id"])], ask.double.person("ada").user
    polls.vote(ask.double.world, ada, found, 1)
    polls.vote(ask.double.world, ada, found, 2)
    path = f"GENERAL/polls/{message['id']}"
    assert ask("GET", f"{path}/answers/1") == {"users": []}
    assert [user["id"] for user in ask("GET", f"{path}/answers/2")["users"]] == [str(ada.id)]
    assert ask("POST", f"{path}/expire")["poll"]["results"]["is_finalized"] is True
    assert ask.events.count("MESSAGE_POLL_VOTE_ADD") == 2


def test_invites_are_made_and_withdrawn(ask: Admin) -> None:
    """An unknown code (10006)."""
    invite = ask("POST", "GENERAL/invites", {"max_age": 60})
    assert ask("GET", f"/invites/{invite['code']}", with_counts="true")["approximate_member_count"] == 7
    assert [i["code"] for i in ask("GET", "GUILD/invites")] == [invite["code"]]
    ask("DELETE", f"/invites/{invite['code']}")
    assert ask("GET", f"/invites/{invite['code']}") == 10006


def test_webhooks_of_ones_own_post_edit_and_delete(ask: Admin) -> None:
    """A wrong token (50027), a webhook that is gone (10015), at most 15 in a channel (30007)."""
    hook = ask("POST", "GENERAL/webhooks", {"name": "Herald"})
    path = f"/webhooks/{hook['id']}/{hook['token']}"
    message = ask("POST", path, {"content": "news", "username": "Crier"}, wait="true")
    assert (message["author"]["username"], message["webhook_id"]) == ("Crier", hook["id"])
    assert ask("PATCH", f"{path}/messages/{message['id']}", {"content": "newer"})["content"] == "newer"
    ask("DELETE", f"{path}/messages/{message['id']}")
    assert ask("GET", f"{path}/messages/{message['id']}") == 10008
    assert ask("GET", f"/webhooks/{hook['id']}/wrong") == 50027
    ask("DELETE", path)
    assert ask("GET", f"/webhooks/{hook['id']}") == 10015
    codes = [ask("POST", "GENERAL/webhooks", {"name": "x"}) for _ in range(16)]
    assert codes[-1] == 30007


def test_emojis_of_guild_and_application(ask: Admin) -> None:
    """Made of an image, named by letters (50035), unknown once deleted (10014)."""
    image = "data:image/png;base64,iVBORw0KGgo="
    for base in ("GUILD/emojis", f"/applications/{ask.double.application_id}/emojis"):
        assert ask("POST", base, {"name": "a b", "image": image}) == 50035
        emoji = ask("POST", base, {"name": "blob", "image": image})
        assert ask("PATCH", f"{base}/{emoji['id']}", {"name": "blub"})["name"] == "blub"
        ask("DELETE", f"{base}/{emoji['id']}")
        assert ask("GET", f"{base}/{emoji['id']}") == 10014


def test_events_are_scheduled_started_and_ended(ask: Admin) -> None:
    """An event anywhere has a place and an end (50035); one that is gone is unknown (10070)."""
    body = {"name": "Party", "entity_type": 3, "privacy_level": 2, "scheduled_start_time": "2099-01-01T00:00:00Z"}
    assert ask("POST", "GUILD/scheduled-events", body) == 50035
    body |= {"entity_metadata": {"location": "here"}, "scheduled_end_time": "2099-01-02T00:00:00Z"}
    event = ask("POST", "GUILD/scheduled-events", body)
    path = f"GUILD/scheduled-events/{event['id']}"
    assert ask("PATCH", path, {"status": 3}) == 50035
    assert [ask("PATCH", path, {"status": status})["status"] for status in (2, 3)] == [2, 3]
    ask("DELETE", path)
    assert ask("GET", path) == 10070


def test_what_bots_may_not_and_what_is_not_there(ask: Admin) -> None:
    """A bot sets no permissions of commands (20001); unknown ones (10066); nobody speaks (10065)."""
    base = f"/applications/{ask.double.application_id}"
    command = ask("POST", f"{base}/commands", {"name": "hello", "description": "x"})
    path = f"{base}GUILD/commands/{command['id']}/permissions"
    assert ask("PUT", path, {"permissions": []}) == 20001
    assert ask("GET", path) == 10066
    assert ask("GET", "GUILD/voice-states/@me") == 10065


def test_archived_and_active_threads_are_listed(ask: Admin) -> None:
    """Open ones of the whole guild; archived ones of a channel, by kind."""
    open_one, old = (ask("POST", "GENERAL/threads", {"name": name, "type": 11}) for name in ("open", "old"))
    ask("PATCH", f"/channels/{old['id']}", {"archived": True})
    assert [t["id"] for t in ask("GET", "GUILD/threads/active")["threads"]] == [open_one["id"]]
    archived = ask("GET", "GENERAL/threads/archived/public")
    assert [t["id"] for t in archived["threads"]] == [old["id"]]
    assert archived["has_more"] is False


def test_a_message_is_forwarded(ask: Admin) -> None:
    """The new message has a snapshot of the other, and no words of its own."""
    message = ask("POST", "GENERAL/messages", {"content": "news"})["id"]
    reference = {"type": 1, "message_id": message, "channel_id": str(ask.general)}
    sent = ask("POST", f"/channels/{ask.double.channel('random').id}/messages", {"message_reference": reference})
    assert sent["content"] == ""
    assert sent["message_snapshots"][0]["message"]["content"] == "news"
