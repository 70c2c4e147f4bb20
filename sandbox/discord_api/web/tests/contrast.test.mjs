import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

/** WCAG 2.2, success criterion 1.4.3. */
const NEEDED = 4.5;

const css = readFileSync(new URL("../styles/theme.css", import.meta.url), "utf8");

/** A colour of the theme as [red, green, blue, alpha], 0 to 1. */
function color(name, dark) {
  const value = new RegExp(`--${name}: (?:light-dark\\((#\\w+), (#\\w+)\\)|(#\\w+));`).exec(css);
  assert.ok(value, `--${name} is in the theme`);
  const hex = value[3] ?? value[dark ? 2 : 1];
  const parts = hex.slice(1).match(/../g).map((part) => Number.parseInt(part, 16) / 255);
  return parts.length === 4 ? parts : [...parts, 1];
}

function over(top, base) {
  return [0, 1, 2].map((part) => top[part] * top[3] + base[part] * (1 - top[3])).concat(1);
}

function luminance(parts) {
  const [red, green, blue] = parts.map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(text, surface) {
  const [dim, bright] = [luminance(text), luminance(surface)].sort((a, b) => a - b);
  return (bright + 0.05) / (dim + 0.05);
}

const WHITE = [1, 1, 1, 1];
const TEXTS = {
  main: ["text", "strong", "dim", "link", "danger", "accent-text", "warning"],
  side: ["text", "strong", "dim", "online", "danger"],
  raised: ["text", "strong", "dim", "link", "accent-text"],
  float: ["text", "strong", "dim", "danger"],
  field: ["text", "strong", "dim"],
  code: ["text", "dim", "code-comment", "code-string", "code-number", "code-keyword", "code-name", "danger"],
};
const WASHES = {
  "accent-wash": ["text", "strong", "dim", "link", "accent-text", "danger"],
  "warning-wash": ["text", "strong", "dim", "warning"],
  "danger-wash": ["danger"],
  hover: ["text", "strong", "dim", "link", "danger"],
  "hover-strong": ["text", "strong", "dim"],
};

for (const dark of [true, false]) {
  test(`contrast: every text of the ${dark ? "dark" : "light"} theme reads on its surfaces`, () => {
    const failures = [];
    const check = (what, text, surface) => {
      const ratio = contrast(text, surface);
      if (ratio < NEEDED) failures.push(`${what}: ${ratio.toFixed(2)}`);
    };
    for (const [surface, texts] of Object.entries(TEXTS)) {
      for (const text of texts) check(`${text} on ${surface}`, color(text, dark), color(surface, dark));
    }
    for (const [wash, texts] of Object.entries(WASHES)) {
      for (const text of texts) check(`${text} on ${wash}`, color(text, dark), over(color(wash, dark), color("main", dark)));
    }
    for (const solid of ["accent-solid", "success-solid", "danger-solid"]) check(`white on ${solid}`, WHITE, color(solid, dark));
    assert.deepEqual(failures, []);
  });
}
