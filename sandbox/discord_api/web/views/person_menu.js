/** What a person can do with another one: mention them, use the commands of their context menu. */

import { openMenu } from "./menu.js";
import { userMenuCommands } from "../core/commands.js";

/** @param {string} userId @param {Element | {x: number, y: number}} anchor @param {object} ctx the page */
export function openPersonMenu(userId, anchor, ctx) {
  const { store } = ctx;
  const apps = userMenuCommands(store.commands, store.place());
  const items = [
    { title: store.displayName(userId) },
    { label: "Mention", icon: "at", run: () => ctx.mention(userId) },
    apps.length > 0 && { title: "Apps" },
    ...apps.map((command) => ({ label: command.shown, icon: "bot", run: () => ctx.useOnPerson(userId, command.name) })),
  ];
  openMenu(anchor, items.filter((item) => item !== false), `Actions on ${store.displayName(userId)}`);
}
