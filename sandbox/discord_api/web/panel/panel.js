/**
 * The "Sandbox" panel beside the conversation. It is made of sections, each with an element and a
 * `refresh()`; they are refreshed once a second, only while the panel is open and the page is visible.
 * A new control is a new section in the list of `app.js`.
 *
 * @typedef {{title: string, element: HTMLElement, refresh: () => Promise<void>}} Section
 */

import { ApiError } from "../core/api.js";
import { h, icon, iconButton } from "../core/dom.js";

const REFRESH_MS = 1000;

export class Panel {
  #timer = null;
  #open = false;

  /** @param {HTMLElement} host @param {Section[]} sections @param {() => void} onClose */
  constructor(host, sections, onClose) {
    this.sections = sections;
    this.problem = h("p.panel-problem", { role: "status", hidden: true });
    const drawn = sections.map((section) => h("details.panel-section", { open: true }, h("summary", {}, h("h3", {}, section.title), icon("chevron")), section.element));
    const head = h("header.panel-head", {}, h("h2", {}, "Sandbox"), iconButton("close", "Close the sandbox panel", { onclick: onClose }));
    host.replaceChildren(head, h("div.panel-body", {}, this.problem, drawn));
  }

  setOpen(open) {
    if (open === this.#open) return;
    this.#open = open;
    clearTimeout(this.#timer);
    if (open) this.#round();
  }

  async #round() {
    if (document.visibilityState === "visible") await this.#refresh();
    if (this.#open) this.#timer = setTimeout(() => this.#round(), REFRESH_MS);
  }

  async #refresh() {
    try {
      await Promise.all(this.sections.map((section) => section.refresh()));
      this.problem.hidden = true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.problem.hidden = false;
      this.problem.textContent = error.message;
    }
  }
}
