/** One option of a slash command in the composer: its name, and the editor that suits its type. */

import { channelChoices, roleChoices, userChoices } from "./select.js";
import { ApiError } from "../core/api.js";
import { h, iconButton } from "../core/dom.js";
import { OPTION, parseValue } from "../core/commands.js";

/** Discord's client asks for suggestions after a short rest in typing. */
const AUTOCOMPLETE_REST_MS = 250;

/**
 * @param {object} option of the command
 * @param {object} host of the form: `picker`, `store`, `act`, `suggest(name)`, `changed()`, `remove(field)`,
 *   `encode(text)`
 */
export function createField(option, host) {
  return option.type === OPTION.ATTACHMENT ? new FileField(option, host) : new TextField(option, host);
}

class Field {
  constructor(option, host) {
    this.option = option;
    this.host = host;
    this.error = h("span.option-error", { role: "alert" });
    const remove = option.required ? null : iconButton("close", `Remove ${option.shown}`, { class: "option-remove", onclick: () => host.remove(this) });
    this.label = h("span.option-name", { title: option.description }, option.shown);
    this.slot = h("span.option-slot");
    this.element = h("div.option-pill", { "data-option": option.name }, this.label, this.slot, remove, this.error);
  }

  showError(text) {
    this.error.textContent = text ?? "";
    this.element.classList.toggle("is-invalid", Boolean(text));
  }
}

class TextField extends Field {
  #picked = null;
  #timer = null;
  #round = 0;

  constructor(option, host) {
    super(option, host);
    const properties = { rows: "1", role: "combobox", "aria-label": option.shown, "aria-description": option.description, "aria-autocomplete": "list", "aria-expanded": "false", autocomplete: "off" };
    if (option.required) properties["aria-required"] = "true";
    this.input = h("textarea", properties);
    this.slot.append(this.input);
    this.input.addEventListener("input", () => this.#typed());
    this.input.addEventListener("focus", () => this.#focused());
    this.input.addEventListener("blur", () => this.#left());
    this.input.addEventListener("keydown", (event) => this.#key(event));
  }

  focus() {
    this.input.focus();
  }

  setText(text) {
    this.input.value = text;
    this.#resize();
  }

  isEmpty() {
    return this.input.value.trim() === "";
  }

  /** @returns {{value?: string | number | boolean, error?: string}} */
  read() {
    if (this.#picked && this.#picked.label === this.input.value) return { value: this.#picked.value };
    const exact = this.#choices().find((choice) => choice.label.toLowerCase() === this.input.value.trim().toLowerCase());
    if (exact) return { value: exact.value };
    const text = this.option.type === OPTION.STRING && !this.option.autocomplete ? this.host.encode(this.input.value) : this.input.value;
    return parseValue(this.option, text);
  }

  #key(event) {
    if (this.host.picker.handleKey(event) || event.isComposing) return;
    if (event.key === "Backspace" && this.input.value === "") {
      event.preventDefault();
      this.host.back(this);
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.host.submit();
    }
  }

  #typed() {
    this.#resize();
    this.showError(null);
    this.#offer();
    this.host.changed();
  }

  #focused() {
    this.host.focused(this);
    this.#offer();
  }

  #left() {
    clearTimeout(this.#timer);
    this.#round += 1;
    this.host.picker.hide();
    if (!this.isEmpty()) this.showError(this.read().error);
  }

  #resize() {
    this.input.style.setProperty("height", "auto");
    this.input.style.setProperty("width", `${Math.min(Math.max(this.input.value.length + 2, 6), 72)}ch`);
    this.input.style.setProperty("height", `${this.input.scrollHeight}px`);
  }

  #choices() {
    const { option, host } = this;
    switch (option.type) {
      case OPTION.BOOLEAN:
        return [{ label: "True", value: true }, { label: "False", value: false }];
      case OPTION.USER:
        return userChoices(host.store);
      case OPTION.ROLE:
        return roleChoices(host.store);
      case OPTION.CHANNEL:
        return channelChoices(host.store, option.channel_types);
      case OPTION.MENTIONABLE:
        return [...userChoices(host.store), ...roleChoices(host.store)];
      default:
        return (option.choices ?? []).map((choice) => ({ label: choice.name, value: choice.value }));
    }
  }

  #offer() {
    if (this.option.autocomplete) {
      this.#suggestSoon();
      return;
    }
    const typed = this.#picked?.label === this.input.value ? "" : this.input.value.trim().toLowerCase();
    const fitting = this.#choices().filter((choice) => choice.label.toLowerCase().includes(typed));
    this.#show(fitting);
  }

  #suggestSoon() {
    clearTimeout(this.#timer);
    const round = ++this.#round;
    this.#timer = setTimeout(() => this.#suggest(round), AUTOCOMPLETE_REST_MS);
  }

  async #suggest(round) {
    let choices = [];
    let empty = "No options match your search.";
    try {
      choices = await this.host.suggest(this.option.name, this.input.value);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      empty = "Loading options failed.";
    }
    if (round !== this.#round || document.activeElement !== this.input) return;
    this.#show(choices.map((choice) => ({ label: choice.name, value: choice.value })), empty);
  }

  #show(choices, empty = "") {
    const items = choices.map((choice) => ({
      title: choice.label,
      detail: choice.description,
      lead: choice.lead?.(),
      pick: () => this.#pick(choice),
    }));
    const asks = this.option.autocomplete || this.#choices().length > 0;
    this.host.picker.show(this.input, this.option.description || this.option.shown, items, { empty: asks ? empty || "No options match your search." : "" });
  }

  #pick(choice) {
    this.#picked = choice;
    this.setText(choice.label);
    this.showError(null);
    this.host.picker.hide();
    this.host.changed();
    this.host.advance(this);
  }
}

class FileField extends Field {
  #attachment = null;
  #uploading = false;

  constructor(option, host) {
    super(option, host);
    this.chooser = h("input.visually-hidden", { type: "file", tabindex: "-1", "aria-hidden": "true", onchange: () => this.#chosen() });
    this.button = h("button.file-choice", { type: "button", "aria-label": `${option.shown}: choose a file`, onclick: () => this.chooser.click() }, "Choose a file…");
    this.slot.append(this.chooser, this.button);
    this.button.addEventListener("focus", () => host.focused(this));
    this.button.addEventListener("keydown", (event) => {
      if (event.key !== "Backspace") return;
      event.preventDefault();
      host.back(this);
    });
  }

  focus() {
    this.button.focus();
  }

  isEmpty() {
    return this.#attachment === null;
  }

  read() {
    if (this.#uploading) return { error: "Still uploading." };
    return this.#attachment ? { value: this.#attachment.id } : {};
  }

  async #chosen() {
    const [file] = this.chooser.files;
    if (!file) return;
    this.#uploading = true;
    this.button.textContent = `Uploading ${file.name}…`;
    try {
      this.#attachment = await this.host.act.upload(file);
      this.button.textContent = file.name;
      this.showError(null);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#attachment = null;
      this.button.textContent = "Choose a file…";
      this.showError(error.message);
    } finally {
      this.#uploading = false;
    }
    this.host.changed();
  }
}
