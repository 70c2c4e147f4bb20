/** The page's composition root: one store, one live connection, the views, and what people can do. */

import { actionsOf, fetchPeople } from "./core/api.js";
import { attempt, toast } from "./views/toast.js";
import { bucketsSection } from "./panel/buckets.js";
import { clusterSection } from "./panel/cluster.js";
import { closePopover } from "./views/popover.js";
import { Composer } from "./views/composer.js";
import { connect } from "./core/live.js";
import { connectionSection } from "./panel/connection.js";
import { createNames, mentionTargets } from "./core/names.js";
import { createPanels } from "./core/panels.js";
import { createTheme } from "./core/theme.js";
import { CHANNEL, Store } from "./core/store.js";
import { drawMembers } from "./views/members.js";
import { drawNotices } from "./views/notices.js";
import { drawTopbar } from "./views/topbar.js";
import { encodeMentions } from "./core/mentions.js";
import { MessageList } from "./views/message_list.js";
import { messageEditor, openMessageMenu } from "./views/message_actions.js";
import { modalInteraction, openModal } from "./views/modal.js";
import { openPersonMenu } from "./views/person_menu.js";
import { Panel } from "./panel/panel.js";
import { refreshTimes } from "./markdown_dom.js";
import { Sidebar } from "./views/sidebar.js";
import { stalenessSection } from "./panel/staleness.js";
import { trafficSection } from "./panel/traffic.js";

const at = (id) => document.getElementById(id);

class Page {
  #connection = null;
  #editing = null;
  #shownFor = null;

