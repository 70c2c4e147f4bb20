/** What the bot sent to Discord's REST API: the newest requests, and how often it was told to slow down. */

import { fetchTrace } from "../core/api.js";
import { figure } from "./figure.js";
import { h } from "../core/dom.js";
import { reconcile } from "../core/reconcile.js";
import { shortBucket, shortPath, summarise } from "../core/trace.js";

const SHOWN = 40;

/** @returns {import("./panel.js").Section} */
export function trafficSection() {
  const figures = h("dl.figures");
  const list = h("ol.trace", { role: "list", tabindex: "0", "aria-label": "Newest requests" });
  const nothing = h("p.nothing", {}, "No request yet.");
  const element = h("div", {}, figures, list, nothing);
  async function refresh() {
    const requests = await fetchTrace();
    const { total, limited, failed } = summarise(requests);
    figures.replaceChildren(figure("Requests", total), figure("429", limited, limited > 0), figure("Errors", failed, failed > 0));
    nothing.hidden = requests.length > 0;
    reconcile(list, requests.slice(-SHOWN).reverse().map(row));
  }
  return { title: "Requests of the bot", element, refresh };
}

function row(request) {
  const { at, method, path, status, bucket, remaining } = request;
  const left = remaining === null || remaining === undefined ? "" : `${remaining} left`;
  const detail = [shortBucket(bucket), left].filter(Boolean).join(" · ");
  const build = () =>
    h("li", { class: status >= 400 ? "is-error" : "", title: `${path} ${bucket ?? ""}` },
      h("span.trace-method", {}, method), h("span.trace-path", {}, shortPath(path)), h("span.trace-status", {}, String(status)),
      detail ? h("small.trace-detail", {}, detail) : null);
  return { key: `${at} ${method} ${path} ${status} ${remaining}`, build };
}
