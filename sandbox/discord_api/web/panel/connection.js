/** Discord as it is simulated: its latency and limits, what goes wrong with it, its time. */

import { button, buttons, choiceField, group, numberField, switchField } from "./fields.js";
import { controlDiscord, fetchDiscord } from "../core/api.js";
import { figure } from "./figure.js";
import { h } from "../core/dom.js";
import { toast } from "../views/toast.js";

const OUTAGE_SECONDS = 10;
const MINUTE = 60;
const TOKEN_LIFE = 15 * MINUTE;
const SPEEDS = [["1", "as it is"], ["10", "10 times as fast"], ["60", "a minute in a second"], ["3600", "an hour in a second"]];

/** @param {import("../core/store.js").Store} store @returns {import("./panel.js").Section} */
export function connectionSection(store) {
  const figures = h("dl.figures");
  const turn = async (change) => draw(await controlDiscord(change));
  const latency = numberField("Latency", { min: 0, max: 30000, unit: "ms" }, (ms) => turn({ latency: ms / 1000 }));
  const limits = switchField("Rate limits", (on) => turn({ limits: on }));
  const hidden = switchField("Hidden limit of webhooks", (on) => turn({ hidden_webhook_limit: on }));
  const speed = choiceField("Time passes", SPEEDS, (scale) => turn({ speed: Number(scale) }));
  const mine = switchField("Installed to my account", (on) => turn({ person_install: { id: store.me.id, on } }));
  const here = switchField("Member of this server", (on) => turn({ server_install: { id: store.guildOf()?.id, on } }));
  const outage = button(`Outage ${OUTAGE_SECONDS} s`, () => turn({ outage: outage.dataset.on ? 0 : OUTAGE_SECONDS }));
  const element = h("div", {}, figures, h("div.panel-controls", {},
    group("Network", latency.element, limits.element, hidden.element),
    group("Trouble", buttons(
      outage,
      button("Drop the gateway", () => turn({ drop_gateway: true })),
      button("Expire tokens", () => turn({ expire_tokens: true })),
      button("Delete the bot's last message", () => deleteNewest(store, turn)),
    )),
    group("The app", mine.element, here.element),
    group("Time", speed.element, buttons(
      button("+ 1 minute", () => turn({ advance: MINUTE })),
      button("+ 15 minutes", () => turn({ advance: TOKEN_LIFE })),
      button("+ 1 hour", () => turn({ advance: 60 * MINUTE })),
    )),
  ));

  function draw(state) {
    const at = new Date(state.now * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
    figures.replaceChildren(
      figure("Bot", state.gateway.online ? "online" : "offline", !state.gateway.online),
      figure("API", state.outage ? "outage" : "up", state.outage),
      figure("Its clock", at, state.speed !== 1),
    );
    latency.show(Math.round(state.latency * 1000));
    limits.show(state.limits);
    hidden.show(state.hidden_webhook_limit);
    speed.show(state.speed);
    mine.show(state.installed.people.includes(store.me?.id));
    here.show(state.installed.servers.includes(store.guildOf()?.id));
    outage.textContent = state.outage ? "End the outage" : `Outage ${OUTAGE_SECONDS} s`;
    if (state.outage) outage.dataset.on = "true";
    else delete outage.dataset.on;
  }

  return { title: "Discord", element, refresh: async () => draw(await fetchDiscord()) };
}

async function deleteNewest(store, turn) {
  const newest = store.rows().filter((row) => row.row === "message" && row.message.author.id === store.bot.id).at(-1);
  if (newest) await turn({ delete_message: { channel_id: newest.message.channel_id, message_id: newest.id } });
  else toast("The bot has written nothing here.");
}
