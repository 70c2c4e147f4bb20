/**
 * Application commands as a person types them: pure functions over the objects that the bot registered.
 * Option types: https://docs.discord.com/developers/interactions/application-commands
 *
 * @typedef {{path: string, name: string, description: string, options: object[], id: string}} Entry
 *   `path` is what follows the slash, sub-commands included: "cluster init".
 */

export const OPTION = {
  SUB_COMMAND: 1,
  SUB_COMMAND_GROUP: 2,
  STRING: 3,
  INTEGER: 4,
  BOOLEAN: 5,
  USER: 6,
  CHANNEL: 7,
  ROLE: 8,
  MENTIONABLE: 9,
  NUMBER: 10,
  ATTACHMENT: 11,
};

export const COMMAND = { SLASH: 1, USER: 2, MESSAGE: 3 };

/**
 * Permission bits that an ordinary member of a server does not hold: kick, ban, administrator, manage
 * channels, server, audit log, messages, mute, deafen, move, nicknames, roles, webhooks, expressions, events,
 * threads, moderate. https://docs.discord.com/developers/topics/permissions
 */
const NEEDS_MANAGER = [1, 2, 3, 4, 5, 7, 13, 22, 23, 24, 27, 28, 29, 30, 33, 34, 40].reduce((bits, bit) => bits | (1n << BigInt(bit)), 0n);

/**
 * Every slash command that can be typed in a guild (or in a direct message, guild id null), in the order
 * in which Discord lists them: by name.
 *
 * @param {object[]} commands
 * @param {{guildId: string | null, manager: boolean}} place `manager`: the person administrates the guild
 * @returns {Entry[]}
 */
export function slashEntries(commands, place) {
  return commands
    .filter((command) => (command.type ?? COMMAND.SLASH) === COMMAND.SLASH && isOffered(command, place))
    .flatMap((command) => flatten(command, command.name, command.options ?? [], command))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Commands of a message's menu, by name. @returns {object[]} */
export function messageMenuCommands(commands, place) {
  return commands
    .filter((command) => command.type === COMMAND.MESSAGE && isOffered(command, place))
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** Commands of a person's menu, by name. @returns {object[]} */
export function userMenuCommands(commands, place) {
  return commands
    .filter((command) => command.type === COMMAND.USER && isOffered(command, place))
    .sort((a, b) => a.name.localeCompare(b.name));
}

function isOffered(command, { guildId, manager, granted }) {
  if (command.guild_id && command.guild_id !== guildId) return false;
  const context = guildId === null ? 1 : 0;
  if (command.contexts && !command.contexts.includes(context)) return false;
  if (guildId === null && command.dm_permission === false) return false;
  const needed = command.default_member_permissions;
  const setting = granted?.[command.name] ?? null;
  if (guildId !== null && !manager && setting !== null) return setting;
  if (guildId === null || needed === null || needed === undefined || manager) return true;
  return BigInt(needed) !== 0n && (BigInt(needed) & NEEDS_MANAGER) === 0n;
}

function flatten(root, path, options, level) {
  const nested = options.filter((option) => option.type <= OPTION.SUB_COMMAND_GROUP);
  if (!nested.length) return [{ path, name: root.name, description: level.description, options, id: root.id }];
  return nested.flatMap((option) => flatten(root, `${path} ${option.name}`, option.options ?? [], option));
}

/**
 * What the picker shows for the text after the slash: commands whose name begins with it first, then those
 * that contain it, then those whose description does.
 *
 * @param {Entry[]} entries @param {string} typed
 */
export function filterEntries(entries, typed) {
  const text = typed.trim().toLowerCase();
  if (!text) return entries;
  const rank = (entry) => {
    if (entry.path.startsWith(text)) return 0;
    if (entry.path.includes(text)) return 1;
    return entry.description.toLowerCase().includes(text) ? 2 : 3;
  };
  return entries
    .map((entry) => ({ entry, order: rank(entry) }))
    .filter(({ order }) => order < 3)
    .sort((a, b) => a.order - b.order)
    .map(({ entry }) => entry);
}

/**
 * A command typed in full, followed by a space: `/cluster init rest of the line`.
 *
 * @param {Entry[]} entries @param {string} text with its slash
 * @returns {{entry: Entry, rest: string} | null}
 */
export function matchTyped(entries, text) {
  if (!text.startsWith("/")) return null;
  const typed = text.slice(1);
  const found = entries
    .filter((entry) => typed.startsWith(`${entry.path} `))
    .sort((a, b) => b.path.length - a.path.length)[0];
  return found ? { entry: found, rest: typed.slice(found.path.length + 1) } : null;
}

/** Options in the order in which Discord asks for them: required ones first. */
export function orderedOptions(entry) {
  const required = entry.options.filter((option) => option.required);
  return [...required, ...entry.options.filter((option) => !option.required)];
}

/**
 * The value of an option from what was typed.
 *
 * @param {object} option
 * @param {string} text trimmed by this function
 * @returns {{value?: string | number | boolean, error?: string}} an empty object for an empty text
 */
export function parseValue(option, text) {
  const typed = text.trim();
  if (typed === "") return {};
  const choice = option.choices?.find((each) => each.name === typed || String(each.value) === typed);
  if (choice) return { value: choice.value };
  if (option.choices?.length) return { error: "Choose one of the list." };
  switch (option.type) {
    case OPTION.STRING:
      return boundedText(option, typed);
    case OPTION.INTEGER:
    case OPTION.NUMBER:
      return boundedNumber(option, typed);
    case OPTION.BOOLEAN:
      return parseBoolean(typed);
    default:
      return { error: "Choose one of the list." };
  }
}

function boundedText(option, text) {
  if (text.length < (option.min_length ?? 0)) return { error: `At least ${option.min_length} characters.` };
  if (text.length > (option.max_length ?? 6000)) return { error: `At most ${option.max_length ?? 6000} characters.` };
  return { value: text };
}

function boundedNumber(option, text) {
  const value = Number(text);
  const whole = option.type === OPTION.INTEGER;
  if (!Number.isFinite(value) || (whole && !Number.isSafeInteger(value))) {
    return { error: whole ? "Enter a whole number." : "Enter a number." };
  }
  if (option.min_value !== undefined && value < option.min_value) return { error: `At least ${option.min_value}.` };
  if (option.max_value !== undefined && value > option.max_value) return { error: `At most ${option.max_value}.` };
  return { value };
}

function parseBoolean(text) {
  const word = text.toLowerCase();
  if (word === "true" || word === "false") return { value: word === "true" };
  return { error: "True or False." };
}
