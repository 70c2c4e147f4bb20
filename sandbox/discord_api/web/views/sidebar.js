/** The left side: servers, channels, direct messages, and who one is. */

import { avatar, KIND } from "../core/people.js";
import { CHANNEL } from "../core/store.js";
import { h, icon, iconButton } from "../core/dom.js";
import { initials } from "../core/format.js";
import { LOCALES } from "../core/locales.js";
import { openMenu } from "./menu.js";

const HOME = "home";

export class Sidebar {
  #place = null;

  /** @param {object} ctx the page @param {Record<string, HTMLElement>} hosts rail, name, list, me */
  constructor(ctx, hosts) {
    this.ctx = ctx;
    this.hosts = hosts;
    hosts.list.addEventListener("keydown", (event) => moveFocus(event, hosts.list, "button.channel"));
    hosts.rail.addEventListener("keydown", (event) => moveFocus(event, hosts.rail, "button"));
  }

  draw() {
    const { store } = this.ctx;
    if (!store.me) return;
    this.#place = store.guildOf()?.id ?? HOME;
    this.#drawRail();
    this.#drawChannels();
    this.#drawMe();
  }

  #drawRail() {
    const { store } = this.ctx;
    const home = this.#railButton(HOME, "Direct messages", icon("at"), store.dms, () => this.#openHome());
    const guilds = store.guilds.map((guild) =>
      this.#railButton(guild.id, guild.name, initials(guild.name), guild.channels, () => this.ctx.selectChannel(this.ctx.firstChannel(guild).id)),
    );
    keepFocus(this.hosts.rail, () => this.hosts.rail.replaceChildren(home, h("hr", { "aria-hidden": "true" }), ...guilds));
  }

  #railButton(id, label, content, channels, onclick) {
    const { unread } = this.ctx.store;
    const news = channels.filter((channel) => unread.has(channel.id));
    const mentions = news.reduce((sum, channel) => sum + unread.get(channel.id), 0);
    const current = this.#place === id;
    const badge = mentions ? h("span.badge", {}, mentions) : null;
    const name = `${label}${news.length ? ", unread" : ""}${mentions ? `, ${mentions} mentions` : ""}`;
    const properties = { type: "button", title: label, "aria-label": name, "data-key": id, "aria-current": current ? "true" : null, class: news.length ? "is-unread" : "", onclick };
    return h("button.guild", properties, h("span.guild-icon", {}, content), badge);
  }

  async #openHome() {
    const { store } = this.ctx;
    const [first] = store.dms;
    if (first) this.ctx.selectChannel(first.id);
    else await this.ctx.openDm();
  }

  #drawChannels() {
    const { store } = this.ctx;
    const guild = store.guildOf();
    this.hosts.name.textContent = guild?.name ?? "Direct messages";
    const rows = guild ? this.#guildRows(guild) : this.#dmRows();
    keepFocus(this.hosts.list, () => this.hosts.list.replaceChildren(...rows));
  }

  #guildRows(guild) {
    const byPosition = (a, b) => (a.position ?? 0) - (b.position ?? 0);
    const top = (parent) => guild.channels.filter((each) => (each.parent_id ?? null) === parent && !CHANNEL.THREADS.includes(each.type) && each.type !== CHANNEL.CATEGORY).sort(byPosition);
    const rows = top(null).flatMap((channel) => this.#withThreads(channel, guild));
    for (const category of guild.channels.filter((each) => each.type === CHANNEL.CATEGORY).sort(byPosition)) {
      const inside = top(category.id).flatMap((channel) => this.#withThreads(channel, guild));
      if (inside.length) rows.push(h("h2.category", {}, category.name), ...inside);
    }
    return rows;
  }

  #withThreads(channel, guild) {
    const threads = guild.channels.filter((each) => each.parent_id === channel.id && CHANNEL.THREADS.includes(each.type) && !each.thread_metadata?.archived);
    return [this.#channelButton(channel, "hash"), ...threads.map((thread) => this.#channelButton(thread, "thread", "is-thread"))];
  }

  #channelButton(channel, iconName, extra = "") {
    const { store } = this.ctx;
    const unread = store.unread.get(channel.id);
    const current = store.channelId === channel.id;
    const properties = {
      type: "button",
      class: `${extra} ${unread === undefined ? "" : "is-unread"}`,
      "data-key": channel.id,
      "aria-current": current ? "page" : null,
      "aria-label": `${channel.name}${unread === undefined ? "" : ", unread"}`,
      onclick: () => this.ctx.selectChannel(channel.id),
    };
    return h("button.channel", properties, icon(iconName), h("span", {}, channel.name), unread ? h("span.badge", {}, unread) : null);
  }

  #dmRows() {
    const { store } = this.ctx;
    const rows = store.dms.map((channel) => {
      const unread = store.unread.get(channel.id);
      const properties = { type: "button", "data-key": channel.id, "aria-current": store.channelId === channel.id ? "page" : null, class: unread === undefined ? "" : "is-unread", onclick: () => this.ctx.selectChannel(channel.id) };
      return h("button.channel.is-dm", properties, avatar({ ...store.bot, bot: true }), h("span", {}, this.ctx.channelTitle(channel)), unread ? h("span.badge", {}, unread) : null);
    });
    if (!rows.length) rows.push(h("button.channel", { type: "button", onclick: () => this.ctx.openDm() }, icon("plus"), h("span", {}, `Message ${store.displayName(store.bot.id)}`)));
    return rows;
  }

  #drawMe() {
    const { store } = this.ctx;
    const { me } = store;
    const name = me.global_name ?? me.username;
    const person = h("button.who-button", {
      type: "button",
      "aria-haspopup": "menu",
      "aria-label": `You are ${name}, ${KIND[me.kind] ?? me.kind}. Be someone else`,
      "data-key": "who",
      onclick: (event) => this.#switchPerson(event.currentTarget),
    }, avatar(me), h("span.who-text", {}, h("strong", {}, name), h("small", {}, KIND[me.kind] ?? me.kind)), icon("chevron"));
    const dark = this.ctx.theme.isDark();
    const theme = iconButton(dark ? "sun" : "moon", dark ? "Use the light theme" : "Use the dark theme", { "data-key": "theme", onclick: () => this.ctx.theme.toggle() });
    keepFocus(this.hosts.me, () => this.hosts.me.replaceChildren(person, theme));
  }

  #switchPerson(anchor) {
    const { store } = this.ctx;
    const items = store.people.map((person) => ({
      label: person.global_name ?? person.username,
      detail: KIND[person.kind] ?? person.kind,
      lead: avatar(person),
      checked: person.id === store.me.id,
      run: () => this.ctx.become(person.id),
    }));
    const language = { label: "Language", detail: LOCALES[store.me.locale] ?? store.me.locale, icon: "globe", run: () => this.#chooseLanguage() };
    const own = { label: "Open another window", detail: "to be two people at once", icon: "link", run: () => this.ctx.openWindow() };
    openMenu(anchor, [{ title: "Who are you?" }, ...items, null, language, own], "Who are you?");
  }

  /** The language of one's client: commands are shown in it, and the bot is told it. */
  #chooseLanguage() {
    const { me } = this.ctx.store;
    const items = Object.entries(LOCALES).map(([locale, label]) => ({
      label,
      lang: locale,
      checked: locale === me.locale,
      run: () => this.ctx.speak(locale),
    }));
    openMenu(this.hosts.me.querySelector(".who-button"), [{ title: "Language of your Discord" }, ...items], "Language");
  }
}

/** Up and down between the buttons of a list. */
function moveFocus(event, host, selector) {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const buttons = [...host.querySelectorAll(selector)];
  const at = buttons.indexOf(document.activeElement);
  const next = buttons[at + (event.key === "ArrowDown" ? 1 : -1)];
  if (at < 0 || !next) return;
  event.preventDefault();
  next.focus();
}

/** Redraw without taking the focus away from the button that had it. */
export function keepFocus(host, redraw) {
  const key = host.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  redraw();
  if (key) host.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}
