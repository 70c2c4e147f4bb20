/** The box at the bottom: messages with replies, files and mentions; `/` opens the commands. */

import { attempt, toast } from "./toast.js";
import { CommandForm } from "./command_form.js";
import { filterEntries, matchTyped, slashEntries } from "../core/commands.js";
import { avatar } from "../core/people.js";
import { CHANNEL } from "../core/store.js";
import { postOf } from "./forum.js";
import { filterTargets, mentionAtCaret } from "../core/mentions.js";
import { h, icon, iconButton } from "../core/dom.js";
import { Picker } from "./picker.js";

/** Discord lists at most this many matches of a mention. */
const MENTIONS_SHOWN = 8;

export class Composer {
  #form = null;
  #files = [];
  #reply = null;
  /** What was typed and not sent, by channel. */
  #drafts = new Map();
  #channelId = null;

  /** @param {object} ctx the page */
  constructor(ctx) {
    this.ctx = ctx;
    this.picker = new Picker();
    this.replyBar = h("div.reply-bar", { hidden: true });
    this.tray = h("div.upload-tray", { hidden: true, "aria-label": "Files to send" });
    this.chooser = h("input.visually-hidden", { type: "file", multiple: true, tabindex: "-1", "aria-hidden": "true", onchange: () => this.#filesChosen() });
    this.input = h("textarea", { id: "composer", rows: "1", role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", autocomplete: "off", maxlength: "2000" });
    this.line = h("div.composer-line", {},
      iconButton("plus", "Attach a file", { onclick: () => this.chooser.click() }), this.chooser, this.input,
      iconButton("slash", "Use a command", { onclick: () => this.#startSlash() }),
      iconButton("send", "Send", { class: "send-button", onclick: () => this.#send() }));
    this.box = h("div.composer-box", {}, this.replyBar, this.tray, this.line);
    this.typing = h("div.typing-line");
    this.element = h("div.composer", {}, this.picker.element, this.box, this.typing);
    this.input.addEventListener("input", () => this.#typed());
    this.input.addEventListener("keydown", (event) => this.#key(event));
    this.input.addEventListener("blur", () => this.picker.hide());
    this.input.addEventListener("paste", (event) => this.#pasted(event));
  }

  /** Show the composer of the open channel. */
  channelChanged() {
    const { store } = this.ctx;
    if (this.#channelId && !this.#form) this.#drafts.set(this.#channelId, this.input.value);
    this.#closeForm();
    this.setReply(null);
    this.#channelId = store.channelId;
    this.input.value = this.#drafts.get(this.#channelId) ?? "";
    const channel = store.channel();
    const label = channel?.type === CHANNEL.FORUM ? `New post in #${this.ctx.channelTitle(channel)}: its title, then its text on the next lines` : channel ? `Message ${store.guildOf() ? "#" : "@"}${this.ctx.channelTitle(channel)}` : "Message";
    this.input.setAttribute("aria-label", label);
    this.input.placeholder = label;
    this.#resize();
  }

  focus() {
    if (this.#form) this.#form.focus();
    else this.input.focus();
  }

  /** The channel that the box belongs to. */
  get shownChannel() {
    return this.#channelId;
  }

  get replyTarget() {
    return this.#reply;
  }

  /** Answer a message, or null for none. */
  setReply(message) {
    this.#reply = message;
    this.replyBar.hidden = message === null;
    if (message) {
      const name = this.ctx.store.displayName(message.author.id);
      const cancel = iconButton("close", "Do not reply", { onclick: () => this.ctx.reply(null) });
      this.replyBar.replaceChildren(h("span", {}, "Replying to ", h("strong", {}, name)), cancel);
      this.focus();
    }
  }

  /** Begin a command by its path, as picking it from the list does. */
  openCommand(path) {
    const entry = this.#entries().find((each) => each.path === path);
    if (entry) this.#openForm(entry, "");
    else this.setText(`/${path}`);
  }

  setText(text) {
    this.#closeForm();
    this.input.value = text;
    this.input.focus();
    this.#typed();
  }

  /** Who is typing, below the box. @param {string[]} names */
  showTyping(names) {
    const text = names.length > 3 ? "Several people are typing…" : `${names.join(", ")} ${names.length === 1 ? "is" : "are"} typing…`;
    const shown = names.length ? text : "";
    if (this.typing.dataset.text === shown) return;
    this.typing.dataset.text = shown;
    this.typing.replaceChildren(...(shown ? [h("span.dots", { "aria-hidden": "true" }, h("i"), h("i"), h("i")), shown] : []));
  }

  #entries() {
    return slashEntries(this.ctx.store.commands, this.ctx.store.place());
  }

  #startSlash() {
    this.setText("/");
  }

  #typed() {
    this.#resize();
    const text = this.input.value;
    const typed = text.startsWith("/") ? matchTyped(this.#entries(), text) : null;
    if (typed) this.#openForm(typed.entry, typed.rest);
    else if (/^\/[^\n]*$/.test(text)) this.#offerCommands(text.slice(1));
    else this.#offerMentions();
  }

  #offerCommands(typed) {
    const bot = this.ctx.store.bot;
    const items = filterEntries(this.#entries(), typed).map((entry) => ({
      title: `/${entry.shown}`,
      detail: entry.description,
      hint: entry.options.filter((option) => option.required).map((option) => option.shown).join(" "),
      lead: avatar({ ...bot, bot: true }),
      pick: () => this.#openForm(entry, ""),
    }));
    const name = this.ctx.store.displayName(bot.id);
    const empty = this.ctx.store.commands.length ? "No command matches." : `${name} has not registered its commands yet.`;
    this.picker.show(this.input, `Commands of ${name}`, items, { empty });
  }

  #offerMentions() {
    const found = mentionAtCaret(this.input.value, this.input.selectionStart);
    if (!found) {
      this.picker.hide();
      return;
    }
    const { at, hash } = this.ctx.mentionTargets();
    const targets = filterTargets(found.sign === "@" ? at : hash, found.typed).slice(0, MENTIONS_SHOWN);
    const items = targets.map((target) => ({
      title: `${found.sign}${target.names[0]}`,
      detail: target.detail,
      lead: target.lead?.(),
      pick: () => this.#insertMention(found, target),
    }));
    this.picker.show(this.input, found.sign === "@" ? "Members" : "Channels", items);
  }

  #insertMention(found, target) {
    this.input.setRangeText(`${found.sign}${target.names[0]} `, found.start, this.input.selectionStart, "end");
    this.picker.hide();
    this.#resize();
  }

  #openForm(entry, rest) {
    this.picker.hide();
    const form = new CommandForm(entry, this.ctx, {
      picker: this.picker,
      onLeave: (text) => this.setText(text),
      onSent: () => this.setText(""),
      onRefused: (refused, reason) => this.#refused(refused, reason),
    });
    this.#attach(form);
    form.fill(rest);
    form.focus();
  }

  #attach(form) {
    this.#form = form;
    this.line.replaceWith(form.element);
  }

  /** A command came back: it is shown again as it was, unless something else is being written by now. */
  #refused(form, reason) {
    if (this.#form || this.input.value !== "" || form.channelId !== this.#channelId) {
      toast(reason);
      return;
    }
    this.#attach(form);
    form.focus();
    form.showRefusal(reason);
  }

  #closeForm() {
    this.picker.hide();
    if (!this.#form) return;
    this.#form.element.replaceWith(this.line);
    this.#form = null;
    this.input.value = "";
  }

  #key(event) {
    if (this.picker.handleKey(event) || event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.#send();
    } else if (event.key === "Escape" && this.#reply) {
      this.ctx.reply(null);
    } else if (event.key === "ArrowUp" && this.input.value === "") {
      if (this.ctx.editLast()) event.preventDefault();
    }
  }

  /** Begin a post in a forum and open it. */
  async #post(channelId, text, extra) {
    const { title, content } = postOf(text);
    const post = await this.ctx.act.post(channelId, title, content, extra);
    this.input.value = "";
    this.ctx.openThread(post);
    return post;
  }

  async #send() {
    const content = this.input.value.trim();
    if (!content && !this.#files.length) return;
    const extra = {};
    if (this.#reply) extra.reply_to = this.#reply.id;
    const channelId = this.#channelId;
    const sent = await attempt(async () => {
      const attachments = await Promise.all(this.#files.map((file) => this.ctx.act.upload(file)));
      if (attachments.length) extra.attachments = attachments.map((each) => each.id);
      if (this.ctx.store.channel(channelId)?.type === CHANNEL.FORUM) return this.#post(channelId, this.ctx.encode(content), extra);
      return this.ctx.act.say(channelId, this.ctx.encode(content), extra);
    });
    if (sent === undefined || channelId !== this.#channelId) return;
    if (this.input.value.trim() === content) this.input.value = "";
    this.#files = [];
    this.#drawTray();
    this.ctx.reply(null);
    this.ctx.toBottom();
    this.#resize();
  }

  #filesChosen() {
    this.#files.push(...this.chooser.files);
    this.chooser.value = "";
    this.#drawTray();
    this.input.focus();
  }

  #pasted(event) {
    const files = [...event.clipboardData.files];
    if (!files.length) return;
    event.preventDefault();
    this.#files.push(...files);
    this.#drawTray();
  }

  #drawTray() {
    this.tray.hidden = this.#files.length === 0;
    this.tray.replaceChildren(...this.#files.map((file) => this.#trayItem(file)));
  }

  #trayItem(file) {
    const remove = () => {
      this.#files = this.#files.filter((each) => each !== file);
      this.#drawTray();
    };
    return h("span.tray-item", {}, icon("file"), file.name, iconButton("close", `Remove ${file.name}`, { onclick: remove }));
  }

  #resize() {
    this.input.style.setProperty("height", "auto");
    this.input.style.setProperty("height", `${Math.min(this.input.scrollHeight, innerHeight * 0.4)}px`);
  }
}
