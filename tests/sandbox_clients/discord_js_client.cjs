// discord.js: logs in, answers /hello and tells what it received.
const { Client, Events, GatewayIntentBits } = require("discord.js");

const [api, token] = process.argv.slice(2);
const client = new Client({
  intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildMessages],
  rest: { api, version: "10" },
});

client.once(Events.ClientReady, async () => {
  console.log("ready");
  if (client.guilds.cache.size === 2) console.log("guild");
  await client.application.commands.set([{ name: "hello", description: "Say hello" }]);
  console.log("commands");
});
client.on(Events.MessageCreate, (message) => {
  if (!message.author.bot) console.log("message");
});
client.on(Events.InteractionCreate, async (interaction) => {
  if (!interaction.isChatInputCommand()) return;
  await interaction.reply("hello from discord.js");
  console.log("answered");
});
client.login(token);
