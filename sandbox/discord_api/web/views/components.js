/**
 * Message components, version 2 and the older rows, as parts for `reconcile`: texts are updated in place,
 * everything else is rebuilt when it changed.
 * Types: https://docs.discord.com/developers/components/reference
 */

import { attachmentCard, mediaItem } from "./attachments.js";
import { createSelect, emoji, SELECT_TYPES } from "./select.js";
import { cssColor } from "../core/format.js";
import { h, icon } from "../core/dom.js";
import { reconcile } from "../core/reconcile.js";
import { showMarkdown } from "../markdown_dom.js";

const TYPE = { ROW: 1, BUTTON: 2, SECTION: 9, TEXT: 10, THUMBNAIL: 11, GALLERY: 12, FILE: 13, SEPARATOR: 14, CONTAINER: 17 };
const STYLE = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link", 6: "premium" };
const LINK = 5;

/**
 * @param {object[]} components
 * @param {{message: object, ctx: object}} env `ctx.press(message, custom_id, values)` sends an interaction
 * @param {string} path where in the tree, so that equal components keep their places
 * @returns {import("../core/reconcile.js").Part[]}
 */
export function componentParts(components, env, path = "c") {
  return components.map((component, index) => part(component, env, `${path}.${index}`));
}

function part(component, env, path) {
  const live = LIVE[component.type];
  if (live) return live(component, env, path);
  const build = BUILD[component.type] ?? (SELECT_TYPES.has(component.type) ? buildSelect : buildUnknown);
  return { key: `${path} ${JSON.stringify(component)}`, build: () => build(component, env) };
}

/** Parts whose content is brought up to date inside a kept element. */
const LIVE = {
  [TYPE.TEXT]: (component, { ctx }, path) => ({
    key: `${path} text`,
    build: () => h("div.markdown"),
    update: (element) => showMarkdown(element, component.content ?? "", ctx.names),
  }),
  [TYPE.CONTAINER]: (component, env, path) => ({
    key: `${path} container ${component.accent_color} ${component.spoiler}`,
    build: () => buildContainer(component),
    update: (element) => reconcile(element.querySelector(".container-body"), componentParts(component.components ?? [], env, path)),
  }),
  [TYPE.SECTION]: (component, env, path) => ({
    key: `${path} section`,
    build: () => h("div.section", {}, h("div.section-text"), h("div.section-accessory")),
    update(element) {
      const [text, accessory] = element.children;
      reconcile(text, componentParts(component.components ?? [], env, `${path}.t`));
      reconcile(accessory, component.accessory ? [part(component.accessory, env, `${path}.a`)] : []);
    },
  }),
};

const BUILD = {
  [TYPE.ROW]: (component, env) =>
    h("div.action-row", { role: "group" }, component.components.map((child) => part(child, env, "").build())),
  [TYPE.BUTTON]: buildButton,
  [TYPE.THUMBNAIL]: (component, env) => mediaItem(component, env, "thumbnail"),
  [TYPE.GALLERY]: (component, env) =>
    h("div.gallery", { "data-count": component.items.length }, component.items.map((item) => mediaItem(item, env, "gallery-item"))),
  [TYPE.FILE]: buildFile,
  [TYPE.SEPARATOR]: (component) =>
    h("hr.separator", { "data-spacing": component.spacing ?? 1, class: component.divider === false ? "is-invisible" : "" }),
};

function buildContainer(component) {
  const accent = cssColor(component.accent_color);
  const properties = { class: accent ? "has-accent" : "", style: accent ? { "--accent": accent } : {} };
  const body = h("div.container-body");
  const container = h("section.container", properties, body);
  if (component.spoiler) coverWithSpoiler(container, body);
  return container;
}

function coverWithSpoiler(container, body) {
  body.inert = true;
  container.classList.add("is-covered");
  const cover = h("button.spoiler-cover", { type: "button", onclick: reveal }, "Spoiler");
  function reveal() {
    body.inert = false;
    container.classList.remove("is-covered");
    cover.remove();
  }
  container.append(cover);
}

function buildButton(component, { message, ctx }) {
  const content = [emoji(component.emoji), component.label ? h("span", {}, component.label) : null];
  const style = STYLE[component.style] ?? "secondary";
  if (component.style === LINK) {
    const properties = { href: component.url, target: "_blank", rel: "noopener noreferrer", "aria-disabled": component.disabled ? "true" : null };
    return h("a.button.is-link", properties, content, icon("link"));
  }
  const button = h("button.button", {
    type: "button",
    class: `is-${style}`,
    disabled: component.disabled,
    "data-custom-id": component.custom_id,
    "aria-label": component.label ? null : (component.emoji?.name ?? "Button"),
    onclick: () => {
      if (button.getAttribute("aria-busy") !== "true") ctx.press(message, component.custom_id);
    },
  }, h("span.button-content", {}, content), h("span.dots", { "aria-hidden": "true" }, h("i"), h("i"), h("i")));
  return button;
}

function buildSelect(component, { message, ctx }) {
  return createSelect(component, ctx.store, (values) => ctx.press(message, component.custom_id, values));
}

function buildFile(component, { message }) {
  const url = component.file?.url ?? "";
  const name = component.name ?? url.replace(/^attachment:\/\//, "");
  const attachment = (message.attachments ?? []).find((each) => each.filename === name || each.url === url);
  return attachmentCard(attachment ?? { filename: name, size: component.size, url }, component.spoiler);
}

function buildUnknown(component) {
  return h("p.unknown-component", {}, `A component of type ${component.type}, which this page does not draw.`);
}

/**
 * Show the state of the newest press on a message: which control waits for its acknowledgement.
 *
 * @param {HTMLElement} element the message
 * @param {{state: string, origin: {custom_id: string}} | null} press
 */
export function showPress(element, press) {
  for (const control of element.querySelectorAll("[data-custom-id]")) {
    const busy = press?.state === "pending" && control.dataset.customId === press.origin.custom_id;
    if (busy) control.setAttribute("aria-busy", "true");
    else control.removeAttribute("aria-busy");
  }
}
