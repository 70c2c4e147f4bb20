/** Reactions under a message, and choosing one. */

import { h } from "../core/dom.js";
import { movedIndex, openPopover } from "./popover.js";

const OFFERED = ["👍", "👎", "❤️", "😄", "🎉", "👀", "🤔", "🚀"];

/** @returns {import("../core/reconcile.js").Part} */
export function reactionsPart(message, ctx) {
  const { reactions } = message;
  const build = () => h("div.reactions", {}, reactions.map((each) => reaction(each, message, ctx)));
  return { key: `reactions ${JSON.stringify(reactions)}`, build };
}

function reaction({ emoji, count, me }, message, ctx) {
  const written = emoji.id ? `${emoji.name}:${emoji.id}` : emoji.name;
  const shown = emoji.id ? `:${emoji.name}:` : emoji.name;
  const properties = { type: "button", class: me ? "is-mine" : "", "aria-pressed": String(Boolean(me)), "aria-label": `${shown}, ${count}`, onclick: () => ctx.react(message, written) };
  return h("button.reaction", properties, shown, h("b", {}, count));
}

/** Offer a few emoji beside `anchor`. */
export function chooseReaction(message, anchor, ctx) {
  const choose = (emoji) => {
    popover.close();
    ctx.react(message, emoji);
  };
  const choices = OFFERED.map((emoji) => h("button.emoji-choice", { type: "button", role: "menuitem", "aria-label": `React with ${emoji}`, onclick: () => choose(emoji) }, emoji));
  const menu = h("div.emoji-menu", { role: "menu", "aria-label": "Add a reaction" }, choices);
  menu.addEventListener("keydown", (event) => {
    const key = { ArrowRight: "ArrowDown", ArrowLeft: "ArrowUp" }[event.key] ?? event.key;
    const next = movedIndex(key, choices.indexOf(document.activeElement), choices.length);
    if (next === null) return;
    event.preventDefault();
    choices[next].focus();
  });
  const popover = openPopover(anchor, menu);
  choices[0].focus();
}
