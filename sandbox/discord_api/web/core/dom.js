/** Building elements. Text only ever becomes text: nothing in this page parses HTML. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {string} tag `div`, or with classes `div.row.wide`
 * @param {Record<string, unknown>} [properties] attributes; `on…` adds a listener; `style` is an object of
 *   CSS properties set through the CSSOM, which the Content-Security-Policy allows where it forbids style
 *   attributes; false, null and undefined are left out, true gives an empty attribute
 * @param {...(Node | string | null | undefined | false | (Node | string)[])} children
 * @returns {HTMLElement}
 */
export function h(tag, properties = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.classList.add(...classes);
  for (const [key, value] of Object.entries(properties ?? {})) setProperty(element, key, value);
  append(element, children);
  return element;
}

function setProperty(element, key, value) {
  if (value === false || value === null || value === undefined) return;
  if (key.startsWith("on")) element.addEventListener(key.slice(2).toLowerCase(), value);
  else if (key === "style") for (const [property, text] of Object.entries(value)) element.style.setProperty(property, text);
  else if (key === "class") element.classList.add(...value.split(" ").filter(Boolean));
  else if (key === "value") element.value = value;
  else element.setAttribute(key, value === true ? "" : String(value));
}

export function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
}

/** One icon of the sprite below, decorative: the control that holds it carries the name. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  for (const drawing of ICONS[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", drawing);
    svg.append(path);
  }
  return svg;
}

/** A button with an icon only; `label` is its accessible name and its tooltip. */
export function iconButton(name, label, properties = {}) {
  return h("button.icon-button", { type: "button", title: label, "aria-label": label, ...properties }, icon(name));
}

/** Strokes of 24 × 24 icons, round caps, drawn for this page. */
const ICONS = {
  hash: ["M9 4 7 20", "M17 4l-2 16", "M4 9h16", "M3.5 15h16"],
  thread: ["M4 5h16v10H10l-4 4v-4H4z"],
  at: ["M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0v1.5a2.5 2.5 0 0 0 5 0V12a9 9 0 1 0-3.5 7.1"],
  menu: ["M4 7h16", "M4 12h16", "M4 17h16"],
  people: ["M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z", "M2.5 20c0-4 3-6 6.5-6s6.5 2 6.5 6", "M16 4.5a3.5 3.5 0 0 1 0 6.5", "M18 14.5c2.200 .7 3.500 2.600 3.500 5.500"],
  sun: ["M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8z", "M12 2.500v2", "M12 19.500v2", "M2.500 12h2", "M19.500 12h2", "M5.300 5.300l1.400 1.400", "M17.300 17.300l1.400 1.400", "M5.300 18.700l1.400-1.400", "M17.300 6.700l1.400-1.400"],
  moon: ["M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500z"],
  activity: ["M3 12h4l3-8 4 16 3-8h4"],
  reply: ["M9 6 4 11l5 5", "M4 11h9c4 0 7 2.500 7 7"],
  more: ["M5 12h.01", "M12 12h.01", "M19 12h.01"],
  close: ["M6 6l12 12", "M18 6 6 18"],
  plus: ["M12 5v14", "M5 12h14"],
  file: ["M6 3h8l5 5v13H6z", "M14 3v5h5"],
  image: ["M4 5h16v14H4z", "M4 16l5-5 4 4 3-3 4 4"],
  chevron: ["M6 9l6 6 6-6"],
  check: ["M5 12.500l4.500 4.500L19 7.500"],
  send: ["M4 12 20 4l-6 16-3-7z"],
  pencil: ["M4 20l1-4L16 5l3 3L8 19z"],
  trash: ["M4 7h16", "M9 7V4h6v3", "M6 7l1 13h10l1-13"],
  copy: ["M8 8h12v12H8z", "M16 8V4H4v12h4"],
  bot: ["M5 9h14v10H5z", "M12 9V5", "M9 13.500v1", "M15 13.500v1", "M2.500 13v3", "M21.500 13v3"],
  link: ["M14 4h6v6", "M20 4l-9 9", "M18 14v6H4V6h6"],
  eye: ["M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12z", "M12 14.500a2.500 2.500 0 1 0 0-5 2.500 2.500 0 0 0 0 5z"],
  globe: ["M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17z", "M3.500 12h17", "M12 3.500c5 5 5 12 0 17", "M12 3.500c-5 5-5 12 0 17"],
  slash: ["M5 4h14v16H5z", "M14 8l-4 8"],
  smile: ["M12 20.500a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17z", "M9 9.500v.5", "M15 9.500v.5", "M8.500 14c1.800 2.700 5.200 2.700 7 0"],
  down: ["M12 5v14", "M6 13l6 6 6-6"],
};
