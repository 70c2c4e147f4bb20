import assert from "node:assert/strict";
import { test } from "node:test";

import { shortBucket, shortPath, summarise } from "../core/trace.js";

test("trace: paths keep their shape, ids and tokens their ends", () => {
  assert.equal(shortPath("/api/v10/channels/123456789012345678/messages"), "/channels/…5678/messages");
  assert.equal(shortPath("/users/@me"), "/users/@me");
});

test("trace: 429s are counted apart from other errors", () => {
  const requests = [200, 204, 429, 404, 500].map((status) => ({ status }));
  assert.deepEqual(summarise(requests), { total: 5, limited: 1, failed: 2 });
});

test("trace: a bucket is known by its first letters, or there is none", () => {
  assert.deepEqual([shortBucket("d9298a10d1b0"), shortBucket(null)], ["d9298a", ""]);
});
