/**
 * What one person sees, kept up to date from the live connection. No page in here: views subscribe and
 * read. Every change is announced once, by name, with what it touched.
 *
 * Changes: `reset` · `people` · `message` {channel, id} (created, changed, deleted) · `channels` · `commands` · `bot` ·
 * `typing` {channel} · `interaction` {channel, message} · `modal` {modal} · `selection` · `connection` ·
 * `refused` {origin, error}
 */

import { compareIds } from "./format.js";

export const FLAG = { SUPPRESS_EMBEDS: 4, EPHEMERAL: 64, LOADING: 128, COMPONENTS_V2: 32768 };
export const CHANNEL = { TEXT: 0, DM: 1, VOICE: 2, CATEGORY: 4, NEWS: 5, FORUM: 15, THREADS: [10, 11, 12] };

/** Discord's client shows "… is typing" for ten seconds after the event. */
const TYPING_MS = 10_000;

export class Store {
  #listeners = new Set();

  constructor() {
    this.connected = false;
    this.channelId = null;
    /** Typing state: channel → user → until (ms). */
    this.typing = new Map();
    /** Channels with something new since they were last open; the number counts mentions of me. */
    this.unread = new Map();
    this.#clear();
  }

  #clear() {
    this.me = null;
    this.people = [];
    this.bot = null;
    this.guilds = [];
    this.dms = [];
    this.commands = [];
    this.limits = {};
    this.users = new Map();
    this.messages = new Map();
    this.interactions = new Map();
    this.dismissed = new Set();
  }

  /** @param {(change: {kind: string}) => void} listener @returns {() => void} stops it */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #announce(change) {
    for (const listener of this.#listeners) listener(change);
  }

  /**
   * Take in one event of the live connection. Unknown types are ignored, so an older page works with a
   * newer server.
   *
   * @param {string} type @param {any} data @param {number} now milliseconds, for what expires
   */
  apply(type, data, now) {
    const handler = HANDLERS[type];
    if (!handler) return;
    const change = handler(this, data, now);
    if (change) this.#announce(change);
  }

  setConnected(connected) {
    if (this.connected === connected) return;
    this.connected = connected;
    this.#announce({ kind: "connection" });
  }

  /** Open a channel; it counts as read. */
  select(channelId) {
    this.channelId = channelId;
    this.unread.delete(channelId);
    this.#announce({ kind: "selection" });
  }

  loadSnapshot(data) {
    this.#clear();
    Object.assign(this, { me: data.me, people: data.people, bot: data.bot, guilds: data.guilds, dms: data.dms ?? [] });
    this.commands = data.commands ?? [];
    this.limits = data.limits ?? {};
    for (const user of [...data.people, { ...data.bot, bot: true }]) this.users.set(user.id, user);
    for (const member of data.guilds.flatMap((guild) => guild.members)) this.rememberUser(member.user);
    for (const [channel, list] of Object.entries(data.messages ?? {})) {
      this.messages.set(channel, [...list].sort((a, b) => compareIds(a.id, b.id)));
      for (const message of list) this.rememberUser(message.author);
    }
  }

  /** Merge: people carry an avatar colour that authors of messages lack. */
  rememberUser(user) {
    if (user) this.users.set(user.id, { ...user, ...this.users.get(user.id) });
  }

  channels() {
    return [...this.dms, ...this.guilds.flatMap((guild) => guild.channels)];
  }

  channel(id = this.channelId) {
    return this.channels().find((channel) => channel.id === id) ?? null;
  }

  /** The guild of a channel, or null for a direct message. */
  guildOf(channelId = this.channelId) {
    return this.guilds.find((guild) => guild.channels.some((channel) => channel.id === channelId)) ?? null;
  }

  member(userId, guild = this.guildOf()) {
    return guild?.members.find((member) => member.user.id === userId) ?? null;
  }

  displayName(userId) {
    const user = this.users.get(userId);
    return this.member(userId)?.nick ?? user?.global_name ?? user?.username ?? "Unknown user";
  }

  /** The colour of the member's highest coloured role, or null. */
  nameColor(userId) {
    const guild = this.guildOf();
    const roles = this.member(userId, guild)?.roles ?? [];
    const colored = (guild?.roles ?? []).filter((role) => role.color && roles.includes(role.id));
    return colored.sort((a, b) => (b.position ?? 0) - (a.position ?? 0))[0]?.color ?? null;
  }

  /** Where commands are offered from, and in which language. */
  place() {
    const guild = this.guildOf();
    const manager = guild?.owner_id ? guild.owner_id === this.me.id : this.me?.kind === "admin";
    return { guildId: guild?.id ?? null, manager, granted: guild?.granted ?? {}, locale: this.me?.locale };
  }

  message(channelId, id) {
    return this.messages.get(channelId)?.find((message) => message.id === id) ?? null;
  }

  /**
   * The rows of a channel in order: messages, and notices about commands that are on their way or failed.
   *
   * @returns {({row: "message", id: string, message: object} | {row: "notice", id: string, interaction: object})[]}
   */
  rows(channelId = this.channelId) {
    const messages = (this.messages.get(channelId) ?? [])
      .filter((message) => !this.dismissed.has(message.id))
      .map((message) => ({ row: "message", id: message.id, message }));
    const notices = [...this.interactions.values()]
      .filter((each) => each.channel_id === channelId && isNotice(each) && !this.dismissed.has(each.id))
      .map((interaction) => ({ row: "notice", id: interaction.id, interaction }));
    return notices.length ? [...messages, ...notices].sort((a, b) => compareIds(a.id, b.id)) : messages;
  }

  /** Remove an ephemeral message or a notice from this page; nobody else ever saw it. */
  dismiss(channelId, id) {
    this.dismissed.add(id);
    this.#announce({ kind: "message", channel: channelId, id });
  }

  typingNow(now, channelId = this.channelId) {
    const users = this.typing.get(channelId) ?? new Map();
    return [...users].filter(([id, until]) => until > now && id !== this.me?.id).map(([id]) => id);
  }

  /**
   * Remember what an interaction began with, so that its later states reach the right control. The live
   * connection may already have reported it.
   *
   * @param {string} id
   * @param {{kind: "slash"|"menu"|"press"|"modal", channel_id: string, message_id?: string, custom_id?: string, label?: string}} origin
   */
  begin(id, origin) {
    const known = this.interactions.get(id) ?? { id, state: "pending" };
    this.interactions.set(id, { ...known, channel_id: origin.channel_id, origin });
    this.#announce({ kind: "interaction", channel: origin.channel_id, message: origin.message_id ?? null, id });
  }

  /** The state of the newest press on a message: null, or the interaction with its custom id. */
  press(messageId) {
    const presses = [...this.interactions.values()].filter((each) => each.origin?.message_id === messageId && each.origin.kind === "press");
    return presses.at(-1) ?? null;
  }
}

