/**
 * Incremental updates of a list of nodes: what did not change keeps its very node (and with it focus,
 * selection, a revealed spoiler, a running animation), what changed is built anew.
 *
 * @typedef {{key: string, build: () => Node, update?: (node: Node) => void}} Part
 *   `key` says everything the node shows, unless `update` is given: then it only says what it is, and
 *   `update` brings a kept node to the newest state.
 */

/** @type {WeakMap<Node, string>} */
const keys = new WeakMap();

/**
 * Make `parent`'s children the given parts. Nodes with a known key are kept and moved only if the order
 * demands it; all others are removed.
 *
 * @param {Node} parent only ever filled by this function
 * @param {Part[]} parts
 */
export function reconcile(parent, parts) {
  const spare = new Map();
  for (const child of parent.childNodes) {
    const key = keys.get(child);
    if (!spare.has(key)) spare.set(key, []);
    spare.get(key).push(child);
  }
  let cursor = parent.firstChild;
  for (const part of parts) {
    const kept = spare.get(part.key)?.shift();
    const node = kept ?? part.build();
    if (!kept) keys.set(node, part.key);
    if (node === cursor) cursor = cursor.nextSibling;
    else parent.insertBefore(node, cursor);
    part.update?.(node);
  }
  removeFrom(parent, cursor);
}

function removeFrom(parent, first) {
  let node = first;
  while (node) {
    const next = node.nextSibling;
    parent.removeChild(node);
    node = next;
  }
}
