/** The rate-limit buckets that are in use at this moment. */

import { fetchLimits } from "../core/api.js";
import { h } from "../core/dom.js";
import { reconcile } from "../core/reconcile.js";
import { seconds } from "../core/trace.js";

const SHOWN = 8;

/** @returns {import("./panel.js").Section} */
export function bucketsSection() {
  const list = h("ul.buckets", { role: "list" });
  const nothing = h("p.nothing", {}, "Every bucket is full.");
  async function refresh() {
    const { buckets } = await fetchLimits();
    nothing.hidden = buckets.length > 0;
    reconcile(list, buckets.slice(0, SHOWN).map((bucket) => ({ key: `${bucket.counter} ${bucket.key}`, build: row, update: (item) => draw(item, bucket) })));
  }
  return { title: "Buckets in use", element: h("div", {}, list, nothing), refresh };
}

function row() {
  return h("li", {}, h("span.bucket-name"), h("progress", { max: "1", "aria-label": "used" }), h("small.bucket-text"));
}

function draw(item, bucket) {
  const [name, bar, text] = item.children;
  name.textContent = bucket.key ? `${bucket.counter} …${bucket.key.slice(-4)}` : bucket.counter;
  bar.max = bucket.limit;
  bar.value = bucket.used;
  bar.setAttribute("aria-label", `${bucket.counter}, used`);
  item.classList.toggle("is-full", bucket.used >= bucket.limit);
  text.textContent = `${bucket.used} of ${bucket.limit} · ${seconds(Math.max(0, bucket.resets_in))}`;
}
