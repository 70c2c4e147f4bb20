/** One message: built once, then brought up to date in place. */

import { attachmentView } from "./attachments.js";
import { appTag, avatar } from "../core/people.js";
import { clockTime, cssColor, fullTime, messageTime, snowflakeTime } from "../core/format.js";
import { commandOf, isEphemeral, isLoading, isSystem, TYPE } from "../core/grouping.js";
import { componentParts, showPress } from "./components.js";
import { embedView } from "./embeds.js";
import { FLAG } from "../core/store.js";
import { h, icon, iconButton } from "../core/dom.js";
import { parse, plainText } from "../markdown.js";
import { chooseReaction, reactionsPart } from "./reactions.js";
import { reconcile } from "../core/reconcile.js";
import { showMarkdown } from "../markdown_dom.js";
import { shownPath } from "../core/commands.js";

/**
 * @param {object} ctx the page: store, names, press, reply, openMessageMenu, dismiss …
 * @returns {HTMLElement} an empty list item for `updateMessage`
 */
export function createMessage(ctx) {
  const item = h("li.message-row");
  const body = h("div.message-body");
  const notes = h("div.message-notes");
  const head = h("div.message-head");
  const gutter = h("div.message-gutter");
  const content = h("div.message-content", {}, head, body, notes);
  const article = h("article.message", { tabindex: "-1" }, h("div.message-lines"), gutter, content);
  const divider = h("div.day-divider", { role: "separator" });
  item.append(divider, article);
  item.parts = { divider, article, lines: article.firstChild, gutter, head, body, notes, tools: null };
  article.addEventListener("contextmenu", (event) => {
    if (event.target.closest("a, input, textarea") || String(getSelection())) return;
    event.preventDefault();
    ctx.openMessageMenu(item.message, { x: event.clientX, y: event.clientY });
  });
  gutter.addEventListener("contextmenu", (event) => openAuthor(event, item.message, ctx));
  head.addEventListener("contextmenu", (event) => openAuthor(event, item.message, ctx));
  article.addEventListener("pointerenter", () => addTools(item, ctx));
  article.addEventListener("focusin", () => addTools(item, ctx));
  return item;
}

function openAuthor(event, message, ctx) {
  if (!event.target.closest(".avatar, .author")) return;
  event.preventDefault();
  event.stopPropagation();
  ctx.openPersonMenu(message.author.id, { x: event.clientX, y: event.clientY });
}

/**
 * @param {HTMLElement} item of `createMessage`
 * @param {{row: {message: object}, grouped: boolean, day: number | null}} entry of `layoutRows`
 * @param {string | null} dayText what the divider above says
 * @param {object} ctx
 */
export function updateMessage(item, { row: { message }, grouped }, dayText, ctx) {
  const state = `${grouped} ${dayText} ${ctx.replyTarget()?.id === message.id} ${ctx.editing() === message.id}`;
  if (item.message === message && item.state === state) return;
  const first = item.message === undefined;
  const { divider, article } = item.parts;
  item.message = message;
  item.state = state;
  divider.hidden = dayText === null;
  divider.textContent = dayText ?? "";
  article.id = `message-${message.id}`;
  article.dataset.id = message.id;
  article.classList.toggle("is-grouped", grouped);
  article.classList.toggle("is-ephemeral", isEphemeral(message));
  article.classList.toggle("is-system", isSystem(message));
  article.classList.toggle("mentions-me", mentionsMe(message, ctx));
  article.classList.toggle("is-reply-target", ctx.replyTarget()?.id === message.id);
  if (first || item.grouped !== grouped) drawFrame(item, message, grouped, ctx);
  item.grouped = grouped;
  drawBody(item, message, ctx);
  updatePress(item, ctx);
}

/** Show what became of the newest press on this message. */
export function updatePress(item, ctx) {
  const press = ctx.store.press(item.message.id);
  showPress(item.parts.article, press);
  const failed = press?.state === "failed" ? "This interaction failed" : null;
  reconcile(item.parts.notes, noteParts(item.message, failed, ctx));
}

