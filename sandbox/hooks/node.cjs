// Loaded by Node itself (NODE_OPTIONS) in a bot that `discord-sandbox run` starts: discord.js finds the sandbox.
// discord.js asks the REST API for the gateway's address, so that the REST API's is the only one to be changed.
"use strict";

const Module = require("node:module");

const api = process.env.DISCORD_SANDBOX_API;
if (api) {
  const load = Module._load;
  Module._load = function (request, ...others) {
    const loaded = load.call(this, request, ...others);
    if (/@discordjs[\\/]rest$/.test(request) && loaded?.DefaultRestOptions) loaded.DefaultRestOptions.api = api;
    return loaded;
  };
}
