/** Files and pictures of messages. */

import { fileSize } from "../core/format.js";
import { h, icon } from "../core/dom.js";

const PICTURE = /^image\/(png|jpe?g|gif|webp|svg\+xml|avif)/;
const PICTURE_NAME = /\.(png|jpe?g|gif|webp|avif)$/i;
const LARGEST = { width: 420, height: 320 };

/** @param {object} attachment of the API */
export function attachmentView(attachment) {
  const spoiler = attachment.filename.startsWith("SPOILER_");
  return isPicture(attachment) ? picture(attachment, spoiler) : attachmentCard(attachment, spoiler);
}

export function isPicture(attachment) {
  return PICTURE.test(attachment.content_type ?? "") || (!attachment.content_type && PICTURE_NAME.test(attachment.filename ?? ""));
}

/** A file that is not shown itself: its name as a link, its size. */
export function attachmentCard(attachment, spoiler = false) {
  const size = attachment.size === undefined || attachment.size === null ? null : h("small", {}, fileSize(attachment.size));
  const link = h("a", { href: attachment.url, target: "_blank", rel: "noopener noreferrer", download: attachment.filename }, attachment.filename);
  const card = h("div.file-card", {}, icon("file"), h("div", {}, link, size));
  return spoiler ? covered(card) : card;
}

function picture(attachment, spoiler) {
  const image = h("img", {
    src: attachment.url,
    alt: attachment.description ?? attachment.filename,
    title: attachment.filename,
    loading: "lazy",
    ...fitted(attachment),
  });
  const link = h("a.picture", { href: attachment.url, target: "_blank", rel: "noopener noreferrer" }, image);
  return spoiler ? covered(link) : link;
}

/** Known dimensions reserve the place, so that a loading picture moves nothing. */
function fitted({ width, height }) {
  if (!width || !height) return {};
  const scale = Math.min(1, LARGEST.width / width, LARGEST.height / height);
  return { width: Math.round(width * scale), height: Math.round(height * scale) };
}

/** One picture of a gallery, or a section's thumbnail. @param {object} item @param {{message: object}} env */
export function mediaItem(item, { message }, className) {
  const url = item.media?.url ?? "";
  const name = url.replace(/^attachment:\/\//, "");
  const attachment = (message.attachments ?? []).find((each) => each.filename === name || each.url === url);
  const source = attachment?.url ?? item.media?.proxy_url ?? url;
  const image = h("img", { src: source, alt: item.description ?? name.split("/").pop(), loading: "lazy" });
  const link = h("a", { class: className, href: source, target: "_blank", rel: "noopener noreferrer", title: item.description }, image);
  return item.spoiler ? covered(link) : link;
}

function covered(content) {
  const cover = h("button.spoiler-cover", { type: "button" }, "Spoiler");
  const frame = h("div.covered.is-covered", {}, content, cover);
  content.inert = true;
  cover.addEventListener("click", () => {
    content.inert = false;
    frame.classList.remove("is-covered");
    cover.remove();
  });
  return frame;
}
