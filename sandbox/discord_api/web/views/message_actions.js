/** What a person can do with a message: its menu, editing one's own. */

import { attempt, toast } from "./toast.js";
import { CHANNEL } from "../core/store.js";
import { h } from "../core/dom.js";
import { messageMenuCommands } from "../core/commands.js";
import { isEphemeral } from "../core/grouping.js";
import { openMenu } from "./menu.js";
import { excerpt, textOf } from "./message.js";

/** @param {object} message @param {Element | {x: number, y: number}} anchor @param {object} ctx the page */
export function openMessageMenu(message, anchor, ctx) {
  const { store } = ctx;
  const own = message.author.id === store.me.id;
  const shared = !isEphemeral(message);
  const apps = shared ? messageMenuCommands(store.commands, store.place()) : [];
  const items = [
    { label: "Reply", icon: "reply", run: () => ctx.reply(message) },
    shared && startable(message, ctx) && { label: "Start a thread", icon: "thread", run: () => ctx.startThread(message, threadName(message, ctx)) },
    own && { label: "Edit message", icon: "pencil", run: () => ctx.edit(message.id) },
    { label: "Copy text", icon: "copy", run: () => copy(textOf(message)) },
    { label: "Copy message ID", icon: "copy", run: () => copy(message.id) },
    apps.length > 0 && { title: "Apps" },
    ...apps.map((command) => ({ label: command.shown, icon: "bot", run: () => ctx.sendMenu(message, command.name) })),
    ...removal(message, own, shared, ctx),
  ];
  openMenu(anchor, items.filter((item) => item !== false), "Message actions");
}

/** Threads begin on messages of a server's channels, once each. */
function startable(message, { store }) {
  return store.guildOf(message.channel_id) !== null && store.channel(message.channel_id)?.type === CHANNEL.TEXT && !message.thread;
}

function threadName(message, ctx) {
  return excerpt(message, ctx.names).slice(0, 60) || "Thread";
}

function removal(message, own, shared, ctx) {
  if (!shared) return [null, { label: "Dismiss message", icon: "close", run: () => ctx.store.dismiss(message.channel_id, message.id) }];
  if (!own && ctx.store.me.kind !== "admin") return [];
  const remove = () => attempt(() => ctx.act.remove(message.channel_id, message.id));
  return [null, { label: "Delete message", icon: "trash", danger: true, run: remove }];
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied.");
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    toast("The browser did not allow copying.");
  }
}

/** The box in which a message of one's own is changed. Enter saves, Esc leaves it as it was. */
export function messageEditor(message, ctx) {
  const input = h("textarea.message-editor", { rows: "2", maxlength: "2000", "aria-label": "Edit the message", value: message.content });
  const leave = () => {
    ctx.edit(null);
    ctx.focusComposer();
  };
  const save = async () => {
    const content = input.value.trim();
    if (content && content !== message.content) await attempt(() => ctx.act.edit(message.channel_id, message.id, ctx.encode(content)));
    leave();
  };
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Escape") leave();
    else if (event.key === "Enter" && !event.shiftKey) save();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  queueMicrotask(() => {
    input.focus();
    input.setSelectionRange(input.value.length, input.value.length);
  });
  const actions = h("p.editor-help", {}, "Esc to ", h("button.text-button", { type: "button", onclick: leave }, "cancel"), " · Enter to ", h("button.text-button", { type: "button", onclick: save }, "save"));
  return h("div", {}, input, actions);
}
