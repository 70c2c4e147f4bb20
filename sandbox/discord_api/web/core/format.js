/** How numbers, sizes and times are written. Pure: the moment "now" comes in as an argument. */

/** First millisecond of Discord's epoch: https://docs.discord.com/developers/reference#snowflakes */
const DISCORD_EPOCH = 1420070400000n;

/** @param {string} id a snowflake @returns {number} milliseconds since 1970 */
export function snowflakeTime(id) {
  return Number((BigInt(id) >> 22n) + DISCORD_EPOCH);
}

/** Order of two snowflakes: negative, zero or positive. Longer ids are newer. */
export function compareIds(a, b) {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : Number(a > b);
}

/** @param {number} bytes */
export function fileSize(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["KB", "MB", "GB"];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(value < 10 ? 2 : 1)} ${units[unit]}`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const long = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "long" });

/** "14:02" today, "Yesterday 14:02", else the date with the time. @param {number} at @param {number} now */
export function messageTime(at, now) {
  const days = dayNumber(now) - dayNumber(at);
  if (days === 0) return clock.format(at);
  if (days === 1) return `Yesterday ${clock.format(at)}`;
  return `${new Intl.DateTimeFormat(undefined, { dateStyle: "short" }).format(at)} ${clock.format(at)}`;
}

export const clockTime = (at) => clock.format(at);
export const fullTime = (at) => long.format(at);
export const dayName = (at) => day.format(at);

function dayNumber(at) {
  const date = new Date(at);
  return Math.round(new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime() / 86_400_000);
}

export function sameDay(a, b) {
  return dayNumber(a) === dayNumber(b);
}

const STYLES = {
  t: { timeStyle: "short" },
  T: { timeStyle: "medium" },
  d: { dateStyle: "short" },
  D: { dateStyle: "long" },
  f: { dateStyle: "long", timeStyle: "short" },
  F: { dateStyle: "full", timeStyle: "short" },
  s: { dateStyle: "short", timeStyle: "short" },
  S: { dateStyle: "short", timeStyle: "medium" },
};

/** A `<t:…>` timestamp as Discord writes it. @param {number} seconds @param {string} style @param {number} now ms */
export function timestamp(seconds, style, now) {
  if (style === "R") return relativeTime(seconds * 1000, now);
  return new Intl.DateTimeFormat(undefined, STYLES[style] ?? STYLES.f).format(seconds * 1000);
}

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const UNITS = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

export function relativeTime(at, now) {
  const seconds = Math.round((at - now) / 1000);
  const [unit, length] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? UNITS.at(-1);
  return relative.format(Math.trunc(seconds / length), unit);
}

/** Up to two letters for an avatar: "Ada Lovelace" → "AL", "ada" → "A". */
export function initials(name) {
  const words = name.trim().split(/[\s_.-]+/).filter(Boolean);
  return words.slice(0, 2).map((word) => [...word][0].toUpperCase()).join("") || "?";
}

/** A CSS colour from Discord's integer, or a `#rrggbb` passed through; null for none (0). */
export function cssColor(value) {
  if (typeof value === "string") return /^#[0-9a-f]{6}$/i.test(value) ? value : null;
  return value ? `#${value.toString(16).padStart(6, "0")}` : null;
}
