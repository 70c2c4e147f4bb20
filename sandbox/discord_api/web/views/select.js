/** Select menus of messages and modals: one choice is taken at once, several when the list closes. */

import { CHANNEL } from "../core/store.js";
import { avatar } from "../core/people.js";
import { h, icon } from "../core/dom.js";
import { movedIndex, openPopover } from "./popover.js";

/** Component types: https://docs.discord.com/developers/components/reference */
export const SELECT = { STRING: 3, USER: 5, ROLE: 6, MENTIONABLE: 7, CHANNEL: 8 };
export const SELECT_TYPES = new Set(Object.values(SELECT));

/** Lists longer than this can be searched. */
const SEARCH_FROM = 8;

/**
 * @typedef {{label: string, value: string, description?: string, emoji?: object, lead?: () => Node}} Choice
 * @param {object} component a select of the API
 * @param {import("../core/store.js").Store} store for people, roles and channels
 * @param {(values: string[]) => void} onCommit
 * @returns {HTMLElement} with `selectedValues()`
 */
export function createSelect(component, store, onCommit) {
  const choices = choicesOf(component, store);
  const most = component.max_values ?? 1;
  const least = component.min_values ?? 1;
  let chosen = initialValues(component);
  const label = h("span.select-label");
  const button = h("button.select", {
    type: "button",
    disabled: component.disabled,
    "data-custom-id": component.custom_id,
    "aria-haspopup": "listbox",
    "aria-expanded": "false",
    "aria-label": component.placeholder ?? "Make a selection",
  }, label, icon("chevron"));

  function show() {
    const labels = chosen.map((value) => choices.find((choice) => choice.value === value)?.label ?? value);
    label.textContent = labels.join(", ") || (component.placeholder ?? "Make a selection");
    label.classList.toggle("is-placeholder", !labels.length);
  }

  function toggle(value) {
    if (most === 1) chosen = chosen[0] === value && least === 0 ? [] : [value];
    else if (chosen.includes(value)) chosen = chosen.filter((each) => each !== value);
    else if (chosen.length < most) chosen = [...chosen, value];
    show();
    return most === 1;
  }

  button.addEventListener("click", () => {
    const before = chosen;
    openList(button, { choices, most, isChosen: (value) => chosen.includes(value), toggle }, () => {
      if (chosen.length < least) {
        chosen = before;
        show();
      } else if (chosen.join("\n") !== before.join("\n")) onCommit(chosen);
    });
  });
  show();
  button.selectedValues = () => chosen;
  return button;
}

function initialValues(component) {
  const options = (component.options ?? []).filter((option) => option.default).map((option) => option.value);
  return [...options, ...(component.default_values ?? []).map((value) => value.id)];
}

function choicesOf(component, store) {
  switch (component.type) {
    case SELECT.STRING:
      return component.options ?? [];
    case SELECT.USER:
      return userChoices(store);
    case SELECT.ROLE:
      return roleChoices(store);
    case SELECT.CHANNEL:
      return channelChoices(store, component.channel_types);
    default:
      return [...userChoices(store), ...roleChoices(store)];
  }
}

export function userChoices(store) {
  const members = store.guildOf()?.members.map((member) => member.user) ?? [store.me, store.bot];
  return members.map((user) => ({
    label: store.displayName(user.id),
    value: user.id,
    description: user.username,
    lead: () => avatar(store.users.get(user.id) ?? user),
  }));
}

export function roleChoices(store) {
  return (store.guildOf()?.roles ?? []).map((role) => ({ label: role.name, value: role.id, lead: () => icon("people") }));
}

export function channelChoices(store, types) {
  const allowed = (channel) => (types?.length ? types.includes(channel.type) : channel.type !== CHANNEL.CATEGORY);
  return (store.guildOf()?.channels ?? []).filter(allowed).map((channel) => ({
    label: channel.name,
    value: channel.id,
    lead: () => icon(CHANNEL.THREADS.includes(channel.type) ? "thread" : "hash"),
  }));
}

function openList(anchor, list, onClose) {
  const box = h("div.listbox", { role: "listbox", tabindex: "-1", "aria-multiselectable": String(list.most > 1) });
  const search = list.choices.length > SEARCH_FROM ? h("input.search", { type: "search", placeholder: "Search", "aria-label": "Search" }) : null;
  const frame = h("div.select-list", {}, search, box);
  let active = Math.max(0, list.choices.findIndex((choice) => list.isChosen(choice.value)));
  anchor.setAttribute("aria-expanded", "true");
  const popover = openPopover(anchor, frame, {
    minWidth: anchor.getBoundingClientRect().width,
    onClose() {
      anchor.setAttribute("aria-expanded", "false");
      onClose();
    },
  });

  const visible = () => {
    const text = search?.value.trim().toLowerCase() ?? "";
    return list.choices.filter((choice) => `${choice.label} ${choice.description ?? ""}`.toLowerCase().includes(text));
  };
  const pick = (choice) => {
    if (list.toggle(choice.value)) popover.close();
    else draw();
  };
  const draw = () => {
    const choices = visible();
    active = Math.min(active, Math.max(0, choices.length - 1));
    box.replaceChildren(...choices.map((choice, index) => option(choice, list.isChosen(choice.value), index === active, pick)));
    if (!choices.length) box.append(h("p.nothing", {}, "Nothing found"));
    box.children[active]?.scrollIntoView({ block: "nearest" });
  };
  frame.addEventListener("keydown", (event) => {
    const choices = visible();
    const next = movedIndex(event.key, active, choices.length);
    if (next !== null) {
      active = next;
      draw();
    } else if (event.key === "Enter" || (event.key === " " && event.target !== search)) {
      if (choices[active]) pick(choices[active]);
    } else if (event.key === "Tab") popover.close();
    else return;
    event.preventDefault();
  });
  search?.addEventListener("input", draw);
  draw();
  popover.place();
  (search ?? box).focus();
}

function option(choice, chosen, active, pick) {
  const text = h("span.menu-text", {}, h("span", {}, choice.label), choice.description ? h("small", {}, choice.description) : null);
  const properties = { role: "option", "aria-selected": String(chosen), class: active ? "is-active" : "", onclick: () => pick(choice) };
  return h("div.option", properties, choice.lead?.() ?? emoji(choice.emoji), text, chosen ? icon("check") : null);
}

/** A component's emoji: a Unicode one as it is, a custom one by its name. */
export function emoji(data) {
  if (!data) return null;
  return h("span.emoji", {}, data.id ? `:${data.name}:` : data.name);
}
