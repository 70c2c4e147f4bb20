import assert from "node:assert/strict";
import test from "node:test";

import { chartBars, seconds } from "../core/trace.js";
import { clusterSummary, freeName, nodeSummary, splitTokens } from "../core/cluster.js";
import { Store } from "../core/store.js";
import { userMenuCommands } from "../core/commands.js";

const node = { name: "rack", state: "available", alive: true, front_alive: true, running: 1, counted: 1, others: 0 };

test("a new node gets a name that is free", () => {
  assert.equal(freeName([]), "spare-1");
  assert.equal(freeName(["spare-1", "spare-2", "rack"]), "spare-3");
});

test("a scripted answer is cut between characters, never inside one", () => {
  assert.deepEqual(splitTokens("ab👩cdef"), ["ab👩c", "def"]);
  assert.deepEqual(splitTokens(""), []);
});

test("the cluster is summed up by what matters most", () => {
  const state = { nodes: [node, { ...node, alive: false }], slots: 4, active: 1, status: { status: "available" } };
  assert.deepEqual(clusterSummary(state), { status: "available", tone: "good", running: "1 / 4" });
  assert.equal(clusterSummary({ ...state, frozen: true }).status, "frozen");
  assert.equal(clusterSummary({ ...state, frozen: true, hung: true }).status, "hung");
});

test("a node says what the scheduler knows and what is true", () => {
  assert.equal(nodeSummary(node).text, "ready · 1 running");
  assert.equal(nodeSummary({ ...node, counted: 3 }).text, "ready · 1 running, 3 in the books");
  assert.equal(nodeSummary({ ...node, front_alive: false }).tone, "bad");
  assert.match(nodeSummary({ ...node, alive: false }).text, /does not know/);
  assert.equal(nodeSummary({ ...node, state: "joining" }).tone, "busy");
});

test("the chart's highest bar is the longest gap, and late ones are marked", () => {
  const bars = chartBars([1, 4, 2], 300, 40);
  assert.deepEqual(bars.map((bar) => bar.height), [10, 40, 20]);
  assert.deepEqual(bars.map((bar) => bar.late), [false, true, true]);
  assert.equal(chartBars([0.1], 300, 40)[0].height, 4, "a short gap is not blown up");
  assert.ok(chartBars(Array(400).fill(1), 284, 36).every((bar) => bar.x + bar.width <= 285));
  assert.equal(seconds(0.84), "0.8 s");
  assert.equal(seconds(12.4), "12 s");
});

test("the commands of a person's menu", () => {
  const place = { guildId: "1", manager: false };
  const commands = [{ name: "b", type: 2 }, { name: "a", type: 2 }, { name: "c", type: 3 }];
  assert.deepEqual(userMenuCommands(commands, place).map((command) => command.name), ["a", "b"]);
});

test("who joins, leaves or changes is known at once", () => {
  const store = new Store();
  const ada = { id: "1", username: "ada" };
  const team = { id: "7", roles: [], channels: [{ id: "5", type: 0 }], members: [] };
  store.apply("snapshot", { me: ada, people: [ada], bot: { id: "9", username: "bot" }, guilds: [team] }, 0);
  const changes = [];
  store.subscribe((change) => changes.push(change.kind));
  const zoe = { id: "2", username: "zoe" };
  store.apply("people", { people: [ada, zoe], guild_id: "7", members: [{ user: zoe, roles: [] }] }, 0);
  assert.deepEqual(changes, ["people"]);
  assert.equal(store.displayName("2"), "zoe");
  assert.equal(store.guilds[0].members.length, 1);
});
