/**
 * The languages of Discord's client, and what a command is called in each of them.
 * https://docs.discord.com/developers/reference#locales ·
 * https://docs.discord.com/developers/interactions/application-commands#localization
 */

/** Every locale with its own name, in the order of the documentation. */
export const LOCALES = {
  id: "Bahasa Indonesia",
  da: "Dansk",
  de: "Deutsch",
  "en-GB": "English, UK",
  "en-US": "English, US",
  "es-ES": "Español",
  "es-419": "Español, LATAM",
  fr: "Français",
  hr: "Hrvatski",
  it: "Italiano",
  lt: "Lietuviškai",
  hu: "Magyar",
  nl: "Nederlands",
  no: "Norsk",
  pl: "Polski",
  "pt-BR": "Português do Brasil",
  ro: "Română",
  fi: "Suomi",
  "sv-SE": "Svenska",
  vi: "Tiếng Việt",
  tr: "Türkçe",
  cs: "Čeština",
  el: "Ελληνικά",
  bg: "български",
  ru: "Русский",
  uk: "Українська",
  hi: "हिन्दी",
  th: "ไทย",
  "zh-CN": "中文",
  ja: "日本語",
  "zh-TW": "繁體中文",
  ko: "한국어",
};

/** Where Discord looks next when a locale is missing, before it takes the default. */
const FALLBACK = { "en-US": "en-GB", "en-GB": "en-US", "es-419": "es-ES" };

/**
 * A field of a command, an option or a choice as a person reads it.
 *
 * @param {object} body @param {"name" | "description"} field @param {string} [locale] none: the default
 * @returns {string}
 */
export function localized(body, field, locale) {
  const texts = body[`${field}_localizations`] ?? {};
  return texts[locale] ?? texts[FALLBACK[locale]] ?? body[field] ?? "";
}
