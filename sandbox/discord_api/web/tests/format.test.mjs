import assert from "node:assert/strict";
import { test } from "node:test";

import { compareIds, cssColor, fileSize, initials, messageTime, relativeTime, snowflakeTime } from "../core/format.js";
import { reconcile } from "../core/reconcile.js";

test("format: the documented example snowflake", () => {
  assert.equal(snowflakeTime("175928847299117063"), 1462015105796);
});

test("format: ids compare as numbers", () => {
  assert.ok(compareIds("99", "100") < 0);
  assert.ok(compareIds("200", "100") > 0);
  assert.equal(compareIds("5", "5"), 0);
});

test("format: sizes, initials, colours", () => {
  assert.deepEqual([0, 999, 2048, 5_000_000].map(fileSize), ["0 B", "999 B", "2.00 KB", "4.77 MB"]);
  assert.deepEqual(["Ada Lovelace", "ada", "", "🦊 fox"].map(initials), ["AL", "A", "?", "🦊F"]);
  assert.deepEqual([0, 0x00ff7f, "#123456", "red"].map(cssColor), [null, "#00ff7f", "#123456", null]);
});

test("format: relative times choose their unit", () => {
  assert.match(relativeTime(60_000 * 5, 0), /5/);
  assert.match(relativeTime(0, 3_600_000 * 2), /2/);
  assert.ok(relativeTime(0, 0).length > 0);
});

test("format: yesterday is named", () => {
  const noon = new Date(2026, 5, 15, 12).getTime();
  assert.match(messageTime(noon - 86_400_000, noon), /^Yesterday/);
  assert.doesNotMatch(messageTime(noon - 60_000, noon), /Yesterday/);
});

/** The few operations of a parent node that `reconcile` relies on. */
class FakeParent {
  constructor() {
    this.childNodes = [];
  }
  get firstChild() {
    return this.childNodes[0] ?? null;
  }
  insertBefore(node, before) {
    this.removeChild(node);
    this.childNodes.splice(before ? this.childNodes.indexOf(before) : this.childNodes.length, 0, node);
  }
  removeChild(node) {
    this.childNodes = this.childNodes.filter((each) => each !== node);
  }
  node(name) {
    const parent = this;
    return {
      name,
      get nextSibling() {
        return parent.childNodes[parent.childNodes.indexOf(this) + 1] ?? null;
      },
    };
  }
}

test("reconcile: kept parts keep their node, others are built and removed", () => {
  const parent = new FakeParent();
  const built = [];
  const part = (key) => ({
    key,
    build() {
      built.push(key);
      return parent.node(key);
    },
  });
  const names = () => parent.childNodes.map((node) => node.name).join("");
  reconcile(parent, ["a", "b", "c"].map(part));
  const [first] = parent.childNodes;
  reconcile(parent, ["a", "x", "c", "d"].map(part));
  assert.equal(names(), "axcd");
  assert.equal(parent.childNodes[0], first);
  assert.deepEqual(built, ["a", "b", "c", "x", "d"]);
  reconcile(parent, ["d", "a", "a"].map(part));
  assert.equal(names(), "daa");
  reconcile(parent, []);
  assert.equal(names(), "");
});
