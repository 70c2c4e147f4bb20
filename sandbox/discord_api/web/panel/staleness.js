/** How old what people read was: for each answer, a bar for every wait between two visible states. */

import { chartBars, seconds } from "../core/trace.js";
import { fetchStaleness } from "../core/api.js";
import { h } from "../core/dom.js";
import { reconcile } from "../core/reconcile.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 284;
const HEIGHT = 36;

/** @returns {import("./panel.js").Section} */
export function stalenessSection() {
  const list = h("ul.staleness", { role: "list" });
  const nothing = h("p.nothing", {}, "No answer has grown yet. Ask something.");
  const element = h("div", {}, h("p.panel-note", {}, "Each bar is the wait between two states of an answer: how old the text was before its next edit."), list, nothing);
  async function refresh() {
    const answers = await fetchStaleness();
    nothing.hidden = answers.length > 0;
    reconcile(list, answers.map((answer) => ({ key: `${answer.message_id} ${answer.states}`, build: () => row(answer) })));
  }
  return { title: "Staleness of answers", element, refresh };
}

function row(answer) {
  const mean = answer.gaps.reduce((sum, gap) => sum + gap, 0) / answer.gaps.length;
  const detail = `${answer.states} states · mean ${seconds(mean)} · longest ${seconds(answer.longest)}`;
  return h("li", {}, h("strong", {}, answer.opening || "…"), chart(answer.gaps, detail), h("small", {}, detail));
}

function chart(gaps, label) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "bars");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  for (const { x, width, height, late } of chartBars(gaps, WIDTH, HEIGHT)) {
    const bar = document.createElementNS(SVG, "rect");
    for (const [name, value] of Object.entries({ x, width, height, y: HEIGHT - height, rx: Math.min(1.5, width / 2) })) bar.setAttribute(name, value.toFixed(2));
    if (late) bar.setAttribute("class", "is-late");
    svg.append(bar);
  }
  return svg;
}
