import assert from "node:assert/strict";
import { test } from "node:test";

import { filterEntries, matchTyped, messageMenuCommands, orderedOptions, parseValue, shownPath, slashEntries } from "../core/commands.js";
import { encodeMentions, filterTargets, mentionAtCaret } from "../core/mentions.js";

const ASK = {
  id: "1",
  name: "ask",
  description: "Ask the cluster",
  options: [
    { type: 5, name: "private", description: "Only you see it" },
    { type: 3, name: "prompt", description: "Your question", required: true },
  ],
};
const CLUSTER = {
  id: "2",
  name: "cluster",
  description: "Run the cluster",
  default_member_permissions: "0",
  guild_id: "50",
  options: [
    { type: 1, name: "init", description: "Switch the model", options: [] },
    { type: 2, name: "queue", description: "", options: [{ type: 1, name: "clear", description: "Empty the line" }] },
  ],
};
const MENU = { id: "3", type: 3, name: "Ask about this", description: "" };
const ALL = [CLUSTER, ASK, MENU];
const here = { guildId: "50", manager: true };

test("commands: sub-commands are entries of their own, in the order of their names", () => {
  assert.deepEqual(slashEntries(ALL, here).map((entry) => entry.path), ["ask", "cluster init", "cluster queue clear"]);
});

test("commands: other guilds and people without the permission are not offered a command", () => {
  assert.deepEqual(slashEntries(ALL, { guildId: "51", manager: true }).map((entry) => entry.path), ["ask"]);
  assert.deepEqual(slashEntries(ALL, { guildId: "50", manager: false }).map((entry) => entry.path), ["ask"]);
});

test("commands: contexts decide about direct messages", () => {
  const guildOnly = { ...ASK, contexts: [0] };
  assert.deepEqual(slashEntries([guildOnly], { guildId: null, manager: false }), []);
  assert.equal(slashEntries([{ ...ASK, contexts: [0, 1] }], { guildId: null, manager: false }).length, 1);
});

test("commands: the picker ranks beginnings before contained text and descriptions", () => {
  const entries = slashEntries([...ALL, { id: "4", name: "task", description: "x" }], here);
  assert.deepEqual(filterEntries(entries, "ask").map((entry) => entry.path), ["ask", "task"]);
  assert.deepEqual(filterEntries(entries, "model").map((entry) => entry.path), ["cluster init"]);
});

test("commands: a command typed in full is recognised with the rest of the line", () => {
  const entries = slashEntries(ALL, here);
  assert.deepEqual(matchTyped(entries, "/ask what is up"), { entry: entries[0], rest: "what is up" });
  assert.equal(matchTyped(entries, "/cluster init ").entry.path, "cluster init");
  assert.equal(matchTyped(entries, "/asking "), null);
  assert.equal(matchTyped(entries, "ask "), null);
});

test("commands: required options come first", () => {
  assert.deepEqual(orderedOptions(slashEntries(ALL, here)[0]).map((option) => option.name), ["prompt", "private"]);
});

test("commands: message commands are offered in the message's menu", () => {
  assert.deepEqual(messageMenuCommands(ALL, here), [{ name: "Ask about this", shown: "Ask about this" }]);
});

const GERMAN = [
  { ...MENU, name_localizations: { de: "Dazu fragen" } },
  {
    ...CLUSTER,
    options: [{ type: 1, name: "init", name_localizations: { de: "einrichten" }, description: "Switch the model" }],
  },
  {
    ...ASK,
    name_localizations: { de: "frage", "es-ES": "preguntar" },
    description_localizations: { de: "Frag den Cluster" },
    options: [
      { type: 3, name: "prompt", name_localizations: { de: "text" }, description: "Your question", description_localizations: { de: "Deine Frage" }, choices: [{ name: "Fast", name_localizations: { de: "Schnell" }, value: "fast" }] },
    ],
  },
];

