/**
 * The messages of the open channel. Changes are collected and drawn once per frame; the view stays at the
 * bottom when it was there, and never moves what is being read above.
 */

import { appTag, avatar } from "../core/people.js";
import { commandLine, createMessage, ephemeralNote, updateMessage, updatePress } from "./message.js";
import { CHANNEL } from "../core/store.js";
import { dayName } from "../core/format.js";
import { forumPosts } from "./forum.js";
import { h, icon } from "../core/dom.js";
import { keepFocus } from "./sidebar.js";
import { layoutRows } from "../core/grouping.js";
import { reconcile } from "../core/reconcile.js";

/** Rows drawn at once; earlier ones come on demand. */
const PAGE = 150;
/** Distance from the bottom, in pixels, that still counts as being there. */
const PINNED_WITHIN = 48;
/** A hidden page gets no frames; it is drawn this late instead, so that it is right when it is shown. */
const HIDDEN_MS = 100;

export class MessageList {
  #ctx;
  #limit = PAGE;
  #pinned = true;
  /** Where the view was put or scrolled to last: only a move upwards from there is a person's. */
  #top = 0;
  #scheduled = false;
  #fresh = 0;
  #channelId = null;

  /** @param {object} ctx the page */
  constructor(ctx) {
    this.#ctx = ctx;
    this.intro = h("div.channel-intro");
    this.earlier = h("button.earlier", { type: "button", hidden: true, onclick: () => this.#showEarlier() }, "Show earlier messages");
    this.list = h("ol.messages", { role: "list" });
    this.inner = h("div.messages-inner", {}, this.intro, this.earlier, this.list);
    this.scroller = h("div.messages-scroller", { tabindex: "0", role: "region", "aria-label": "Messages" }, this.inner);
    this.jump = h("button.jump-to-present", { type: "button", hidden: true, onclick: () => this.toBottom() });
    this.element = h("div.message-list", {}, this.scroller, this.jump);
    this.scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#stay()).observe(this.inner);
    new ResizeObserver(() => this.#stay()).observe(this.scroller);
  }

  /** Draw at the next frame. @param {{created?: boolean}} [change] */
  schedule({ created = false } = {}) {
    if (created && !this.#pinned) this.#fresh += 1;
    if (this.#scheduled) return;
    this.#scheduled = true;
    const draw = () => {
      if (!this.#scheduled) return;
      this.#scheduled = false;
      this.#draw();
    };
    requestAnimationFrame(draw);
    if (document.hidden) setTimeout(draw, HIDDEN_MS);
  }

  /** Forget what is drawn: the reader changed, and with them what mentions mean. */
  rebuild() {
    this.#channelId = null;
    this.schedule();
  }

  /** Show the state of a press without drawing anything else. */
  showPress(messageId) {
    const item = this.#item(messageId);
    if (item?.message) updatePress(item, this.#ctx);
  }

  toBottom() {
    this.#pinned = true;
    this.#fresh = 0;
    this.#stay();
    this.#drawJump();
  }

  /** Scroll to a message and mark it for a moment; nothing happens when it is not loaded. */
  jumpTo(messageId) {
    const item = this.#item(messageId);
    if (!item) return;
    this.#pinned = false;
    item.scrollIntoView({ block: "center" });
    item.classList.remove("is-flashed");
    requestAnimationFrame(() => item.classList.add("is-flashed"));
    item.querySelector(".message")?.focus({ preventScroll: true });
  }

  #item(messageId) {
    return document.getElementById(`message-${messageId}`)?.parentElement ?? null;
  }

  #draw() {
    const { store } = this.#ctx;
    if (!store.me) return;
    if (this.#channelId !== store.channelId) this.#open(store.channelId);
    const rows = store.rows();
    const entries = layoutRows(rows).slice(-this.#limit);
    this.earlier.hidden = rows.length <= this.#limit;
    this.intro.hidden = !this.earlier.hidden;
    if (store.channel()?.type === CHANNEL.FORUM) this.#drawIntro();
    reconcile(this.list, entries.map((entry) => this.#part(entry)));
    this.#stay();
    this.#drawJump();
  }

  #open(channelId) {
    this.#channelId = channelId;
    this.#limit = PAGE;
    this.#pinned = true;
    this.#fresh = 0;
    reconcile(this.list, []);
    this.#drawIntro();
  }

  #part(entry) {
    const dayText = entry.day === null ? null : dayName(entry.day);
    const { row } = entry;
    if (row.row === "notice") {
      const { id, state, error } = row.interaction;
      return { key: `notice ${id} ${state} ${error}`, build: () => this.#notice(row.interaction) };
    }
    return {
      key: `message ${row.id}`,
      build: () => createMessage(this.#ctx),
      update: (item) => updateMessage(item, entry, dayText, this.#ctx),
    };
  }

  /** A command on its way, or one that failed: shown only to the person who used it. */
  #notice(interaction) {
    const ctx = this.#ctx;
    const failed = interaction.state === "failed";
    const { bot, me } = ctx.store;
    const text = failed
      ? h("p.notice-failed", {}, icon("close"), interaction.error ?? "The application did not respond")
      : h("p.thinking", {}, h("span.dots", { "aria-hidden": "true" }, h("i"), h("i"), h("i")), "Sending command…");
    const origin = interaction.origin;
    const lines = h("div.message-lines", {}, commandLine({ user: me, name: origin.label, menu: origin.kind === "menu" }, ctx));
    const head = h("div.message-head", {}, h("span.author", {}, ctx.store.displayName(bot.id)), appTag());
    const note = failed ? ephemeralNote(() => ctx.store.dismiss(interaction.channel_id, interaction.id)) : null;
    const content = h("div.message-content", {}, head, text, note);
    const gutter = h("div.message-gutter", {}, avatar({ ...bot, bot: true }));
    const classes = failed ? "is-ephemeral" : "is-pending";
    return h("li.message-row", {}, h("article.message", { class: classes, role: failed ? "alert" : null }, lines, gutter, content));
  }

  #drawIntro() {
    const { store } = this.#ctx;
    const channel = store.channel();
    if (!channel) return;
    const name = this.#ctx.channelTitle(channel);
    if (channel.type === CHANNEL.FORUM) {
      keepFocus(this.intro, () => this.intro.replaceChildren(h("h2", {}, name), h("p", {}, channel.topic ?? ""), ...forumPosts(channel, this.#ctx)));
      return;
    }
    const sentence = store.guildOf() ? `This is where #${name} begins.` : `This is where your messages with ${name} begin.`;
    const lead = h("span.intro-icon", {}, icon(store.guildOf() ? "hash" : "at"));
    this.intro.replaceChildren(lead, h("h2", {}, store.guildOf() ? `Welcome to #${name}` : name), h("p", {}, channel.topic || sentence));
  }

  #showEarlier() {
    const height = this.scroller.scrollHeight - this.scroller.scrollTop;
    this.#pinned = false;
    this.#limit += PAGE;
    this.#draw();
    this.scroller.scrollTop = this.scroller.scrollHeight - height;
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    const grew = this.#pinned && scrollTop >= this.#top - 1;
    const pinned = grew || scrollHeight - scrollTop - clientHeight <= PINNED_WITHIN;
    this.#top = scrollTop;
    if (pinned === this.#pinned) return;
    this.#pinned = pinned;
    if (pinned) this.#fresh = 0;
    this.#drawJump();
  }

  #stay() {
    if (!this.#pinned) return;
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.#top = this.scroller.scrollTop;
  }

  #drawJump() {
    this.jump.hidden = this.#pinned;
    const text = this.#fresh ? `${this.#fresh} new ${this.#fresh === 1 ? "message" : "messages"}` : "Jump to the present";
    if (this.jump.dataset.text === text) return;
    this.jump.dataset.text = text;
    this.jump.replaceChildren(text, icon("down"));
  }
}
