// Ask the API with one client for Node, and print what worked as JSON.
// node node.mjs CLIENT BASE KEY STEP…; it is run where this client is installed.
const [, , name, base, key, ...wanted] = process.argv;
const model = "Qwen/Qwen3-8B";
const asked = (content) => ({ model, messages: [{ role: "user", content }] });
const tools = [{ type: "function", function: { name: "weather", parameters: { type: "object", properties: {} } } }];

async function openai() {
  const { default: OpenAI } = await import("openai");
  const made = (apiKey) => new OpenAI({ baseURL: `${base}/v1`, apiKey });
  const client = made(key);
  const chat = async (more) => client.chat.completions.create(more);
  return {
    models: async () => (await client.models.list()).data.length,
    chat: async () => (await chat(asked("Why? [[n=6]]"))).choices[0].message.content,
    stream: async () => {
      let text = "";
      const stream = await chat({ ...asked("Why? [[n=6]]"), stream: true });
      for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
      return text;
    },
    tools: async () => (await chat({ ...asked("Why? [[tool:weather]]"), tools })).choices[0].message.tool_calls,
    cancel: async () => {
      const stream = await chat({ ...asked("Why? [[n=4000]]"), stream: true });
      for await (const chunk of stream) {
        stream.controller.abort();
        return Boolean(chunk);
      }
    },
    wrong_key: async () => made("plx-wrong").models.list().then(() => false, (error) => error.status === 401),
    busy: async () => (await chat(asked("Why? [[n=6]]"))).choices[0].message.content,
  };
}

async function continued() {
  const { constructLlmApi } = await import("@continuedev/openai-adapters");
  const made = (apiKey) => constructLlmApi({ provider: "openai", apiBase: `${base}/v1/`, apiKey });
  const client = made(key);
  const signal = new AbortController().signal;
  const chat = async (more) => client.chatCompletionNonStream({ ...more, stream: false }, signal);
  return {
    models: async () => (await client.list()).length,
    chat: async () => (await chat(asked("Why? [[n=6]]"))).choices[0].message.content,
    stream: async () => {
      let text = "";
      for await (const chunk of client.chatCompletionStream({ ...asked("Why? [[n=6]]"), stream: true }, signal))
        text += chunk.choices[0]?.delta?.content ?? "";
      return text;
    },
    tools: async () => (await chat({ ...asked("Why? [[tool:weather]]"), tools })).choices[0].message.tool_calls,
    cancel: async () => {
      const aborting = new AbortController();
      const stream = client.chatCompletionStream({ ...asked("Why? [[n=4000]]"), stream: true }, aborting.signal);
      for await (const chunk of stream) {
        aborting.abort();
        return Boolean(chunk);
      }
    },
    wrong_key: async () =>
      made("plx-wrong")
        .chatCompletionNonStream({ ...asked("Why?"), stream: false }, signal)
        .then(() => false, (error) => error.status === 401),
    busy: async () => (await chat(asked("Why? [[n=6]]"))).choices[0].message.content,
  };
}

const steps = await { openai, "@continuedev/openai-adapters": continued }[name]();
const told = {};
for (const step of wanted.filter((one) => steps[one])) {
  try {
    told[step] = (await steps[step]()) ? "ok" : "nothing came";
  } catch (error) {
    told[step] = String(error).slice(0, 200);
  }
}
console.log(JSON.stringify(told));
process.exit(0);
