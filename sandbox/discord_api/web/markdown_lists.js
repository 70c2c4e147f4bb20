/**
 * Lists of Discord's Markdown: which lines belong to a list, and how they split into items.
 *
 * A list goes on while lines carry a bullet at its own indentation or begin with a space; blank lines in
 * between belong to it. A line without indentation and without a bullet ends it.
 */

const BULLET = /^( *)([-*]|\d{1,9}\.) +(?=\S)/;

/**
 * @param {string} source
 * @param {number} position the start of a line
 * @param {(text: string) => object[]} parseItem parses the text of one item
 * @returns {{node: object, end: number} | null} null when no list begins here
 */
export function parseList(source, position, parseItem) {
  const first = BULLET.exec(lineAt(source, position));
  if (!first) return null;
  const indent = first[1].length;
  const end = listEnd(source, position, indent);
  const lines = source.slice(position, end).replace(/\n+$/, "").split("\n");
  const ordered = first[2].endsWith(".");
  const items = splitItems(lines, indent);
  const node = { type: "list", ordered, items: items.map(parseItem) };
  if (ordered) node.start = Number.parseInt(first[2], 10);
  return { node, end: afterBlankLines(source, end) };
}

/** Blank lines after a list belong to it: Discord shows no gap there. */
function afterBlankLines(source, end) {
  const blank = /\n*/y;
  blank.lastIndex = end;
  return end + blank.exec(source)[0].length;
}

function lineAt(source, position) {
  const stop = source.indexOf("\n", position);
  return source.slice(position, stop < 0 ? source.length : stop);
}

/** The position after the last line of the list, its line break included. */
function listEnd(source, position, indent) {
  let end = position;
  let cursor = position;
  while (cursor < source.length) {
    const line = lineAt(source, cursor);
    const next = Math.min(cursor + line.length + 1, source.length);
    if (line.trim() !== "") {
      if (cursor > position && !belongs(line, indent)) break;
      end = next;
    }
    cursor = next;
  }
  return end;
}

function belongs(line, indent) {
  const bullet = BULLET.exec(line);
  if (bullet && bullet[1].length === indent) return true;
  return line.startsWith(" ") && (!bullet || bullet[1].length > indent);
}

/** Texts of the items, their own bullet and indentation taken off. */
function splitItems(lines, indent) {
  const items = [];
  let strip = 0;
  for (const line of lines) {
    const bullet = BULLET.exec(line);
    if (bullet && bullet[1].length <= indent) {
      strip = bullet[0].length;
      items.push(line.slice(strip));
    } else {
      items[items.length - 1] += `\n${outdent(line, strip)}`;
    }
  }
  return items.map((item) => item.trimEnd());
}

function outdent(line, columns) {
  const spaces = line.length - line.trimStart().length;
  return line.slice(Math.min(columns, spaces));
}
