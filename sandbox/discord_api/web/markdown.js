/**
 * Discord's dialect of Markdown, as a pure parser: text in, tree out. Nothing here touches the page;
 * `markdown_dom.js` draws the tree.
 *
 * Like Discord's own client, one list of rules is tried at every position (there is no separate block
 * phase), so a fence may open in the middle of a line and emphasis may span lines. Rules marked `line`
 * match only where a line begins. What no rule takes is text, line breaks included.
 *
 * @typedef {{type: string, text?: string, children?: Node[], [key: string]: unknown}} Node
 * @typedef {{lineStart: boolean, quoted: boolean, linked: boolean, depth: number}} Scope
 */

import { parseList } from "./markdown_lists.js";

/** Discord nests no deeper; it also bounds our recursion against hostile input. */
const MAX_DEPTH = 12;

const TEXT = /[\s\S][^\\`*_~|<@[\nh]*/y;
const TRAILING_HASHES = /\s*#*\s*$/;

/** @type {{name: string, pattern: RegExp, line?: boolean, when?: (scope: Scope) => boolean, build: Function}[]} */
const RULES = [
  {
    name: "heading",
    line: true,
    pattern: / {0,3}(#{1,3}) +([^\n]*[^\s#][^\n]*)(?:\n|$)/y,
    build: (match, scope) => ({
      type: "heading",
      level: match[1].length,
      children: parseInline(match[2].replace(TRAILING_HASHES, ""), scope),
    }),
  },
  {
    name: "subtext",
    line: true,
    pattern: / {0,3}-# +([^\n]*\S[^\n]*)(?:\n|$)/y,
    build: (match, scope) => ({ type: "subtext", children: parseInline(match[1].trim(), scope) }),
  },
  {
    name: "quote",
    line: true,
    when: (scope) => !scope.quoted,
    pattern: /(?: {0,3}>>> +([\s\S]*))|(?: {0,3}> [^\n]*(?:\n|$))+/y,
    build: (match, scope) => {
      const inner = match[1] ?? match[0].replace(/\n$/, "").replace(/^ {0,3}> /gm, "");
      return { type: "quote", children: parseNodes(inner, { ...scope, quoted: true, lineStart: true }) };
    },
  },
  {
    name: "fence",
    pattern: /```(?:([a-z0-9_+\-.#]+)\n)?\n*([^\n][\s\S]*?)\n*```\n?/iy,
    build: (match) => ({ type: "codeBlock", language: match[1] ?? "", text: match[2] }),
  },
  {
    name: "code",
    pattern: /(`+)([\s\S]*?[^`])\1(?!`)/y,
    build: (match) => ({ type: "code", text: trimTicks(match[2]) }),
  },
  { name: "escape", pattern: /\\([^0-9A-Za-z\s])/y, build: (match) => ({ type: "text", text: match[1] }) },
  {
    name: "link",
    when: (scope) => !scope.linked,
    pattern: /\[((?:\[[^\]\n]*\]|\\.|[^[\]\\\n])+)\]\(\s*<?(https?:\/\/[^\s<>()]*(?:\([^\s<>()]*\)[^\s<>()]*)*)>?(?:\s+["'][^"'\n]*["'])?\s*\)/y,
    build: (match, scope) => ({
      type: "link",
      href: match[2],
      children: parseNodes(match[1], { ...scope, linked: true, lineStart: false }),
    }),
  },
  {
    name: "bareLink",
    when: (scope) => !scope.linked,
    pattern: /https?:\/\/[^\s<]+[^<.,:;"'\]\s]/y,
    build: (match) => {
      const href = balanceParentheses(match[0]);
      return { type: "link", href, children: [{ type: "text", text: href }], taken: href.length };
    },
  },
  {
    name: "angleLink",
    when: (scope) => !scope.linked,
    pattern: /<(https?:\/\/[^ >\n]+)>/y,
    build: (match) => ({ type: "link", href: match[1], children: [{ type: "text", text: match[1] }] }),
  },
  { name: "userMention", pattern: /<@!?(\d{1,20})>/y, build: (match) => ({ type: "user", id: match[1] }) },
  { name: "roleMention", pattern: /<@&(\d{1,20})>/y, build: (match) => ({ type: "role", id: match[1] }) },
  { name: "channelMention", pattern: /<#(\d{1,20})>/y, build: (match) => ({ type: "channel", id: match[1] }) },
  {
    name: "commandMention",
    pattern: /<\/([^:>\n]{1,100}):(\d{1,20})>/y,
    build: (match) => ({ type: "command", name: match[1], id: match[2] }),
  },
  {
    name: "emoji",
    pattern: /<(a?):(\w{2,32}):(\d{1,20})>/y,
    build: (match) => ({ type: "emoji", animated: match[1] === "a", name: match[2], id: match[3] }),
  },
  {
    name: "time",
    pattern: /<t:(-?\d{1,13})(?::([tTdDfFRsS]))?>/y,
    build: (match) => ({ type: "time", seconds: Number(match[1]), style: match[2] ?? "f" }),
  },
  { name: "everyone", pattern: /@(everyone|here)\b/y, build: (match) => ({ type: "everyone", text: match[0] }) },
  { name: "strong", pattern: /\*\*((?:\\[\s\S]|[^\\])+?)\*\*(?!\*)/y, build: wrap("strong") },
  { name: "underline", pattern: /__((?:\\[\s\S]|[^\\])+?)__(?!_)/y, build: wrap("underline") },
  {
    name: "emphasis",
    pattern: /_((?:__|\\[\s\S]|[^\\_])+?)_(?![0-9A-Za-z_])|\*(?=\S)((?:\*\*|\\[\s\S]|\s+(?:\\[\s\S]|[^\s*\\]|\*\*)|[^\s*\\])+?)\*(?!\*)/y,
    build: wrap("emphasis"),
  },
  { name: "strike", pattern: /~~([\s\S]+?)~~(?!_)/y, build: wrap("strike") },
  { name: "spoiler", pattern: /\|\|([\s\S]+?)\|\|/y, build: wrap("spoiler") },
];

/**
 * Parse a message's text.
 *
 * @param {string} source at most a few thousand characters (Discord's limit is 4000)
 * @returns {Node[]} the top-level nodes in order; adjacent text is merged
 */
export function parse(source) {
  return parseNodes(source, { lineStart: true, quoted: false, linked: false, depth: 0 });
}

/**
 * The text of a tree without its marks, for one-line previews.
 *
 * @param {Node[]} nodes
 * @param {{user: Function, role: Function, channel: Function}} [names] what mentions say; without it they
 *   are left out
 */
export function plainText(nodes, names) {
  return nodes.map((node) => PLAIN[node.type]?.(node, names) ?? node.text ?? plainText(node.children ?? [], names)).join("");
}

const ownLine = (node, names) => `${plainText(node.children, names)}\n`;

const PLAIN = {
  heading: ownLine,
  subtext: ownLine,
  quote: ownLine,
  codeBlock: (node) => `${node.text}\n`,
  list: (node, names) => node.items.map((item) => `${plainText(item, names)}\n`).join(""),
  emoji: (node) => `:${node.name}:`,
  command: (node) => `/${node.name}`,
  user: (node, names) => (names ? `@${names.user(node.id)}` : ""),
  role: (node, names) => (names ? `@${names.role(node.id).name}` : ""),
  channel: (node, names) => (names ? `#${names.channel(node.id) ?? "no-access"}` : ""),
};

/** @param {string} source @param {Scope} scope @returns {Node[]} */
export function parseNodes(source, scope) {
  if (scope.depth > MAX_DEPTH) return source ? [{ type: "text", text: source }] : [];
  const inner = { ...scope, depth: scope.depth + 1 };
  const nodes = [];
  let position = 0;
  let lineStart = scope.lineStart;
  while (position < source.length) {
    const found = parseAt(source, position, { ...inner, lineStart });
    append(nodes, found.node);
    position = found.end;
    lineStart = source[position - 1] === "\n";
  }
  return nodes;
}

function parseInline(source, scope) {
  return parseNodes(source, { ...scope, lineStart: false });
}

function parseAt(source, position, scope) {
  if (scope.lineStart) {
    const list = parseList(source, position, (text) => parseNodes(text, { ...scope, lineStart: true }));
    if (list) return list;
  }
  for (const rule of RULES) {
    if (rule.line && !scope.lineStart) continue;
    if (rule.when && !rule.when(scope)) continue;
    rule.pattern.lastIndex = position;
    const match = rule.pattern.exec(source);
    if (!match) continue;
    const { taken, ...node } = rule.build(match, scope);
    return { node, end: position + (taken ?? match[0].length) };
  }
  TEXT.lastIndex = position;
  const text = source[position] === "\n" ? "\n" : TEXT.exec(source)[0];
  return { node: { type: "text", text }, end: position + text.length };
}

function append(nodes, node) {
  const last = nodes.at(-1);
  if (node.type === "text" && last?.type === "text") last.text += node.text;
  else nodes.push(node);
}

function wrap(type) {
  return (match, scope) => ({
    type,
    children: parseInline(match[1] ?? match[2], scope),
  });
}

/** `` ` a ` `` shows one tick inside: the single spaces next to ticks are only separators. */
function trimTicks(text) {
  return text.replace(/^ (?=`)|(?<=`) $/g, "");
}

/** A link in parentheses keeps only the closing ones that it opened itself. */
function balanceParentheses(href) {
  let text = href;
  while (text.endsWith(")") && count(text, ")") > count(text, "(")) text = text.slice(0, -1);
  return text;
}

function count(text, character) {
  return text.split(character).length - 1;
}