  constructor() {
    this.store = new Store();
    this.names = createNames(this.store, {
      openChannel: (id) => this.selectChannel(id),
      openCommand: (name) => this.openCommand(name),
    });
    this.theme = createTheme(() => this.sidebar.draw());
    const sections = [clusterSection(), connectionSection(this.store), stalenessSection(), bucketsSection(), trafficSection()];
    this.panel = new Panel(at("sandbox-panel"), sections, () => this.panels.toggle("sandbox-panel"));
    this.panels = createPanels((name, open) => this.#panelChanged(name, open));
    this.sidebar = new Sidebar(this, { rail: at("rail"), name: at("guild-name"), list: at("channel-list"), me: at("me") });
    this.messages = new MessageList(this);
    this.composer = new Composer(this);
    this.notices = document.createElement("div");
    this.notices.className = "notices";
    at("conversation").append(this.notices, this.messages.element, this.composer.element);
    this.store.subscribe((change) => this.#changed(change));
    this.panels.arrange();
    setInterval(() => this.#everySecond(), 1000);
    document.addEventListener("keydown", (event) => this.#typedAnywhere(event));
    addEventListener("hashchange", () => this.#followAddress());
  }

  /** Be the person of the address, else the default one. */
  async start() {
    const people = await attempt(fetchPeople);
    if (!people) {
      setTimeout(() => this.start(), 1000);
      return;
    }
    const wanted = new URLSearchParams(location.search).get("user");
    const person = people.find((each) => each.id === wanted || each.username === wanted) ?? people.find((each) => each.is_default) ?? people[0];
    this.become(person.id);
  }

  // Who and where

  become(userId) {
    closePopover();
    this.#connection?.close();
    this.act = actionsOf(userId);
    const address = new URL(location.href);
    address.searchParams.set("user", userId);
    history.replaceState(null, "", address);
    this.#connection = connect(userId, {
      onEvent: (type, data) => this.store.apply(type, data, Date.now()),
      onState: (connected) => this.store.setConnected(connected),
    });
  }

  /** Use one's Discord in another language. */
  speak(locale) {
    return attempt(() => this.act.speak(locale));
  }

  openWindow() {
    window.open(location.href, "_blank", "noopener");
  }

  selectChannel(id) {
    if (!this.store.channel(id)) {
      toast("You cannot see that channel.");
      return;
    }
    this.#editing = null;
    this.store.select(id);
    history.replaceState(null, "", `#${id}`);
    this.panels.closeDrawers();
  }

  async openDm() {
    const channel = await attempt(() => this.act.openDm());
    if (!channel) return;
    if (!this.store.channel(channel.id)) this.store.apply("channel_create", channel, Date.now());
    this.selectChannel(channel.id);
  }

  firstChannel(guild) {
    const texts = guild.channels.filter((channel) => channel.type === CHANNEL.TEXT);
    return texts.sort((a, b) => (a.position ?? 0) - (b.position ?? 0))[0] ?? guild.channels[0];
  }

  channelTitle(channel) {
    if (channel.name) return channel.name;
    const other = (channel.recipients ?? []).find((user) => user.id !== this.store.me.id);
    return this.store.displayName(other?.id ?? this.store.bot.id);
  }

  // What the composer asks

  encode(text) {
    return encodeMentions(text, mentionTargets(this.store));
  }

  mentionTargets() {
    return mentionTargets(this.store);
  }

  openCommand(path) {
    this.panels.closeDrawers();
    this.composer.openCommand(path);
  }

  mention(userId) {
    this.panels.closeDrawers();
    const { input } = this.composer;
    this.composer.setText(`${input.value}@${this.store.displayName(userId)} `);
  }

  focusComposer() {
    this.composer.focus();
  }

  toBottom() {
    this.messages.toBottom();
  }

  jumpTo(messageId) {
    this.messages.jumpTo(messageId);
  }

  // Messages: replying and editing

  reply(message) {
    this.composer.setReply(message);
    this.messages.schedule();
  }

  replyTarget() {
    return this.composer.replyTarget;
  }

  edit(messageId) {
    this.#editing = messageId;
    this.messages.schedule();
  }

  editing() {
    return this.#editing;
  }

  /** Edit one's newest message here. @returns {boolean} whether there is one */
  editLast() {
    const own = this.store.rows().filter((row) => row.row === "message" && row.message.author.id === this.store.me.id).at(-1);
    if (own) this.edit(own.id);
    return own !== undefined;
  }

  editorFor(message) {
    return messageEditor(message, this);
  }

  openMessageMenu(message, anchor) {
    openMessageMenu(message, anchor, this);
  }

  // Interactions

  /** @throws {import("./core/api.js").ApiError} shown by the command's form */
  async sendSlash(channel_id, path, options) {
    const { interaction_id } = await this.act.slash(channel_id, path, options);
    this.store.begin(interaction_id, { kind: "slash", channel_id, label: path });
    this.toBottom();
  }

  sendMenu(message, name) {
    const { channel_id } = message;
    return attempt(async () => {
      const { interaction_id } = await this.act.messageMenu(channel_id, name, message.id);
      this.store.begin(interaction_id, { kind: "menu", channel_id, label: name });
    });
  }

  useOnPerson(userId, name) {
    const channel_id = this.store.channelId;
    return attempt(async () => {
      const { interaction_id } = await this.act.userMenu(channel_id, name, userId);
      this.store.begin(interaction_id, { kind: "menu", channel_id, label: name });
      this.panels.closeDrawers();
    });
  }

  /** Put a reaction under a message, or take one's own back. */
  react(message, emoji) {
    return attempt(() => this.act.react(message.channel_id, message.id, emoji));
  }

  /** Start a thread on a message and open it. */
  async startThread(message, name) {
    const thread = await attempt(() => this.act.startThread(message.channel_id, message.id, name));
    if (thread) this.openThread(thread);
  }

  /** Open a thread that was just started, whether or not one was told of it yet. */
  openThread(thread) {
    if (!this.store.channel(thread.id)) this.store.apply("channel_create", thread, Date.now());
    this.selectChannel(thread.id);
  }

  openPersonMenu(userId, anchor) {
    openPersonMenu(userId, anchor, this);
  }

  press(message, custom_id, values) {
    const { channel_id, id } = message;
    return attempt(async () => {
      const { interaction_id } = await this.act.click(channel_id, id, custom_id, values);
      this.store.begin(interaction_id, { kind: "press", channel_id, message_id: id, custom_id });
    });
  }

  /** @returns {Promise<string>} the submission's interaction @throws {import("./core/api.js").ApiError} */
  async submitModal(modal, values) {
    const { interaction_id } = await this.act.submitModal(modal.interaction_id, modal.custom_id, values);
    this.store.begin(interaction_id, { kind: "modal", channel_id: this.store.channelId });
    return interaction_id;
  }

  // Drawing

  #changed(change) {
    const draw = {
      reset: () => this.#reset(),
      selection: () => this.#drawPlace(),
      message: () => this.#messageChanged(change),
      channels: () => this.#drawPlace(),
      commands: () => drawNotices(this.notices, this),
      connection: () => drawNotices(this.notices, this),
      bot: () => this.#botChanged(),
      people: () => this.#peopleChanged(),
      typing: () => this.#drawTyping(),
      interaction: () => this.#interactionChanged(change),
      modal: () => openModal(change.modal, this),
    }[change.kind];
    draw?.();
  }

  #reset() {
    this.#readerChanged();
    document.title = `${this.store.guilds[0]?.name ?? "Sandbox"} · sandbox`;
    const wanted = [location.hash.slice(1), this.store.channelId].find((id) => id && this.store.channel(id));
    const [guild] = this.store.guilds;
    const first = guild ? this.firstChannel(guild) : this.store.dms[0];
    this.store.select(wanted ?? first?.id ?? null);
    if (!matchMedia("(pointer: coarse)").matches) this.focusComposer();
  }

  #readerChanged() {
    const { id, locale } = this.store.me;
    const reader = `${id} ${locale}`;
    const changed = reader !== this.#shownFor;
    this.#shownFor = reader;
    if (changed) this.messages.rebuild();
    return changed;
  }

