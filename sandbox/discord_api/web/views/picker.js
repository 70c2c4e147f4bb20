/** The list above the composer: commands, choices, mentions. The text field keeps the focus. */

import { h } from "../core/dom.js";
import { movedIndex } from "./popover.js";

let serial = 0;

/** @typedef {{title: string, detail?: string, hint?: string, lead?: Node, pick: () => void}} Item */

export class Picker {
  #items = [];
  #active = 0;
  #field = null;

  constructor() {
    this.id = `picker-${++serial}`;
    this.heading = h("div.picker-heading");
    this.box = h("div.picker-list", { role: "listbox", id: this.id });
    this.element = h("div.picker", { hidden: true }, this.heading, this.box);
    this.element.addEventListener("pointerdown", (event) => event.preventDefault());
  }

  get open() {
    return !this.element.hidden;
  }

  /**
   * @param {HTMLElement} field the text field the list belongs to
   * @param {string} heading @param {Item[]} items an empty list hides the picker, unless `empty` is given
   * @param {{empty?: string}} [options]
   */
  show(field, heading, items, { empty = "" } = {}) {
    if (!items.length && !empty) {
      this.hide();
      return;
    }
    if (this.#field && this.#field !== field) this.hide();
    this.#field = field;
    this.#items = items;
    this.#active = 0;
    this.heading.textContent = heading;
    this.box.setAttribute("aria-label", heading);
    this.box.replaceChildren(...items.map((item, index) => this.#draw(item, index)));
    if (!items.length) this.box.append(h("p.nothing", {}, empty));
    this.element.hidden = false;
    field.setAttribute("aria-controls", this.id);
    field.setAttribute("aria-expanded", "true");
    this.#mark();
  }

  hide() {
    this.element.hidden = true;
    this.#items = [];
    this.#field?.removeAttribute("aria-activedescendant");
    this.#field?.setAttribute("aria-expanded", "false");
    this.#field = null;
  }

  /** Take a key of the text field. @returns {boolean} whether it was for the list */
  handleKey(event) {
    if (!this.open || event.isComposing) return false;
    const arrow = event.key === "ArrowDown" || event.key === "ArrowUp";
    const next = arrow ? movedIndex(event.key, this.#active, this.#items.length) : null;
    if (next !== null) {
      this.#active = next;
      this.#mark();
    } else if ((event.key === "Enter" && !event.shiftKey) || (event.key === "Tab" && !event.shiftKey)) {
      if (!this.#items.length) return false;
      this.#items[this.#active].pick();
    } else if (event.key === "Escape") {
      this.hide();
    } else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  #draw(item, index) {
    const text = h("span.menu-text", {}, h("span", {}, item.title), item.detail ? h("small", {}, item.detail) : null);
    const hint = item.hint ? h("span.picker-hint", {}, item.hint) : null;
    const choose = () => item.pick();
    return h("div.option", { role: "option", id: `${this.id}-${index}`, onclick: choose }, item.lead, text, hint);
  }

  #mark() {
    for (const [index, option] of [...this.box.children].entries()) {
      const active = index === this.#active && this.#items.length > 0;
      option.classList.toggle("is-active", active);
      if (option.role === "option") option.setAttribute("aria-selected", String(active));
      if (active) {
        option.scrollIntoView({ block: "nearest" });
        this.#field.setAttribute("aria-activedescendant", option.id);
      }
    }
  }
}
