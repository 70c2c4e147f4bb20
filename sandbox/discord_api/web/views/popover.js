/** Floating lists and menus: one at a time, closed by Esc, by a press elsewhere, by scrolling away. */

import { h } from "../core/dom.js";

const GAP = 6;
const MARGIN = 8;

let current = null;

/**
 * @param {Element | {x: number, y: number}} anchor an element, or a point of the window
 * @param {HTMLElement} content
 * @param {{onClose?: () => void, minWidth?: number, above?: boolean}} [options]
 * @returns {{close: () => void, place: () => void}}
 */
export function openPopover(anchor, content, { onClose, minWidth = 0, above = false } = {}) {
  current?.close();
  const opener = document.activeElement;
  const layer = h("div.popover", { style: { "min-width": `${minWidth}px` } }, content);
  const host = anchor instanceof Element ? anchor.closest("dialog") : null;
  (host ?? document.body).append(layer);

  function place() {
    const box = anchor instanceof Element ? anchor.getBoundingClientRect() : pointBox(anchor);
    const size = layer.getBoundingClientRect();
    const fitsBelow = box.bottom + GAP + size.height <= innerHeight - MARGIN;
    const wantsAbove = above || !fitsBelow;
    const top = wantsAbove && box.top - GAP - size.height >= MARGIN ? box.top - GAP - size.height : box.bottom + GAP;
    layer.style.setProperty("top", `${clamp(top, MARGIN, innerHeight - size.height - MARGIN)}px`);
    layer.style.setProperty("left", `${clamp(box.left, MARGIN, innerWidth - size.width - MARGIN)}px`);
  }

  function close() {
    if (current !== handle) return;
    current = null;
    document.removeEventListener("pointerdown", outside, true);
    document.removeEventListener("keydown", escape, true);
    removeEventListener("resize", close);
    const hadFocus = layer.contains(document.activeElement);
    layer.remove();
    if (hadFocus && opener?.isConnected) opener.focus();
    onClose?.();
  }

  function outside(event) {
    if (layer.contains(event.target) || (anchor instanceof Element && anchor.contains(event.target))) return;
    close();
  }

  function escape(event) {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    close();
  }

  const handle = { close, place };
  current = handle;
  document.addEventListener("pointerdown", outside, true);
  document.addEventListener("keydown", escape, true);
  addEventListener("resize", close);
  place();
  return handle;
}

export function closePopover() {
  current?.close();
}

function pointBox({ x, y }) {
  return { left: x, right: x, top: y - GAP, bottom: y - GAP };
}

function clamp(value, low, high) {
  return Math.max(low, Math.min(value, Math.max(low, high)));
}

/** The index that an arrow, Home or End key leads to in a list; null for any other key. */
export function movedIndex(key, index, length) {
  if (!length) return null;
  if (key === "ArrowDown") return (index + 1) % length;
  if (key === "ArrowUp") return (index - 1 + length) % length;
  if (key === "Home") return 0;
  return key === "End" ? length - 1 : null;
}