test("commands: a person reads names and descriptions in their language, the bot is sent the default ones", () => {
  const [init, ask] = slashEntries(GERMAN, { ...here, locale: "de" });
  assert.deepEqual([ask.path, ask.shown, ask.description], ["ask", "frage", "Frag den Cluster"]);
  assert.deepEqual([init.path, init.shown], ["cluster init", "cluster einrichten"]);
  const [prompt] = ask.options;
  assert.deepEqual([prompt.name, prompt.shown, prompt.description], ["prompt", "text", "Deine Frage"]);
  assert.deepEqual(parseValue(prompt, "Schnell"), { value: "fast" });
  assert.deepEqual(messageMenuCommands(GERMAN, { ...here, locale: "de" }), [{ name: "Ask about this", shown: "Dazu fragen" }]);
});

test("commands: both names find a command", () => {
  const entries = slashEntries(GERMAN, { ...here, locale: "de" });
  assert.deepEqual(filterEntries(entries, "fra").map((entry) => entry.path), ["ask"]);
  assert.deepEqual(filterEntries(entries, "ask").map((entry) => entry.path), ["ask"]);
  assert.equal(matchTyped(entries, "/frage Warum?").rest, "Warum?");
  assert.equal(matchTyped(entries, "/ask Warum?").rest, "Warum?");
  assert.equal(matchTyped(entries, "/cluster einrichten x").entry.path, "cluster init");
});

test("commands: a locale without a name has Discord's fallback, else the default", () => {
  const shown = (locale) => slashEntries(GERMAN, { ...here, locale }).find((entry) => entry.path === "ask").shown;
  assert.deepEqual(["es-419", "es-ES", "fr", "en-US"].map(shown), ["preguntar", "preguntar", "ask", "ask"]);
});

test("commands: what was used is called as the reader calls it", () => {
  assert.equal(shownPath(GERMAN, "cluster init", false, "de"), "cluster einrichten");
  assert.equal(shownPath(GERMAN, "Ask about this", true, "de"), "Dazu fragen");
  assert.equal(shownPath(GERMAN, "gone away", false, "de"), "gone away");
  assert.equal(shownPath(GERMAN, "ask", false, "en-US"), "ask");
});

test("commands: values are parsed by type and limits", () => {
  assert.deepEqual(parseValue({ type: 3 }, " a "), { value: "a" });
  assert.deepEqual(parseValue({ type: 3 }, " "), {});
  assert.match(parseValue({ type: 3, min_length: 3 }, "a").error, /At least 3/);
  assert.deepEqual(parseValue({ type: 4 }, "12"), { value: 12 });
  assert.match(parseValue({ type: 4 }, "1.5").error, /whole/);
  assert.match(parseValue({ type: 10, max_value: 1 }, "1.5").error, /At most 1/);
  assert.deepEqual(parseValue({ type: 5 }, "True"), { value: true });
  const choice = { type: 3, choices: [{ name: "One", value: "1" }] };
  assert.deepEqual(parseValue(choice, "One"), { value: "1" });
  assert.match(parseValue(choice, "Two").error, /Choose/);
});

const people = {
  at: [
    { names: ["Ada", "ada"], code: "<@1>" },
    { names: ["Ada Lovelace"], code: "<@2>" },
    { names: ["everyone"], code: "@everyone" },
  ],
  hash: [{ names: ["general"], code: "<#100>" }],
};

test("mentions: names become codes, the longest first, never inside code or words", () => {
  assert.equal(encodeMentions("@ada and @Ada Lovelace in #general", people), "<@1> and <@2> in <#100>");
  assert.equal(encodeMentions("mail@ada `@ada` @adam @everyone", people), "mail@ada `@ada` @adam @everyone");
});

test("mentions: what is typed at the caret", () => {
  assert.deepEqual(mentionAtCaret("hi @ad", 6), { sign: "@", typed: "ad", start: 3 });
  assert.equal(mentionAtCaret("a@b", 3), null);
  assert.deepEqual(filterTargets(people.at, "love").map((target) => target.code), ["<@2>"]);
});
