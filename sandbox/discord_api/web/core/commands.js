/**
 * Application commands as a person types them: pure functions over the objects that the bot registered.
 * Option types: https://docs.discord.com/developers/interactions/application-commands
 *
 * @typedef {{path: string, shown: string, name: string, description: string, options: object[], id: string}} Entry
 *   `path` is what follows the slash by the default names, sub-commands included: "cluster init"; the bot is sent
 *   these. `shown` is the same in the person's language, as is the `description`. Options have their default
 *   `name` and a `shown` one; their descriptions and the names of their choices are the person's.
 */

import { localized } from "./locales.js";

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
 * @param {{guildId: string | null, manager: boolean, locale?: string}} place `manager`: the person administrates
 *   the guild
 * @returns {Entry[]}
 */
export function slashEntries(commands, place) {
  return commands
    .filter((command) => (command.type ?? COMMAND.SLASH) === COMMAND.SLASH && isOffered(command, place))
    .flatMap((command) => flatten(command, [command], place.locale))
    .sort((a, b) => (a.shown < b.shown ? -1 : 1));
}

/** Commands of a message's menu, by shown name. @returns {{name: string, shown: string}[]} */
export function messageMenuCommands(commands, place) {
  return menuCommands(commands, COMMAND.MESSAGE, place);
}

/** Commands of a person's menu, by shown name. @returns {{name: string, shown: string}[]} */
export function userMenuCommands(commands, place) {
  return menuCommands(commands, COMMAND.USER, place);
}

function menuCommands(commands, type, place) {
  return commands
    .filter((command) => command.type === type && isOffered(command, place))
    .map((command) => ({ name: command.name, shown: localized(command, "name", place.locale) }))
    .sort((a, b) => a.shown.localeCompare(b.shown));
}

/**
 * What a command that was used is called in a language; its own path when it is not registered any more.
 *
 * @param {object[]} commands @param {string} path by the default names @param {boolean} menu @param {string} locale
 */
export function shownPath(commands, path, menu, locale) {
  const slash = (command) => (command.type ?? COMMAND.SLASH) === COMMAND.SLASH;
  let level = commands.filter((command) => slash(command) !== menu);
  const names = (menu ? [path] : path.split(" ")).map((name) => {
    const found = level.find((each) => each.name === name);
    level = found?.options ?? [];
    return found ? localized(found, "name", locale) : name;
  });
  return names.join(" ");
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

function flatten(root, levels, locale) {
  const level = levels.at(-1);
  const options = level.options ?? [];
  const nested = options.filter((option) => option.type <= OPTION.SUB_COMMAND_GROUP);
  if (nested.length) return nested.flatMap((option) => flatten(root, [...levels, option], locale));
  const path = levels.map((each) => each.name).join(" ");
  const shown = levels.map((each) => localized(each, "name", locale)).join(" ");
  const description = localized(level, "description", locale);
  return [{ path, shown, name: root.name, description, options: options.map((option) => readOption(option, locale)), id: root.id }];
}

function readOption(option, locale) {
  const shown = { ...option, shown: localized(option, "name", locale), description: localized(option, "description", locale) };
  if (option.choices) shown.choices = option.choices.map((choice) => ({ ...choice, name: localized(choice, "name", locale) }));
  return shown;
}

/**
 * What the picker shows for the text after the slash: commands whose name begins with it first, then those
 * that contain it, then those whose description does. The default name is a name too: who knows a command from
 * somebody else's language finds it.
 *
 * @param {Entry[]} entries @param {string} typed
 */
export function filterEntries(entries, typed) {
  const text = typed.trim().toLowerCase();
  if (!text) return entries;
  const rank = (entry) => {
    const names = [entry.shown, entry.path];
    if (names.some((name) => name.startsWith(text))) return 0;
    if (names.some((name) => name.includes(text))) return 1;
    return entry.description.toLowerCase().includes(text) ? 2 : 3;
  };
  return entries
    .map((entry) => ({ entry, order: rank(entry) }))
    .filter(({ order }) => order < 3)
    .sort((a, b) => a.order - b.order)
    .map(({ entry }) => entry);
}

/**
 * A command typed in full by either of its names, followed by a space: `/cluster init rest of the line`.
 *
 * @param {Entry[]} entries @param {string} text with its slash
 * @returns {{entry: Entry, rest: string} | null}
 */
export function matchTyped(entries, text) {
  if (!text.startsWith("/")) return null;
  const typed = text.slice(1);
  const [found] = entries
    .flatMap((entry) => [entry.shown, entry.path].map((name) => ({ entry, name })))
    .filter(({ name }) => typed.startsWith(`${name} `))
    .sort((a, b) => b.name.length - a.name.length);
  return found ? { entry: found.entry, rest: typed.slice(found.name.length + 1) } : null;
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
