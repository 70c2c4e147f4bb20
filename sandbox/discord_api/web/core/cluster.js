/** Reading the cluster double's state. Pure. */

const TOKEN = 4;

/** A name that no node has. @param {string[]} taken */
export function freeName(taken) {
  let number = 1;
  while (taken.includes(`spare-${number}`)) number += 1;
  return `spare-${number}`;
}

/** Pieces as a model would send them: whole characters, a few at a time. @param {string} text @returns {string[]} */
export function splitTokens(text) {
  const characters = [...text];
  const tokens = [];
  for (let at = 0; at < characters.length; at += TOKEN) tokens.push(characters.slice(at, at + TOKEN).join(""));
  return tokens;
}

/** @param {object} state of `GET /_sandbox/cluster` @returns {{status: string, tone: "good" | "busy" | "bad", running: string}} */
export function clusterSummary(state) {
  const running = `${state.active} / ${state.nodes.filter((node) => node.state === "available" && node.alive).length * state.slots}`;
  if (state.hung) return { status: "hung", tone: "bad", running };
  if (state.frozen) return { status: "frozen", tone: "bad", running };
  const status = state.status?.status ?? "unknown";
  return { status, tone: status === "available" ? "good" : "busy", running };
}

/** @param {object} node @returns {{tone: "good" | "busy" | "bad", text: string}} */
export function nodeSummary(node) {
  if (!node.alive) return { tone: "bad", text: node.state === "available" ? "killed, the scheduler does not know yet" : "ended" };
  if (!node.front_alive) return { tone: "bad", text: "its front has crashed" };
  if (node.state !== "available") return { tone: "busy", text: node.state };
  const others = node.others ? `, ${node.others} held by others` : "";
  const behind = node.counted !== node.running + node.others ? `, ${node.counted} in the books` : "";
  return { tone: "good", text: `ready · ${node.running} running${others}${behind}` };
}