function mentionsMe(message, ctx) {
  if (message.author.id === ctx.store.me.id) return false;
  if (message.mention_everyone || (message.mentions ?? []).some((user) => user.id === ctx.store.me.id)) return true;
  const mine = ctx.store.member(ctx.store.me.id)?.roles ?? [];
  return (message.mention_roles ?? []).some((role) => mine.includes(role.id ?? role));
}

function drawFrame(item, message, grouped, ctx) {
  const { article, lines, gutter, head } = item.parts;
  const at = snowflakeTime(message.id);
  const name = ctx.store.displayName(message.author.id);
  article.setAttribute("aria-label", `${name}, ${clockTime(at)}`);
  lines.replaceChildren(...headlines(message, ctx));
  if (isSystem(message)) {
    gutter.replaceChildren(icon(message.type === TYPE.JOIN ? "people" : "thread"));
    head.replaceChildren();
    return;
  }
  if (grouped) {
    gutter.replaceChildren(h("time.hover-time", { title: fullTime(at), datetime: new Date(at).toISOString() }, clockTime(at)));
    head.replaceChildren();
    return;
  }
  const user = ctx.store.users.get(message.author.id) ?? message.author;
  const color = cssColor(ctx.store.nameColor(message.author.id));
  gutter.replaceChildren(avatar({ ...user, bot: message.author.bot ?? user.bot }, name));
  head.replaceChildren(
    h("span.author", { class: color ? "is-colored" : "", style: color ? { "--role": color } : {} }, name),
    message.author.bot ? appTag() : "",
    h("time", { title: fullTime(at), datetime: new Date(at).toISOString() }, messageTime(at, ctx.names.now())),
  );
}

/** What stands above a message: the quoted one, or the command that caused it. */
function headlines(message, ctx) {
  const command = commandOf(message);
  if (command) return [commandLine(command, ctx)];
  if (message.type === TYPE.REPLY || message.referenced_message) return [replyLine(message, ctx)];
  return [];
}

export function commandLine({ user, name, menu }, ctx) {
  const shown = name ? shownPath(ctx.store.commands, name, menu, ctx.store.me.locale) : null;
  const label = shown ? h("span.mention", {}, menu ? shown : `/${shown}`) : "a command";
  const person = ctx.store.users.get(user.id) ?? user;
  const who = h("span.who", {}, ctx.store.displayName(user.id));
  return h("div.headline", {}, avatar(person), h("span.headline-text", {}, who, " used ", label));
}

function replyLine(message, ctx) {
  const quoted = message.referenced_message;
  if (!quoted) return h("div.headline", {}, h("span.headline-text", {}, h("em", {}, "Original message was deleted")));
  const person = ctx.store.users.get(quoted.author.id) ?? quoted.author;
  const jump = () => ctx.jumpTo(quoted.id);
  return h(
    "button.headline",
    { type: "button", onclick: jump, "aria-label": `Reply to ${ctx.store.displayName(quoted.author.id)}: show the message` },
    avatar(person),
    h("span.headline-text", {}, h("span.who", {}, ctx.store.displayName(quoted.author.id)), " ", excerpt(quoted, ctx.names)),
  );
}

/** One line of what a message says, whatever it is made of. */
export function excerpt(message, names) {
  const text = plainText(parse(textOf(message)), names).replace(/\s+/g, " ").trim();
  return text.slice(0, 160) || (message.attachments?.length ? "Click to see attachment" : "Click to see message");
}

/** All text of a message, content and text displays, as Markdown. */
export function textOf(message) {
  const texts = [message.content ?? ""];
  const collect = (component) => {
    if (component.type === 10) texts.push(component.content ?? "");
    for (const child of component.components ?? []) collect(child);
  };
  for (const component of message.components ?? []) collect(component);
  return texts.filter(Boolean).join("\n");
}

