/** A slash command being filled in: the required options first, the optional ones to add. */

import { ApiError } from "../core/api.js";
import { createField } from "./option_field.js";
import { h, iconButton } from "../core/dom.js";
import { orderedOptions } from "../core/commands.js";

export class CommandForm {
  #fields = [];

  /**
   * @param {import("../core/commands.js").Entry} entry
   * @param {object} ctx the page
   * @param {{picker: object, onLeave: (text: string) => void, onSent: () => void,
   *   onRefused: (form: CommandForm, reason: string) => void}} host `onSent` at once when a complete command
   *   goes out, `onRefused` if the sandbox then did not take it
   */
  constructor(entry, ctx, host) {
    this.entry = entry;
    this.ctx = ctx;
    this.onLeave = host.onLeave;
    this.onSent = host.onSent;
    this.onRefused = host.onRefused;
    this.picker = host.picker;
    this.store = ctx.store;
    this.channelId = ctx.store.channelId;
    this.explanation = h("div.option-help", { "aria-live": "polite" });
    this.addable = h("div.option-more", { role: "group", "aria-label": "Optional options" });
    this.pills = h("div.option-pills", {}, h("span.command-chip", {}, `/${entry.shown}`));
    const leave = iconButton("close", "Discard the command", { onclick: () => this.onLeave("") });
    const send = iconButton("send", "Send the command", { class: "send-button", onclick: () => this.submit() });
    this.element = h("div.command-form", { role: "form", "aria-label": `Command ${entry.shown}` },
      h("div.option-strip", {}, this.explanation, this.addable),
      h("div.option-line", {}, this.pills, leave, send));
    this.element.addEventListener("keydown", (event) => this.#key(event));
    for (const option of orderedOptions(entry).filter((each) => each.required)) this.#add(option);
    this.#drawAddable();
  }

  get act() {
    return this.ctx.act;
  }

  /** Put the text typed after the command into its first text option. */
  fill(text) {
    if (!text) return;
    const field = this.#fields.find((each) => each.setText) ?? this.#addFirstText();
    field?.setText(text);
  }

  focus() {
    const target = this.#fields.find((field) => field.isEmpty()) ?? this.#fields.at(-1);
    if (target) target.focus();
    else this.element.querySelector(".send-button").focus();
  }

  // What the fields ask of the form.

  encode(text) {
    return this.ctx.encode(text);
  }

  focused(field) {
    const { shown, description } = field.option;
    this.explanation.replaceChildren(h("strong", {}, shown), " ", description ?? "");
  }

  changed() {
    this.explanation.querySelector(".refusal")?.remove();
  }

  async suggest(name, typed) {
    const options = { ...this.#values().options, [name]: typed };
    return this.act.autocomplete(this.channelId, this.entry.path, name, options);
  }

  /** Backspace in an empty field: an optional one goes, the first one leaves the command. */
  back(field) {
    const index = this.#fields.indexOf(field);
    if (!field.option.required) this.remove(field);
    else if (index > 0) this.#fields[index - 1].focus();
    else this.onLeave(`/${this.entry.shown}`);
  }

  remove(field) {
    const index = this.#fields.indexOf(field);
    this.#fields.splice(index, 1);
    field.element.remove();
    this.picker.hide();
    this.#drawAddable();
    (this.#fields[index - 1] ?? this.#fields[0] ?? this).focus();
  }

  /** After a choice: on to the next field that is still empty and required. */
  advance(field) {
    const following = this.#fields.slice(this.#fields.indexOf(field) + 1);
    (following.find((each) => each.isEmpty()) ?? field).focus();
    this.picker.hide();
  }

  async submit() {
    const { options, invalid } = this.#values();
    if (invalid) {
      invalid.field.showError(invalid.error);
      invalid.field.focus();
      return;
    }
    this.onSent();
    try {
      await this.ctx.sendSlash(this.channelId, this.entry.path, options);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.onRefused(this, error.message);
    }
  }

  /** Say why the command was not taken; shown until something is changed. */
  showRefusal(reason) {
    this.explanation.replaceChildren(h("span.refusal", { role: "alert" }, reason));
  }

  #values() {
    const options = {};
    let invalid = null;
    for (const field of this.#fields) {
      const { value, error } = field.read();
      if (value !== undefined) options[field.option.name] = value;
      const problem = error ?? (value === undefined && field.option.required ? "This option is required." : null);
      if (problem && !invalid) invalid = { field, error: problem };
    }
    return { options, invalid };
  }

  #add(option) {
    const field = createField(option, this);
    this.#fields.push(field);
    this.pills.append(field.element);
    return field;
  }

  #addFirstText() {
    const option = this.entry.options.find((each) => each.type === 3);
    if (!option) return null;
    const field = this.#add(option);
    this.#drawAddable();
    return field;
  }

  #drawAddable() {
    const used = new Set(this.#fields.map((field) => field.option.name));
    const left = this.entry.options.filter((option) => !used.has(option.name));
    this.addable.replaceChildren(...left.map((option) => this.#addButton(option)));
    if (!this.#fields.length) this.explanation.textContent = this.entry.description;
  }

  #addButton(option) {
    const add = () => {
      const field = this.#add(option);
      this.#drawAddable();
      field.focus();
    };
    return h("button.option-add", { type: "button", title: option.description, onclick: add }, `+ ${option.shown}`);
  }

  #key(event) {
    if (event.key === "Escape" && !event.defaultPrevented) {
      event.preventDefault();
      event.stopPropagation();
      this.onLeave("");
    } else if (event.key === "Enter" && event.target === this.element.querySelector(".send-button")) {
      event.preventDefault();
      this.submit();
    }
  }
}
