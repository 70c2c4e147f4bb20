/** Which rows of a channel belong together, and where a new day begins. Pure. */

import { FLAG } from "./store.js";
import { sameDay, snowflakeTime } from "./format.js";

/** Discord's client joins messages of one author within seven minutes. */
const GROUP_MS = 7 * 60_000;

/** Message types with a line of their own above them: reply, chat input command, context menu command. */
export const TYPE = { REPLY: 19, CHAT_INPUT: 20, CONTEXT_MENU: 23, THREAD_CREATED: 18, THREAD_STARTER: 21, JOIN: 7 };

/**
 * @param {object[]} rows of `Store.rows`
 * @returns {{row: object, grouped: boolean, day: number | null}[]} `grouped`: shown without avatar and name;
 *   `day`: the moment of the first message of a day, for a divider
 */
export function layoutRows(rows) {
  let previous = null;
  return rows.map((row) => {
    const at = snowflakeTime(row.id);
    const newDay = previous === null || !sameDay(snowflakeTime(previous.id), at);
    const grouped = !newDay && continues(previous, row, at);
    previous = row;
    return { row, grouped, day: newDay ? at : null };
  });
}

function continues(previous, row, at) {
  if (previous.row !== "message" || row.row !== "message") return false;
  const [first, second] = [previous.message, row.message];
  if (first.author.id !== second.author.id || hasHeadline(second)) return false;
  if (isEphemeral(first) !== isEphemeral(second)) return false;
  return at - snowflakeTime(previous.id) < GROUP_MS;
}

/** Whether something is shown above the message: a quoted reply or "X used /ask", or it is a system line. */
export function hasHeadline(message) {
  return Boolean(message.referenced_message || commandOf(message) || (message.type ?? 0) === TYPE.REPLY) || isSystem(message);
}

export function isSystem(message) {
  return [TYPE.THREAD_CREATED, TYPE.THREAD_STARTER, TYPE.JOIN].includes(message.type);
}

export function isEphemeral(message) {
  return ((message.flags ?? 0) & FLAG.EPHEMERAL) !== 0;
}

export function isLoading(message) {
  return ((message.flags ?? 0) & FLAG.LOADING) !== 0;
}

/**
 * Who used which command for this message to exist.
 *
 * @returns {{user: object, name: string | null, menu: boolean} | null}
 */
export function commandOf(message) {
  const by = message.interaction_metadata ?? message.interaction;
  const command = message.type === TYPE.CHAT_INPUT || message.type === TYPE.CONTEXT_MENU;
  const follows = Boolean(by?.original_response_message_id);
  if (!by?.user || follows || !(command || by.type === 2)) return null;
  const name = message.interaction?.name ?? by.name ?? by.command_name ?? null;
  return { user: by.user, name, menu: message.type === TYPE.CONTEXT_MENU };
}