function isNotice(interaction) {
  const kind = interaction.origin?.kind;
  return (kind === "slash" || kind === "menu") && interaction.state !== "acked";
}

const HANDLERS = {
  snapshot(store, data) {
    store.loadSnapshot(data);
    return { kind: "reset" };
  },
  message_create(store, message, now) {
    const list = store.messages.get(message.channel_id) ?? [];
    store.messages.set(message.channel_id, list);
    store.rememberUser(message.author);
    insert(list, message);
    store.typing.get(message.channel_id)?.delete(message.author.id);
    if (message.channel_id !== store.channelId && message.author.id !== store.me?.id) countUnread(store, message);
    return { kind: "message", channel: message.channel_id, id: message.id, created: true, at: now };
  },
  message_update(store, message) {
    const list = store.messages.get(message.channel_id) ?? [];
    store.messages.set(message.channel_id, list);
    insert(list, message);
    return { kind: "message", channel: message.channel_id, id: message.id };
  },
  message_delete(store, { id, channel_id: channel }) {
    store.messages.set(channel, (store.messages.get(channel) ?? []).filter((message) => message.id !== id));
    return { kind: "message", channel, id, deleted: true };
  },
  typing(store, { channel_id: channel, user_id: user }, now) {
    if (!store.typing.has(channel)) store.typing.set(channel, new Map());
    store.typing.get(channel).set(user, now + TYPING_MS);
    return { kind: "typing", channel };
  },
  commands(store, commands) {
    store.commands = Array.isArray(commands) ? commands : commands.commands;
    return { kind: "commands" };
  },
  channel_create: putChannel,
  channel_update: putChannel,
  channel_delete(store, channel) {
    store.dms = store.dms.filter((each) => each.id !== channel.id);
    for (const guild of store.guilds) guild.channels = guild.channels.filter((each) => each.id !== channel.id);
    store.messages.delete(channel.id);
    return { kind: "channels" };
  },
  people(store, { people, guild_id, members }) {
    store.people = people;
    store.me = people.find((person) => person.id === store.me?.id) ?? store.me;
    for (const user of people) store.users.set(user.id, user);
    for (const guild of store.guilds) if (guild.id === guild_id) guild.members = members;
    for (const member of members) store.rememberUser(member.user);
    return { kind: "people" };
  },
  bot(store, bot) {
    store.bot = { ...store.bot, ...bot };
    return { kind: "bot" };
  },
  modal(_store, modal) {
    return { kind: "modal", modal };
  },
  interaction(store, data) {
    const known = store.interactions.get(data.id);
    const interaction = { ...known, ...data };
    store.interactions.set(data.id, interaction);
    const message = interaction.origin?.message_id ?? data.message_id ?? null;
    return { kind: "interaction", channel: interaction.channel_id, message, id: data.id };
  },
};

function putChannel(store, channel) {
  const guild = store.guilds.find((each) => each.id === channel.guild_id);
  const list = guild ? guild.channels : store.dms;
  const at = list.findIndex((each) => each.id === channel.id);
  if (at >= 0) list[at] = { ...list[at], ...channel };
  else list.push(channel);
  return { kind: "channels" };
}

/** Keep the list ordered by id; the newest is nearly always the last. */
function insert(list, message) {
  const known = list.findIndex((each) => each.id === message.id);
  if (known >= 0) {
    list[known] = message;
    return;
  }
  let at = list.length;
  while (at > 0 && compareIds(list[at - 1].id, message.id) > 0) at -= 1;
  list.splice(at, 0, message);
}

function countUnread(store, message) {
  const mentioned = (message.mentions ?? []).some((user) => user.id === store.me?.id) || message.mention_everyone === true;
  store.unread.set(message.channel_id, (store.unread.get(message.channel_id) ?? 0) + Number(mentioned));
}
