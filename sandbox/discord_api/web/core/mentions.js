/**
 * What people type for a mention, and what Discord transmits for it. Pure.
 *
 * @typedef {{names: string[], code: string}} Target e.g. names ["Ada", "ada"], code "<@1>"
 */

/**
 * Replace `@name` and `#channel` by their codes: the longest name wins, letter case does not matter, and
 * inside inline code or fences nothing is replaced.
 *
 * @param {string} text
 * @param {{at: Target[], hash: Target[]}} targets
 */
export function encodeMentions(text, { at, hash }) {
  return text
    .split(/(```[\s\S]*?```|`[^`\n]*`)/)
    .map((part, index) => (index % 2 ? part : encodePart(encodePart(part, "@", at), "#", hash)))
    .join("");
}

function encodePart(text, sign, targets) {
  const names = targets
    .flatMap((target) => target.names.map((name) => ({ name: name.toLowerCase(), code: target.code })))
    .filter(({ name }) => name)
    .sort((a, b) => b.name.length - a.name.length);
  let out = "";
  let position = 0;
  while (position < text.length) {
    const found = signAt(text, position, sign) ? nameAt(text, position + 1, names) : undefined;
    out += found ? found.code : text[position];
    position += found ? found.name.length + 1 : 1;
  }
  return out;
}

function signAt(text, position, sign) {
  return text[position] === sign && !/[\w<]/.test(text[position - 1] ?? " ");
}

function nameAt(text, position, names) {
  const rest = text.slice(position, position + 40).toLowerCase();
  return names.find(({ name }) => rest.startsWith(name) && !/\w/.test(rest[name.length] ?? " "));
}

/**
 * The mention being typed at the caret, if any.
 *
 * @param {string} text @param {number} caret
 * @returns {{sign: "@" | "#", typed: string, start: number} | null}
 */
export function mentionAtCaret(text, caret) {
  const match = /(?:^|\s)([@#])([\w .-]{0,32})$/.exec(text.slice(0, caret));
  if (!match) return null;
  return { sign: match[1], typed: match[2], start: caret - match[2].length - 1 };
}

/** Targets whose name contains what was typed, those that begin with it first. */
export function filterTargets(targets, typed) {
  const text = typed.trim().toLowerCase();
  const starts = (target) => target.names.some((name) => name.toLowerCase().startsWith(text));
  const contains = (target) => target.names.some((name) => name.toLowerCase().includes(text));
  return [...targets.filter(starts), ...targets.filter((target) => !starts(target) && contains(target))];
}
