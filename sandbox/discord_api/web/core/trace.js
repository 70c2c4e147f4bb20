/** Reading the trace of REST requests. Pure. */

/**
 * A path without the API's prefix, its long ids and tokens shortened: they differ at their ends.
 *
 * @param {string} path "/api/v10/channels/123456789012345678/messages"
 */
export function shortPath(path) {
  return path
    .replace(/^\/api(\/v\d+)?/, "")
    .split("/")
    .map((part) => (part.length > 16 ? `…${part.slice(-4)}` : part))
    .join("/");
}

/** What tells one bucket from another at a glance: the first letters of its hash. */
export function shortBucket(bucket) {
  return bucket ? bucket.slice(0, 6) : "";
}

/** @param {{status: number}[]} requests @returns {{total: number, limited: number, failed: number}} */
export function summarise(requests) {
  const limited = requests.filter((request) => request.status === 429).length;
  const failed = requests.filter((request) => request.status >= 400 && request.status !== 429).length;
  return { total: requests.length, limited, failed };
}
