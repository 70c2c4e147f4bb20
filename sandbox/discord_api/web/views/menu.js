/** Context menus: items, separators, titled groups; arrow keys, Enter, Esc. */

import { h, icon } from "../core/dom.js";
import { movedIndex, openPopover } from "./popover.js";

/**
 * @param {Element | {x: number, y: number}} anchor
 * @param {(null | {title: string} | {label: string, icon?: string, danger?: boolean, detail?: string,
 *   lead?: Node, checked?: boolean, lang?: string, run: () => void})[]} items null draws a separator
 * @param {string} label accessible name of the menu
 */
export function openMenu(anchor, items, label) {
  const menu = h("div.menu", { role: "menu", "aria-label": label });
  const popover = openPopover(anchor, menu, { onClose: () => anchor instanceof Element && anchor.removeAttribute("aria-expanded") });
  if (anchor instanceof Element) anchor.setAttribute("aria-expanded", "true");
  const buttons = [];
  for (const item of items) menu.append(entry(item, buttons, popover));
  menu.addEventListener("keydown", (event) => move(event, buttons));
  popover.place();
  (buttons.find((button) => button.getAttribute("aria-checked") === "true") ?? buttons[0])?.focus();
}

function entry(item, buttons, popover) {
  if (item === null) return h("hr", { role: "separator" });
  if (item.title) return h("div.menu-title", { role: "presentation" }, item.title);
  const choose = () => {
    popover.close();
    item.run();
  };
  const checkable = item.checked !== undefined;
  const properties = {
    type: "button",
    role: checkable ? "menuitemradio" : "menuitem",
    "aria-checked": checkable ? String(item.checked) : null,
    class: item.danger ? "danger" : "",
    lang: item.lang,
    onclick: choose,
  };
  const text = h("span.menu-text", {}, h("span", {}, item.label), item.detail ? h("small", {}, item.detail) : null);
  const mark = item.checked ? icon("check") : item.icon ? icon(item.icon) : null;
  const button = h("button.menu-item", properties, item.lead, text, mark);
  buttons.push(button);
  return button;
}

function move(event, buttons) {
  if (event.key === "Tab") event.preventDefault();
  const next = movedIndex(event.key, buttons.indexOf(document.activeElement), buttons.length);
  if (next === null) return;
  event.preventDefault();
  buttons[next].focus();
}
