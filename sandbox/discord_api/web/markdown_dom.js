/** Draws the tree of `markdown.js`. Every text becomes a text node: nothing is ever parsed as HTML. */

import { fullTime, timestamp } from "./core/format.js";
import { h } from "./core/dom.js";
import { highlight } from "./highlight.js";
import { parse } from "./markdown.js";
import { reconcile } from "./core/reconcile.js";

/**
 * What the drawing needs to know of the world around it.
 *
 * @typedef {object} Names
 * @property {(id: string) => string} user display name
 * @property {(id: string) => {name: string, color: string | null}} role
 * @property {(id: string) => string | null} channel its name, null when this person cannot see it
 * @property {(id: string) => boolean} isMe whether a mention of this user or role concerns the reader
 * @property {(id: string) => void} openChannel
 * @property {(name: string) => void} openCommand
 * @property {() => number} now milliseconds
 */

/**
 * Bring an element to show a text. Nodes that did not change stay in place, so a growing answer only ever
 * touches its end.
 *
 * @param {HTMLElement} element filled by this function only
 * @param {string} source @param {Names} names
 */
export function showMarkdown(element, source, names) {
  reconcile(
    element,
    parse(source).map((node) => ({ key: JSON.stringify(node), build: () => draw(node, names) })),
  );
}

/** A fresh element with a text. */
export function markdown(source, names, tag = "div.markdown") {
  const element = h(tag);
  showMarkdown(element, source, names);
  return element;
}

/** Bring relative timestamps inside an element up to date. */
export function refreshTimes(root, now) {
  for (const element of root.querySelectorAll("time[data-relative]")) {
    const text = timestamp(Number(element.dataset.relative), "R", now);
    if (element.textContent !== text) element.textContent = text;
  }
}

function draw(node, names) {
  return DRAW[node.type](node, names);
}

function inside(node, names) {
  return node.children.map((child) => draw(child, names));
}

const nested = (tag) => (node, names) => h(tag, {}, inside(node, names));

const DRAW = {
  text: (node) => document.createTextNode(node.text),
  strong: nested("strong"),
  emphasis: nested("em"),
  underline: nested("u"),
  strike: nested("s"),
  quote: nested("blockquote"),
  subtext: nested("small.subtext"),
  heading: (node, names) => h(`h${node.level + 2}.heading`, { "data-level": node.level }, inside(node, names)),
  code: (node) => h("code.inline", {}, node.text),
  codeBlock: drawCodeBlock,
  list: drawList,
  link: drawLink,
  spoiler: drawSpoiler,
  user: (node, names) => h("span.mention", { class: names.isMe(node.id) ? "is-me" : "" }, `@${names.user(node.id)}`),
  role: drawRole,
  everyone: (node) => h("span.mention.is-me", {}, node.text),
  channel: drawChannel,
  command: (node, names) =>
    h("button.mention", { type: "button", onclick: () => names.openCommand(node.name) }, `/${node.name}`),
  emoji: (node) => h("span.custom-emoji", { title: `Custom emoji :${node.name}:` }, `:${node.name}:`),
  time: drawTime,
};

function drawList(node, names) {
  const items = node.items.map((item) => h("li", {}, item.map((child) => draw(child, names))));
  return node.ordered ? h("ol", { start: node.start }, items) : h("ul", {}, items);
}

function drawLink(node, names) {
  return h("a", { href: node.href, title: node.href, target: "_blank", rel: "noopener noreferrer" }, inside(node, names));
}

function drawRole(node, names) {
  const role = names.role(node.id);
  return h("span.mention", { class: names.isMe(node.id) ? "is-me" : "" }, `@${role.name}`);
}

function drawChannel(node, names) {
  const name = names.channel(node.id);
  if (name === null) return h("span.mention", {}, "#no-access");
  return h("button.mention", { type: "button", onclick: () => names.openChannel(node.id) }, `#${name}`);
}

function drawTime(node, names) {
  const properties = { title: fullTime(node.seconds * 1000), datetime: isoTime(node.seconds) };
  if (node.style === "R") properties["data-relative"] = node.seconds;
  return h("time.timestamp", properties, timestamp(node.seconds, node.style, names.now()));
}

/** Discord allows seconds that no date holds; then the attribute is left out. */
function isoTime(seconds) {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}

function drawSpoiler(node, names) {
  const content = h("span.spoiler-text", { "aria-hidden": "true" }, inside(node, names));
  const spoiler = h("span.spoiler", { role: "button", tabindex: "0", "aria-label": "Spoiler, press to reveal" }, content);
  const reveal = (event) => {
    if (spoiler.classList.contains("revealed")) return;
    event.preventDefault();
    event.stopPropagation();
    spoiler.classList.add("revealed");
    for (const name of ["role", "tabindex", "aria-label"]) spoiler.removeAttribute(name);
    content.removeAttribute("aria-hidden");
  };
  spoiler.addEventListener("click", reveal);
  spoiler.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") reveal(event);
  });
  return spoiler;
}

function drawCodeBlock(node) {
  const tokens = highlight(node.text, node.language).map((token) =>
    token.kind === "plain" ? token.text : h(`span.code-${token.kind}`, {}, token.text),
  );
  const label = node.language ? h("span.code-language", {}, node.language) : null;
  const code = h("code", {}, tokens);
  return h("pre.code-block", { tabindex: "0", "aria-label": `Code${node.language ? `, ${node.language}` : ""}` }, label, code);
}
