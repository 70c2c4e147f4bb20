/** How Discord is simulated at this moment: latency, and whether the bot is connected. */

import { fetchLimits } from "../core/api.js";
import { figure } from "./traffic.js";
import { h } from "../core/dom.js";

/** @param {import("../core/store.js").Store} store @returns {import("./panel.js").Section} */
export function connectionSection(store) {
  const element = h("dl.figures");
  async function refresh() {
    const limits = await fetchLimits();
    const latency = limits.latency ?? store.limits.latency;
    const shown = latency === undefined ? "unknown" : `${Math.round(latency * 1000)} ms`;
    const enforced = typeof limits.enabled === "boolean" ? limits.enabled : limits.limits;
    const rows = [figure("Latency", shown), figure("Bot", store.bot?.online ? "online" : "offline", !store.bot?.online)];
    if (typeof enforced === "boolean") rows.push(figure("Limits", enforced ? "on" : "off", !enforced));
    element.replaceChildren(...rows);
  }
  return { title: "Discord", element, refresh };
}
