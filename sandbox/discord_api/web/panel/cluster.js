/** The cluster: its nodes, how fast and how full it is, what goes wrong with it, what it answers next. */

import { controlCluster, fetchCluster } from "../core/api.js";
import { attempt, toast } from "../views/toast.js";
import { button, buttons, choiceField, group, numberField } from "./fields.js";
import { clusterSummary, freeName, nodeSummary, splitTokens } from "../core/cluster.js";
import { figure } from "./figure.js";
import { h } from "../core/dom.js";
import { reconcile } from "../core/reconcile.js";

const GPUS = [
  ["NVIDIA GeForce RTX 4090", 24],
  ["NVIDIA GeForce RTX 3090", 24],
  ["Apple M2 Ultra", 192],
  ["NVIDIA H100", 80],
];
const AWAY_SECONDS = 10;
const FAULTS = [
  ["", "whole"],
  ["close@5", "the worker drops it after 5 tokens"],
  ["reset@5", "the connection is reset after 5 tokens"],
  ["eof@5", "it is cut off after 5 tokens"],
  ["stall@5", "it falls silent after 5 tokens"],
  ["http503", "refused: routing not ready"],
  ["http429", "refused: too many requests"],
];

/** @returns {import("./panel.js").Section} */
export function clusterSection() {
  let names = [];
  const figures = h("dl.figures");
  const list = h("ul.nodes", { role: "list", "aria-label": "Nodes" });
  const gpu = h("select", { "aria-label": "GPU of the new node" }, GPUS.map(([name], at) => h("option", { value: String(at) }, name)));
  const add = () => {
    const [name, memory] = GPUS[Number(gpu.value)];
    return act("add_node", { name: freeName(names), gpu: name, memory, ready: true });
  };
  const capacity = numberField("Slots per pipeline", { min: 0, max: 64 }, (slots) => act("set_capacity", { slots }));
  const speed = numberField("Speed", { min: 1, max: 500, unit: "tok/s" }, (tokens_per_second) => act("set_speed", { tokens_per_second }));
  const busy = numberField("Held by others", { min: 0, max: 64, unit: "slots" }, (slots) => act("busy", { slots }));
  const dialect = choiceField("Dialect", [["current", "as it runs today"], ["documented", "as documented"]], (name) => act("dialect", { dialect: name }));
  const freeze = button("Freeze", () => act(freeze.dataset.frozen ? "unfreeze" : "freeze"));
  const controls = h("div.panel-controls", {},
    list,
    buttons(gpu, button("Add a node", add)),
    group("Capacity", speed.element, capacity.element, busy.element, dialect.element),
    group("Trouble", buttons(
      button("Break streams", () => act("break_streams")),
      button(`Unreachable ${AWAY_SECONDS} s`, () => act("unreachable", { seconds: AWAY_SECONDS })),
      freeze,
      button("Restart", () => act("restart")),
    )),
    scriptForm(),
  );
  const element = h("div", {}, figures, controls);

  async function act(action, extra) {
    draw(await controlCluster(action, extra));
  }

  function draw(state) {
    const { status, tone, running } = clusterSummary(state);
    names = state.nodes.map((node) => node.name);
    figures.replaceChildren(figure("Cluster", status, tone === "bad"), figure("Running", running), figure("Asked", state.requests));
    capacity.show(state.slots);
    speed.show(state.tokens_per_second);
    busy.show(state.nodes.reduce((sum, node) => sum + node.others, 0));
    dialect.show(state.dialect);
    freeze.textContent = state.frozen ? "Unfreeze" : "Freeze";
    freeze.toggleAttribute("data-frozen", false);
    if (state.frozen) freeze.dataset.frozen = "true";
    reconcile(list, state.nodes.filter((node) => node.state !== "gone" || node.alive).map((node) => nodePart(node, act)));
  }

  async function refresh() {
    const state = await fetchCluster();
    controls.hidden = state.away === "none";
    if (state.away) figures.replaceChildren(figure("Cluster", state.away, state.away === "unreachable"));
    else draw(state);
  }
  return { title: "Cluster", element, refresh };
}

function nodePart(node, act) {
  const { tone, text } = nodeSummary(node);
  const name = { name: node.name };
  const front = node.front_alive ? ["Crash front", "crash_front"] : ["Mend front", "mend_front"];
  const build = () =>
    h("li.node", {},
      h("span.node-dot", { class: `is-${tone}`, "aria-hidden": "true" }),
      h("span.node-text", {}, h("strong", {}, node.name), h("small", {}, text), h("small", {}, `${node.gpu} · ${node.memory} GB`)),
      node.alive
        ? buttons(
            button("Kill", () => act("kill_node", name), { "aria-label": `Kill ${node.name}` }),
            button("Remove", () => act("remove_node", name), { "aria-label": `Remove ${node.name}` }),
            button(front[0], () => act(front[1], name), { "aria-label": `${front[0]} of ${node.name}` }),
          )
        : null);
  return { key: JSON.stringify([node.name, tone, text, node.alive, node.front_alive]), build };
}

/** What the next question is answered with. */
function scriptForm() {
  const text = h("textarea", { rows: "3", "aria-label": "The next answer", placeholder: "The next question is answered with this" });
  const fault = h("select", { "aria-label": "How the next answer ends" }, FAULTS.map(([value, label]) => h("option", { value }, label)));
  const send = async () => {
    const extra = fault.value ? { fault: fault.value } : {};
    const said = await attempt(() => controlCluster("script", { tokens: splitTokens(text.value || "Forty-two, as far as anyone knows."), ...extra }));
    if (said === undefined) return;
    text.value = "";
    toast("The next question gets this answer.");
  };
  return group("Next answer", text, buttons(fault, button("Script it", send)));
}
