/** Embeds of messages. */

import { cssColor, messageTime } from "../core/format.js";
import { h } from "../core/dom.js";
import { markdown } from "../markdown_dom.js";

/** @param {object} embed of the API @param {import("../markdown_dom.js").Names} names */
export function embedView(embed, names) {
  const color = cssColor(embed.color);
  const text = h(
    "div.embed-text",
    {},
    embed.provider?.name ? h("div.embed-provider", {}, embed.provider.name) : null,
    embed.author?.name ? h("div.embed-author", {}, linked(embed.author.name, embed.author.url)) : null,
    embed.title ? h("div.embed-title", {}, embed.url ? linked(embed.title, embed.url) : markdown(embed.title, names, "span.markdown")) : null,
    embed.description ? markdown(embed.description, names, "div.markdown.embed-description") : null,
    fields(embed.fields ?? [], names),
    embed.image?.url ? h("img.embed-image", { src: embed.image.url, alt: "", loading: "lazy" }) : null,
    footer(embed, names),
  );
  const thumbnail = embed.thumbnail?.url ? h("img.embed-thumbnail", { src: embed.thumbnail.url, alt: "", loading: "lazy" }) : null;
  return h("article.embed", { style: color ? { "--accent": color } : {} }, text, thumbnail);
}

function linked(text, url) {
  return url ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, text) : text;
}

function fields(list, names) {
  if (!list.length) return null;
  const rows = list.map((field) =>
    h("div.embed-field", { class: field.inline ? "is-inline" : "" }, h("strong", {}, field.name), markdown(field.value, names)),
  );
  return h("div.embed-fields", {}, rows);
}

function footer(embed, names) {
  const time = embed.timestamp ? messageTime(Date.parse(embed.timestamp), names.now()) : null;
  const text = [embed.footer?.text, time].filter(Boolean).join(" • ");
  return text ? h("div.embed-footer", {}, text) : null;
}
