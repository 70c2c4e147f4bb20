/** The panel's controls: buttons, numbers, choices. A field never changes under the hand that edits it. */

import { attempt } from "../views/toast.js";
import { h } from "../core/dom.js";

/** @param {string} label @param {() => Promise<unknown>} run a refusal becomes a toast @param {object} [properties] */
export function button(label, run, properties = {}) {
  return h("button.button.is-small", { type: "button", onclick: () => attempt(run), ...properties }, label);
}

export function buttons(...children) {
  return h("div.panel-buttons", {}, ...children);
}

/** A title above controls that belong together. */
export function group(title, ...children) {
  return h("div.panel-group", { role: "group", "aria-label": title }, h("h4", {}, title), ...children);
}

/**
 * A number that is sent when it was changed.
 *
 * @param {string} label @param {{min: number, max: number, step?: number, unit?: string}} bounds
 * @param {(value: number) => Promise<unknown>} send
 */
export function numberField(label, { min, max, step = 1, unit = "" }, send) {
  const input = h("input", { type: "number", min, max, step, inputmode: "decimal" });
  input.addEventListener("change", () => {
    if (input.value !== "" && input.checkValidity()) attempt(() => send(input.valueAsNumber));
    else input.reportValidity();
  });
  const element = h("label.panel-field", {}, h("span", {}, label), h("span.panel-input", {}, input, unit ? h("small", {}, unit) : null));
  return { element, show: (value) => show(input, String(value)) };
}

/** A choice that is sent when it was changed. @param {[string, string][]} choices value and text */
export function choiceField(label, choices, send) {
  const select = h("select", {}, choices.map(([value, text]) => h("option", { value }, text)));
  select.addEventListener("change", () => attempt(() => send(select.value)));
  return { element: h("label.panel-field", {}, h("span", {}, label), select), show: (value) => show(select, String(value)), input: select };
}

/** On or off. */
export function switchField(label, send) {
  const input = h("input", { type: "checkbox", role: "switch" });
  input.addEventListener("change", () => attempt(() => send(input.checked)));
  const element = h("label.panel-field", {}, h("span", {}, label), input);
  return { element, show: (on) => { if (document.activeElement !== input) input.checked = on; } };
}

function show(input, value) {
  if (document.activeElement !== input && input.value !== value) input.value = value;
}
