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

/** The wait from which a bar counts as late: people notice that nothing moves. */
export const LATE_SECONDS = 2;

/** "0.8 s" */
export function seconds(value) {
  return `${value.toFixed(value < 10 ? 1 : 0)} s`;
}

/**
 * Bars of a small chart, as wide as fits, the highest for the longest gap (never higher for less than a second).
 *
 * @param {number[]} gaps seconds @param {number} width @param {number} height
 * @returns {{x: number, width: number, height: number, late: boolean}[]}
 */
export function chartBars(gaps, width, height) {
  const top = Math.max(1, ...gaps);
  const step = Math.min(12, width / Math.max(1, gaps.length));
  return gaps.map((gap, at) => ({
    x: at * step,
    width: Math.max(1, step - (step > 3 ? 1 : 0)),
    height: Math.max(1, (gap / top) * height),
    late: gap >= LATE_SECONDS,
  }));
}