  /** Somebody came, went or speaks another language; a command that was begun in one's old language is left. */
  #peopleChanged() {
    if (this.#readerChanged()) this.composer.channelChanged();
    this.#drawPlace();
  }

  #drawPlace() {
    if (this.store.channelId && !this.store.channel()) {
      this.#reset();
      return;
    }
    this.sidebar.draw();
    drawTopbar(at("topbar"), this);
    drawMembers(at("members"), this);
    drawNotices(this.notices, this);
    if (this.composer.shownChannel !== this.store.channelId) this.composer.channelChanged();
    this.#drawTyping();
    this.messages.schedule();
  }

  #messageChanged({ channel, created, id }) {
    if (channel !== this.store.channelId) {
      if (created) this.sidebar.draw();
      return;
    }
    this.messages.schedule({ created });
    if (!created) return;
    drawNotices(this.notices, this);
    this.#drawTyping();
    const author = this.store.message(channel, id).author.id;
    if (author !== this.store.me.id) at("announcer").textContent = `New message from ${this.store.displayName(author)}`;
  }

  #botChanged() {
    drawMembers(at("members"), this);
    drawNotices(this.notices, this);
  }

  #interactionChanged({ id, channel, message }) {
    const interaction = this.store.interactions.get(id);
    modalInteraction(interaction);
    if (message) this.messages.showPress(message);
    if (channel === this.store.channelId) this.messages.schedule();
  }

  #drawTyping() {
    if (!this.store.me) return;
    const ids = this.store.typingNow(Date.now());
    this.composer.showTyping(ids.map((id) => this.store.displayName(id)));
  }

  #everySecond() {
    this.#drawTyping();
    refreshTimes(this.messages.list, Date.now());
  }

  #panelChanged(name, open) {
    if (name === "sandbox-panel") this.panel.setOpen(open);
    if (this.store.me) drawTopbar(at("topbar"), this);
  }

  /** What is typed while no field has the focus goes to the composer, as in Discord. */
  #typedAnywhere(event) {
    const typing = event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (!typing || event.defaultPrevented || document.querySelector("dialog[open], .popover")) return;
    if (!event.target.closest("input, textarea")) this.focusComposer();
  }

  #followAddress() {
    const id = location.hash.slice(1);
    if (this.store.me && id !== this.store.channelId && this.store.channel(id)) this.store.select(id);
  }
}

await new Page().start();
