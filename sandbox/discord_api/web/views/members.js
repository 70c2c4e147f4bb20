/** The list of members at the right. */

import { appTag, avatar } from "../core/people.js";
import { cssColor } from "../core/format.js";
import { h } from "../core/dom.js";

/** @param {HTMLElement} host @param {object} ctx the page */
export function drawMembers(host, ctx) {
  const { store } = ctx;
  const guild = store.guildOf();
  const members = guild?.members ?? [{ user: store.bot, roles: [] }, { user: store.me, roles: [] }];
  const groups = groupMembers(members, guild, store);
  host.replaceChildren(...groups.flatMap(([title, list]) => [h("h2.category", {}, `${title} — ${list.length}`), h("ul", { role: "list" }, list.map((member) => row(member, ctx)))]));
}

/** Members by their highest coloured role, then the rest, then who is away. */
function groupMembers(members, guild, store) {
  const ranked = (guild?.roles ?? []).filter((role) => role.color || role.hoist).sort((a, b) => (b.position ?? 0) - (a.position ?? 0));
  const groups = new Map([...ranked.map((role) => [role.name, []]), ["Members", []], ["Apps", []], ["Offline", []]]);
  for (const member of members) {
    const isBot = member.user.id === store.bot.id;
    const role = ranked.find((each) => (member.roles ?? []).includes(each.id));
    const group = isBot ? (store.bot.online ? "Apps" : "Offline") : (role?.name ?? "Members");
    groups.get(group).push(member);
  }
  return [...groups].filter(([, list]) => list.length);
}

function row(member, ctx) {
  const { store } = ctx;
  const isBot = member.user.id === store.bot.id;
  const user = { ...(store.users.get(member.user.id) ?? member.user), bot: isBot };
  const color = cssColor(store.nameColor(user.id));
  const offline = isBot && !store.bot.online;
  const status = isBot ? store.bot.text : null;
  const name = h("span.author", { class: color ? "is-colored" : "", style: color ? { "--role": color } : {} }, store.displayName(user.id));
  const mention = () => ctx.mention(user.id);
  const menu = (event) => {
    event.preventDefault();
    ctx.openPersonMenu(user.id, event.clientX || event.clientY ? { x: event.clientX, y: event.clientY } : event.currentTarget);
  };
  const text = h("span.member-text", {}, h("span.member-name", {}, name, isBot ? appTag() : null), status ? h("small", {}, status) : null);
  const dot = h("span.presence", { class: offline ? "is-offline" : "", "aria-hidden": "true" });
  const label = `Mention ${store.displayName(user.id)}${offline ? ", offline" : ""}`;
  return h("li", {}, h("button.member", { type: "button", class: offline ? "is-away" : "", "aria-label": label, onclick: mention, oncontextmenu: menu }, h("span.avatar-with-dot", {}, avatar(user), dot), text));
}
