/** Lines above the messages: the connection, an absent bot, and the hint for a first visit. */

import { h, icon } from "../core/dom.js";
import { reconcile } from "../core/reconcile.js";
import { slashEntries } from "../core/commands.js";

/** @param {HTMLElement} host @param {object} ctx the page */
export function drawNotices(host, ctx) {
  reconcile(host, [...connection(ctx), ...firstRun(ctx)]);
}

function connection({ store }) {
  if (!store.connected) return [line("lost", "is-warning", "Connecting to the sandbox…")];
  if (!store.bot.online) return [line("offline", "is-warning", `${store.displayName(store.bot.id)} is offline. It appears here as soon as it connects.`)];
  return [];
}

function line(key, className, text) {
  return { key: `${key} ${text}`, build: () => h("p.notice", { class: className, role: "status" }, text) };
}

/** Until the bot has said something in this channel: the one thing to try, a press away. */
function firstRun(ctx) {
  const { store } = ctx;
  if (!store.connected || !store.bot.online) return [];
  const ask = slashEntries(store.commands, store.place()).find((entry) => entry.path === "ask");
  const anything = store.rows().length > 0;
  if (!ask || anything) return [];
  const build = () =>
    h("div.first-run", {}, icon("slash"),
      h("p", {}, "Type ", h("button.mention", { type: "button", onclick: () => ctx.openCommand("ask") }, `/${ask.shown}`), " and a question, and watch the answer grow."));
  return [{ key: `first-run ${ask.shown}`, build }];
}
