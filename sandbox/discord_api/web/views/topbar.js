/** The line above the conversation: where one is, what it is about, what can be shown beside it. */

import { CHANNEL } from "../core/store.js";
import { h, icon, iconButton } from "../core/dom.js";

/** @param {HTMLElement} host @param {object} ctx the page */
export function drawTopbar(host, ctx) {
  const { store, panels } = ctx;
  const channel = store.channel();
  const kind = channel === null || !store.guildOf() ? "at" : CHANNEL.THREADS.includes(channel.type) ? "thread" : "hash";
  const focused = host.contains(document.activeElement) ? document.activeElement.dataset.panel : null;
  const toggle = (name, iconName, label) =>
    iconButton(iconName, panels.isOpen(name) ? `Hide ${label}` : `Show ${label}`, {
      "aria-expanded": String(panels.isOpen(name)),
      "aria-controls": name,
      "data-panel": name,
      onclick: () => panels.toggle(name),
    });
  const title = h("h1", {}, channel ? ctx.channelTitle(channel) : "…");
  const topic = channel?.topic ? h("p.topic", { title: channel.topic }, channel.topic) : null;
  const menu = iconButton("menu", "Show servers and channels", { class: "drawer-button", "aria-expanded": String(panels.isOpen("sidebar")), onclick: () => panels.toggle("sidebar") });
  host.replaceChildren(
    menu,
    h("span.channel-kind", {}, icon(kind)),
    title,
    topic ?? "",
    h("span.spacer"),
    toggle("members", "people", "members"),
    toggle("sandbox-panel", "activity", "the sandbox panel"),
  );
  if (focused) host.querySelector(`[data-panel="${focused}"]`)?.focus();
}