function drawBody(item, message, ctx) {
  const { body } = item.parts;
  if (isLoading(message)) {
    const name = ctx.store.displayName(message.author.id);
    reconcile(body, [{ key: "thinking", build: () => h("div.thinking", {}, h("span.dots", { "aria-hidden": "true" }, h("i"), h("i"), h("i")), `${name} is thinking…`) }]);
    return;
  }
  if (ctx.editing() === message.id) {
    reconcile(body, [{ key: "editor", build: () => ctx.editorFor(message) }]);
    return;
  }
  reconcile(body, isSystem(message) ? systemParts(message, ctx) : bodyParts(message, ctx));
}

function bodyParts(message, ctx) {
  const flags = message.flags ?? 0;
  const parts = [];
  if (message.content) {
    parts.push({ key: "content", build: () => h("div.markdown"), update: (element) => showMarkdown(element, message.content, ctx.names) });
  }
  if (!(flags & FLAG.COMPONENTS_V2)) {
    for (const each of message.attachments ?? []) parts.push({ key: `file ${each.id} ${each.url}`, build: () => attachmentView(each) });
  }
  if (!(flags & FLAG.SUPPRESS_EMBEDS)) {
    for (const each of message.embeds ?? []) parts.push({ key: `embed ${JSON.stringify(each)}`, build: () => embedView(each, ctx.names) });
  }
  parts.push(...componentParts(message.components ?? [], { message, ctx }));
  if (message.edited_timestamp) parts.push(editedPart(message));
  if (message.thread) parts.push(threadPart(message.thread, ctx));
  if (message.reactions?.length) parts.push(reactionsPart(message, ctx));
  return parts;
}

function editedPart(message) {
  return {
    key: "edited",
    build: () => h("span.edited", {}, "(edited)"),
    update: (element) => element.setAttribute("title", fullTime(Date.parse(message.edited_timestamp))),
  };
}

function threadPart(thread, ctx) {
  const count = Math.max(thread.message_count ?? 0, ctx.store.messages.get(thread.id)?.length ?? 0);
  const open = () => ctx.selectChannel(thread.id);
  const build = () =>
    h("button.thread-card", { type: "button", onclick: open }, icon("thread"), h("strong", {}, thread.name), h("span", {}, `${count} ${count === 1 ? "message" : "messages"} ›`));
  return { key: `thread ${thread.id} ${thread.name} ${count}`, build };
}

function systemParts(message, ctx) {
  const name = ctx.store.displayName(message.author.id);
  const sentence = {
    [TYPE.JOIN]: `${name} joined the server.`,
    [TYPE.THREAD_CREATED]: `${name} started a thread: ${message.content}`,
    [TYPE.THREAD_STARTER]: "This thread began with a message in the channel.",
  }[message.type];
  return [{ key: sentence, build: () => h("p.system-text", {}, sentence) }];
}

function noteParts(message, failed, ctx) {
  const parts = [];
  if (failed) parts.push({ key: `failed ${failed}`, build: () => h("p.press-failed", { role: "alert" }, failed) });
  if (isEphemeral(message)) parts.push({ key: "ephemeral", build: () => ephemeralNote(() => ctx.store.dismiss(message.channel_id, message.id)) });
  return parts;
}

export function ephemeralNote(dismiss) {
  return h("p.ephemeral-note", {}, icon("eye"), "Only you can see this · ", h("button.text-button", { type: "button", onclick: dismiss }, "Dismiss message"));
}

/** Buttons that appear while the pointer or the focus is on a message; made when first needed. */
function addTools(item, ctx) {
  if (item.parts.tools) return;
  const tools = h(
    "div.message-tools",
    { role: "toolbar", "aria-label": "Message actions" },
    iconButton("smile", "Add a reaction", { "aria-haspopup": "menu", onclick: (event) => chooseReaction(item.message, event.currentTarget, ctx) }),
    iconButton("reply", "Reply", { onclick: () => ctx.reply(item.message) }),
    iconButton("more", "More", { "aria-haspopup": "menu", onclick: (event) => ctx.openMessageMenu(item.message, event.currentTarget) }),
  );
  item.parts.tools = tools;
  item.parts.article.append(tools);
}
