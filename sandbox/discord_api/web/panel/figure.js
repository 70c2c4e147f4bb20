/** A number with its name. */

import { h } from "../core/dom.js";

export function figure(label, value, warn = false) {
  return h("div.figure", { class: warn ? "is-warning" : "" }, h("dt", {}, label), h("dd", {}, String(value)));
}
