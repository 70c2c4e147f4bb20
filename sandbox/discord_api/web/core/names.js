/** What mentions mean to the reader, taken from the store. */

import { avatar } from "./people.js";
import { cssColor } from "./format.js";
import { icon } from "./dom.js";

/**
 * @param {import("./store.js").Store} store
 * @param {{openChannel: (id: string) => void, openCommand: (name: string) => void}} actions
 * @returns {import("../markdown_dom.js").Names}
 */
export function createNames(store, { openChannel, openCommand }) {
  const allRoles = () => store.guilds.flatMap((guild) => guild.roles);
  return {
    user: (id) => store.displayName(id),
    role(id) {
      const role = allRoles().find((each) => each.id === id);
      return { name: role?.name ?? "unknown-role", color: cssColor(role?.color) };
    },
    channel: (id) => store.channel(id)?.name ?? null,
    isMe: (id) => id === store.me.id || (store.member(store.me.id)?.roles ?? []).includes(id),
    openChannel,
    openCommand,
    now: () => Date.now(),
  };
}

/** Whom and what one can mention in the open channel, for the composer. */
export function mentionTargets(store) {
  const guild = store.guildOf();
  const users = guild?.members.map((member) => member.user) ?? [store.bot];
  const people = users.map((user) => ({
    names: [...new Set([store.displayName(user.id), user.global_name, user.username])].filter(Boolean),
    code: `<@${user.id}>`,
    detail: user.username,
    lead: () => avatar({ ...store.users.get(user.id), bot: user.id === store.bot.id }),
  }));
  const roles = (guild?.roles ?? []).filter((role) => role.name !== "@everyone").map((role) => ({
    names: [role.name],
    code: `<@&${role.id}>`,
    detail: "Role",
    lead: () => icon("people"),
  }));
  const channels = (guild?.channels ?? []).filter((channel) => channel.type !== 4).map((channel) => ({
    names: [channel.name],
    code: `<#${channel.id}>`,
    lead: () => icon("hash"),
  }));
  return { at: [...people, ...roles], hash: channels };
}
