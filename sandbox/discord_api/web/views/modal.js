/** Modals: forms that the bot opens. Closed when the bot acknowledged them; kept open when it did not. */

import { ApiError } from "../core/api.js";
import { createSelect, SELECT_TYPES } from "./select.js";
import { h, iconButton } from "../core/dom.js";
import { markdown } from "../markdown_dom.js";

const TYPE = { ROW: 1, TEXT_INPUT: 4, TEXT: 10, LABEL: 18, FILE_UPLOAD: 19 };
const PARAGRAPH = 2;

let serial = 0;
let open = null;

/**
 * @param {{interaction_id: string, custom_id: string, title: string, components: object[]}} modal
 * @param {object} ctx the page
 */
export function openModal(modal, ctx) {
  open?.close();
  open = new Modal(modal, ctx);
}

/** Tell the open modal what became of its submission. @param {{id: string, state: string, error?: string}} interaction */
export function modalInteraction(interaction) {
  open?.progress(interaction);
}

class Modal {
  #fields = [];
  #submission = null;

  constructor(modal, ctx) {
    this.modal = modal;
    this.ctx = ctx;
    const title = h("h2", { id: `modal-title-${++serial}` }, modal.title);
    this.problem = h("p.modal-problem", { role: "alert", hidden: true });
    this.submitButton = h("button.button.is-primary", { type: "submit" }, "Submit");
    const cancel = h("button.button.is-secondary", { type: "button", onclick: () => this.close() }, "Cancel");
    const fields = h("div.modal-fields", {}, modal.components.map((component) => this.#draw(component)));
    const form = h("form", { method: "dialog", novalidate: true },
      h("header.modal-head", {}, title, iconButton("close", "Close", { onclick: () => this.close() })),
      this.problem, fields, h("footer.modal-actions", {}, cancel, this.submitButton));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.dialog = h("dialog.modal", { "aria-labelledby": title.id }, form);
    this.dialog.addEventListener("close", () => this.#closed());
    document.body.append(this.dialog);
    this.dialog.showModal();
    this.#fields[0]?.focus();
  }

  close() {
    this.dialog.close();
  }

  progress({ id, state, error }) {
    if (id !== this.#submission || state === "pending") return;
    if (state === "acked") this.close();
    else this.#refuse(error ?? "Something went wrong. Try again.");
  }

  #closed() {
    this.dialog.remove();
    if (open === this) open = null;
  }

  #refuse(text) {
    this.#submission = null;
    this.problem.hidden = false;
    this.problem.textContent = text;
    this.submitButton.disabled = false;
    this.submitButton.removeAttribute("aria-busy");
  }

  #draw(component) {
    if (component.type === TYPE.TEXT) return markdown(component.content ?? "", this.ctx.names);
    if (component.type === TYPE.ROW) return component.components.map((child) => this.#field(child, child.label ?? "", ""));
    if (component.type === TYPE.LABEL) return this.#field(component.component, component.label, component.description ?? "");
    return h("p.unknown-component", {}, `A component of type ${component.type}, which this page does not draw.`);
  }

  #field(component, label, description) {
    const editor = this.#editor(component);
    const id = `modal-field-${++serial}`;
    editor.control.id = id;
    if (component.type !== TYPE.TEXT_INPUT) editor.control.setAttribute("aria-label", label);
    const required = component.required !== false;
    const star = required ? h("span.required", { "aria-hidden": "true" }, " *") : null;
    const error = h("span.field-error", { role: "alert" });
    this.#fields.push({ component, required, read: editor.read, focus: () => editor.control.focus(), showError: (text) => (error.textContent = text ?? "") });
    const help = description ? h("small", {}, description) : null;
    return h("div.modal-field", {}, h("label", { for: id }, label, star), help, editor.control, editor.note, error);
  }

  #editor(component) {
    if (component.type === TYPE.TEXT_INPUT) return textInput(component);
    if (component.type === TYPE.FILE_UPLOAD) return fileUpload(component, this.ctx);
    if (SELECT_TYPES.has(component.type)) {
      const control = createSelect(component, this.ctx.store, () => undefined);
      return { control, note: null, read: () => ({ value: control.selectedValues() }) };
    }
    const control = h("p.unknown-component", {}, `A component of type ${component.type}.`);
    return { control, note: null, read: () => ({}) };
  }

  async #submit() {
    if (this.submitButton.disabled) return;
    const values = {};
    let invalid = null;
    for (const field of this.#fields) {
      const { value, error } = field.read();
      const empty = value === undefined || value.length === 0;
      const problem = error ?? (empty && field.required ? "This field is required." : null);
      field.showError(problem);
      if (problem) invalid ??= field;
      if (value !== undefined) values[field.component.custom_id] = value;
    }
    if (invalid) {
      invalid.focus();
      return;
    }
    await this.#send(values);
  }

  async #send(values) {
    this.problem.hidden = true;
    this.submitButton.disabled = true;
    this.submitButton.setAttribute("aria-busy", "true");
    try {
      this.#submission = await this.ctx.submitModal(this.modal, values);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#refuse(error.message);
      return;
    }
    const known = this.ctx.store.interactions.get(this.#submission);
    if (known) this.progress(known);
  }
}

function textInput(component) {
  const long = component.style === PARAGRAPH;
  const most = component.max_length ?? 4000;
  const properties = { placeholder: component.placeholder, maxlength: most, value: component.value ?? "" };
  const control = long ? h("textarea.field", { rows: "4", ...properties }) : h("input.field", { type: "text", ...properties });
  const note = h("span.field-count", { "aria-hidden": "true" });
  const count = () => (note.textContent = `${control.value.length} / ${most}`);
  control.addEventListener("input", count);
  count();
  const read = () => {
    const { value } = control;
    if (value && value.length < (component.min_length ?? 0)) return { error: `At least ${component.min_length} characters.` };
    return { value };
  };
  return { control, note, read };
}

function fileUpload(component, ctx) {
  let attachments = [];
  let busy = false;
  let problem = null;
  const note = h("span.field-count", { "aria-live": "polite" });
  const control = h("input.field", { type: "file", multiple: (component.max_values ?? 1) > 1 });
  control.addEventListener("change", async () => {
    busy = true;
    problem = null;
    note.textContent = "Uploading…";
    try {
      attachments = await Promise.all([...control.files].map((file) => ctx.act.upload(file)));
      note.textContent = attachments.map((each) => each.filename).join(", ");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      attachments = [];
      problem = error.message;
      note.textContent = error.message;
    } finally {
      busy = false;
    }
  });
  const read = () => {
    if (busy) return { error: "Still uploading." };
    if (problem) return { error: problem };
    if (attachments.length > (component.max_values ?? 1)) return { error: `At most ${component.max_values ?? 1} files.` };
    return { value: attachments.map((each) => each.id) };
  };
  return { control, note, read };
}
