/** The people's API: what a person does to the Discord double. Every call may raise `ApiError`. */

/** A refusal or a failure, its message a sentence that can be shown. */
export class ApiError extends Error {
  /** @param {string} message @param {number} status 0 when the server was not reached */
  constructor(message, status) {
    super(message);
    this.name = "ApiError";
    this.status = status;
  }
}

/** @returns {Promise<object[]>} everyone one can be */
export async function fetchPeople() {
  return (await call("GET", "/_sandbox/people")).people;
}

/** @returns {Promise<object[]>} the newest REST requests of the bot, oldest first */
export async function fetchTrace() {
  const answer = await call("GET", "/_sandbox/trace");
  return Array.isArray(answer) ? answer : (answer.requests ?? answer.trace ?? []);
}

/** @returns {Promise<object>} latency and limits, as the server reports them */
export function fetchLimits() {
  return call("GET", "/_sandbox/limits");
}

/** Change how the Discord double behaves. @param {object} change */
export function controlDiscord(change) {
  return call("POST", "/_sandbox/discord", change);
}

/** @returns {Promise<object>} how the switches of the Discord double stand */
export function fetchDiscord() {
  return call("GET", "/_sandbox/discord");
}

/** @returns {Promise<object[]>} the latest answers that grew by edits, newest first, with the gaps between states */
export async function fetchStaleness() {
  return (await call("GET", "/_sandbox/staleness")).answers;
}

/** @returns {Promise<object>} the cluster's nodes, speed, dialect … or `{away: "none" | "unreachable"}` */
export function fetchCluster() {
  return call("GET", "/_sandbox/cluster");
}

/** Do one thing to the cluster. @param {string} action @param {object} [arguments_] @returns {Promise<object>} its state then */
export function controlCluster(action, arguments_ = {}) {
  return call("POST", "/_sandbox/cluster", { action, ...arguments_ });
}

/** What one person can do. @param {string} user their id */
export function actionsOf(user) {
  const act = (action, body) => call("POST", `/_sandbox/people/${user}/${action}`, body);
  return {
    slash: (channel_id, command, options) => act("slash", { channel_id, command, options }),
    autocomplete: async (channel_id, command, focused, options) =>
      (await act("autocomplete", { channel_id, command, focused, options })).choices,
    messageMenu: (channel_id, command, message_id) => act("menu", { channel_id, command, message_id }),
    userMenu: (channel_id, command, user_id) => act("menu", { channel_id, command, user_id }),
    react: (channel_id, message_id, emoji) => act("react", { channel_id, message_id, emoji }),
    post: (channel_id, title, content, extra = {}) => act("post", { channel_id, title, content, ...extra }),
    startThread: (channel_id, message_id, name) => act("thread", { channel_id, message_id, name }),
    click: (channel_id, message_id, custom_id, values) => act("click", { channel_id, message_id, custom_id, values }),
    submitModal: (interaction_id, custom_id, values) => act("modal", { interaction_id, custom_id, values }),
    say: (channel_id, content, extra = {}) => act("message", { channel_id, content, ...extra }),
    edit: (channel_id, message_id, content) => act("edit", { channel_id, message_id, content }),
    remove: (channel_id, message_id) => act("delete", { channel_id, message_id }),
    openDm: () => act("dm", {}),
    speak: (locale) => act("language", { locale }),
    upload: async (file) => {
      const form = new FormData();
      form.append("file", file, file.name);
      return (await call("POST", `/_sandbox/people/${user}/upload`, form)).attachment;
    },
  };
}

async function call(method, path, body) {
  const options = { method, headers: {} };
  if (body instanceof FormData) options.body = body;
  else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  const response = await reach(path, options);
  const answer = await readJson(response);
  if (!response.ok) throw new ApiError(answer?.error ?? `The sandbox refused this (${response.status}).`, response.status);
  return answer;
}

async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch (cause) {
    throw new ApiError("The sandbox does not answer. Is it still running?", 0, { cause });
  }
}

async function readJson(response) {
  const text = await response.text();
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return { error: `The sandbox sent something that is not JSON (${response.status}).` };
  }
}
