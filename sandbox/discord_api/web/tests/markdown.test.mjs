import assert from "node:assert/strict";
import { test } from "node:test";

import { highlight } from "../highlight.js";
import { parse, plainText } from "../markdown.js";

const text = (value) => ({ type: "text", text: value });

/** A readable short form of a tree: `strong(a emphasis(b))`. */
function outline(nodes) {
  return nodes
    .map((node) => {
      if (node.type === "text") return node.text;
      if (node.type === "list") return `${node.ordered ? `ol${node.start}` : "ul"}[${node.items.map(outline).join("|")}]`;
      if (node.children) return `${node.type}${node.level ?? ""}(${outline(node.children)})`;
      return `${node.type}<${node.text ?? node.id ?? node.seconds}>`;
    })
    .join("");
}

const CASES = [
  ["plain text keeps its line breaks", "a\n\nb", "a\n\nb"],
  ["bold, italic, underline, strike", "**a** *b* _c_ __d__ ~~e~~", "strong(a) emphasis(b) emphasis(c) underline(d) strike(e)"],
  ["bold italic", "***a***", "emphasis(strong(a))", "strong(emphasis(a))"],
  ["nesting", "**a *b* c**", "strong(a emphasis(b) c)"],
  ["emphasis does not begin before a space", "2 * 3 * 4", "2 * 3 * 4"],
  ["snake_case is no emphasis", "a snake_case_name here", "a snake_case_name here"],
  ["unclosed marks stay", "**a and `b", "**a and `b"],
  ["inline code protects its content", "`**a**` b", "code<**a**> b"],
  ["double ticks", "`` a`b ``", "code< a`b >"],
  ["spoiler", "||secret **b**||", "spoiler(secret strong(b))"],
  ["headings one to three", "# a\n## b\n### c\n#### d", "heading1(a)heading2(b)heading3(c)#### d"],
  ["a heading needs a line start", "x # a", "x # a"],
  ["subtext", "a\n-# small *b*\nc", "a\nsubtext(small emphasis(b))c"],
  ["quote of lines", "> a\n> **b**\nc", "quote(a\nstrong(b))c"],
  ["quote of the rest", ">>> a\nb", "quote(a\nb)"],
  ["a quote inside a quote is text", "> > a", "quote(> a)"],
  ["bullet list", "- a\n- b\n\nc", "ul[a|b]c"],
  ["nested list", "- a\n  - b\n  - c\n- d", "ul[a\nul[b|c]|d]"],
  ["numbers keep their start", "3. a\n4. b", "ol3[a|b]"],
  ["a numbered list holds bullets", "1. a\n   - b\n2. c", "ol1[a\nul[b]|c]"],
  ["a fence in an item", "1. a\n   ```sh\n   x\n   ```\n2. b", "ol1[a\ncodeBlock<x>|b]"],
  ["text ends a list", "- a\nb", "ul[a]b"],
  ["masked link", "[a **b**](https://example.org/x_(y))", "link(a strong(b))"],
  ["a link of another scheme is text", "[a](javascript:alert(1))", "[a](javascript:alert(1))"],
  ["bare link leaves punctuation", "see https://example.org/a.", "see link(https://example.org/a)."],
  ["bare link in parentheses", "(https://example.org/a)", "(link(https://example.org/a))"],
  ["angle link", "<https://example.org>", "link(https://example.org)"],
  ["mentions", "<@1> <@!2> <@&3> <#4> </cluster init:5> @everyone", "user<1> user<2> role<3> channel<4> command<5> everyone<@everyone>"],
  ["custom emoji and time", "<:ok:12> <a:go:13> <t:0:R>", "emoji<12> emoji<13> time<0>"],
  ["escapes", "\\*a\\* \\# b", "*a* # b"],
  ["a fence with a language", "a\n```py\nx = 1\n```\nb", "a\ncodeBlock<x = 1>b"],
  ["a fence in a line", "a ```b``` c", "a codeBlock<b> c"],
  ["an unclosed fence is text", "```py\nx", "```py\nx"],
  ["markup inside a fence is text", "```\n**a** <@1>\n```", "codeBlock<**a** <@1>>"],
];

for (const [name, source, ...expected] of CASES) {
  test(`markdown: ${name}`, () => {
    assert.ok(expected.includes(outline(parse(source))), `${outline(parse(source))} is not ${expected[0]}`);
  });
}

test("markdown: a fence carries its language", () => {
  assert.deepEqual(parse("```rust\nfn a() {}\n```"), [{ type: "codeBlock", language: "rust", text: "fn a() {}" }]);
});

test("markdown: the plain text of a tree", () => {
  assert.equal(plainText(parse("# a\n**b** <:ok:1> </ask:2>")), "a\nb :ok: /ask");
  assert.equal(plainText(parse("> a\nb <@1>"), { user: () => "Ada", role: () => ({}), channel: () => null }), "a\nb @Ada");
});

test("markdown: hostile input stays fast and loses nothing", () => {
  const started = performance.now();
  for (const source of ["*".repeat(4000), "> ".repeat(2000), "[".repeat(4000), "- ".repeat(2000), "||".repeat(2000), "_a".repeat(2000)]) {
    assert.ok(parse(source).length > 0);
  }
  assert.ok(performance.now() - started < 2000, "4000 hostile characters take less than two seconds in all");
});

test("markdown: adjacent text is one node", () => {
  assert.deepEqual(parse("a \\* b"), [text("a * b")]);
});

test("highlight: kinds of a Python fence", () => {
  const kinds = highlight('def f(x):  # why\n    return "a" + 12', "python");
  const named = kinds.filter((token) => token.kind !== "plain").map((token) => [token.kind, token.text]);
  assert.deepEqual(named, [
    ["keyword", "def"],
    ["name", "f"],
    ["comment", "# why"],
    ["keyword", "return"],
    ["string", '"a"'],
    ["number", "12"],
  ]);
});

test("highlight: no language loses a character", () => {
  const code = "let a = `x ${1}`; // c\n/* open 'b\n-- d\n# e \"f";
  for (const language of ["js", "py", "sql", "rust", "diff", "yaml", "unknown", ""]) {
    assert.equal(highlight(code, language).map((token) => token.text).join(""), code, language);
  }
});

test("highlight: a diff shows what was added and removed", () => {
  assert.deepEqual(highlight("@@ 1\n+a\n-b\n c", "diff").map((token) => token.kind), ["keyword", "added", "removed", "plain"]);
});
