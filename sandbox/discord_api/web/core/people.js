/** Avatars and names, the same everywhere on the page. */

import { cssColor, initials } from "./format.js";
import { h, icon } from "./dom.js";

/** Backgrounds for people without a colour of their own; white text on each has a contrast ≥ 4.5. */
const TINTS = ["#5865c9", "#a3476f", "#2f7d5b", "#8a5a1f", "#7a4fb5", "#2b7493", "#a8483b", "#5c6b2f"];

/** @param {object} user @param {string} [name] what the initials are taken from */
export function avatar(user, name = user.global_name ?? user.username ?? "?") {
  const tint = cssColor(user.avatar_color) ?? TINTS[Number(BigInt(user.id ?? 0) % BigInt(TINTS.length))];
  const classes = user.bot ? "avatar is-app" : "avatar";
  const properties = { class: classes, style: { "--tint": tint, "--on-tint": readableOn(tint) }, "aria-hidden": "true" };
  return h("span", properties, user.bot ? icon("bot") : initials(name));
}

/** Black or white, whichever reads better on a `#rrggbb` (relative luminance of WCAG 2). */
export function readableOn(color) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  return luminance > 0.1791 ? "#000000" : "#ffffff";
}

export const appTag = () => h("span.app-tag", { title: "This is an application" }, "APP");

export const KIND = {
  stranger: "Stranger",
  member: "Member",
  admin: "Administrator",
  operator: "Operator",
};
