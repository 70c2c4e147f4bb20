import assert from "node:assert/strict";
import { test } from "node:test";

import { layoutRows } from "../core/grouping.js";
import { Store } from "../core/store.js";

const ada = { id: "1", username: "ada", global_name: "Ada", avatar_color: "#884422", kind: "member" };
const bot = { id: "9", username: "parallax", online: true };

/** A snowflake of the given second, with a running number. */
const at = (seconds, number = 0) => String(((BigInt(seconds) * 1000n) << 22n) + BigInt(number));
const message = (id, author, extra = {}) => ({ id, channel_id: "100", author, content: "x", flags: 0, type: 0, ...extra });

function world(messages = []) {
  const store = new Store();
  const guild = {
    id: "50",
    name: "Team",
    roles: [{ id: "70", name: "ops", color: 0x3366cc, position: 2 }],
    channels: [{ id: "100", name: "general", type: 0, guild_id: "50" }],
    members: [{ user: ada, nick: "Countess", roles: ["70"] }],
  };
  store.apply("snapshot", { me: ada, people: [ada], bot, guilds: [guild], dms: [], messages: { 100: messages } }, 0);
  store.select("100");
  return store;
}

test("store: a snapshot gives names, colours and messages in order", () => {
  const store = world([message(at(20), bot), message(at(10), ada)]);
  assert.deepEqual(store.rows().map((row) => row.id), [at(10), at(20)]);
  assert.equal(store.displayName("1"), "Countess");
  assert.equal(store.nameColor("1"), 0x3366cc);
});

test("store: a message is created, changed and deleted", () => {
  const store = world();
  const changes = [];
  store.subscribe((change) => changes.push(change));
  store.apply("message_create", message(at(10), ada), 0);
  store.apply("message_update", message(at(10), ada, { content: "y" }), 0);
  assert.equal(store.message("100", at(10)).content, "y");
  store.apply("message_delete", { id: at(10), channel_id: "100" }, 0);
  assert.equal(store.rows().length, 0);
  assert.deepEqual(changes.map((change) => change.kind), ["message", "message", "message"]);
});

test("store: a message elsewhere marks its channel, a mention counts", () => {
  const store = world();
  store.apply("message_create", message(at(10), bot, { channel_id: "101" }), 0);
  assert.equal(store.unread.get("101"), 0);
  store.apply("message_create", message(at(11), bot, { channel_id: "101", mentions: [ada] }), 0);
  assert.equal(store.unread.get("101"), 1);
  store.select("101");
  assert.equal(store.unread.has("101"), false);
});

test("store: a command that fails becomes a notice that can be dismissed", () => {
  const store = world();
  store.apply("interaction", { id: at(30), state: "pending", channel_id: "100" }, 0);
  store.begin(at(30), { kind: "slash", channel_id: "100", label: "/ask" });
  assert.equal(store.rows()[0].interaction.state, "pending");
  store.apply("interaction", { id: at(30), state: "failed", channel_id: "100" }, 0);
  assert.equal(store.rows()[0].interaction.state, "failed");
  store.dismiss("100", at(30));
  assert.equal(store.rows().length, 0);
});

test("store: an acknowledged command leaves no notice", () => {
  const store = world();
  store.begin(at(30), { kind: "slash", channel_id: "100" });
  store.apply("interaction", { id: at(30), state: "acked", channel_id: "100" }, 0);
  assert.equal(store.rows().length, 0);
});

test("store: the newest press of a message is known with its state", () => {
  const store = world([message(at(10), bot)]);
  store.begin(at(30), { kind: "press", channel_id: "100", message_id: at(10), custom_id: "stop:1" });
  assert.equal(store.press(at(10)).state, "pending");
  store.apply("interaction", { id: at(30), state: "failed", channel_id: "100" }, 0);
  assert.equal(store.press(at(10)).state, "failed");
});

test("store: typing ends after ten seconds or with the message", () => {
  const store = world();
  store.apply("typing", { channel_id: "100", user_id: "9" }, 1000);
  assert.deepEqual(store.typingNow(2000), ["9"]);
  assert.deepEqual(store.typingNow(11_001), []);
  store.apply("message_create", message(at(12), bot), 2000);
  assert.deepEqual(store.typingNow(2000), []);
});

test("store: threads and direct messages appear and go", () => {
  const store = world();
  store.apply("channel_create", { id: "102", guild_id: "50", type: 11, parent_id: "100", name: "thread" }, 0);
  store.apply("channel_create", { id: "200", type: 1 }, 0);
  assert.equal(store.guildOf("102").name, "Team");
  assert.equal(store.guildOf("200"), null);
  store.apply("channel_delete", { id: "102" }, 0);
  assert.equal(store.channel("102"), null);
});

test("store: an unknown event changes nothing", () => {
  const store = world();
  store.subscribe(() => assert.fail("nothing is announced"));
  store.apply("weather", {}, 0);
});

test("grouping: one author within minutes; replies, commands and private messages stand alone", () => {
  const rows = world([
    message(at(0), ada),
    message(at(10), ada),
    message(at(20), bot),
    message(at(30), bot, { flags: 64 }),
    message(at(40), bot, { flags: 64 }),
    message(at(50), bot, { flags: 64, type: 20, interaction_metadata: { type: 2, user: ada } }),
    message(at(1000), bot, { flags: 64 }),
  ]).rows();
  assert.deepEqual(layoutRows(rows).map((row) => row.grouped), [false, true, false, false, true, false, false]);
});
