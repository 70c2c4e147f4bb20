/** Short notices at the edge of the window, for refusals that belong to no message. */

import { h } from "../core/dom.js";
import { ApiError } from "../core/api.js";

const SHOWN_MS = 6000;

export function toast(text) {
  const host = document.getElementById("toasts");
  const note = h("div.toast", {}, text);
  host.append(note);
  setTimeout(() => note.remove(), SHOWN_MS);
}

/**
 * Run something a person asked for; a refusal is shown. Anything else is a fault of this page and is raised.
 *
 * @template T @param {() => Promise<T>} action @returns {Promise<T | undefined>}
 */
export async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    toast(error.message);
    return undefined;
  }
}
