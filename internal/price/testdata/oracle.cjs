// Asks the reference implementation what requests cost; README.md beside this file says how to run it.
// Output: a JSON list, one sample a line: [provider, model, time, input, output, cache read, cache write 5m, cache write 1h,
// answer], where the answer is null when there is no price, or [provider, model, USD, list of kinds without a price].
const { calcPrice, waitForUpdate } = require(process.argv[2]);

// A small generator with a fixed seed, so that each run gives the same samples.
let state = 20260923;
const random = (n) => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % n;
const pick = (list) => list[(random(1 << 16) * list.length) >>> 16];

const times = [
  "2025-01-01T00:00:00Z", "2025-05-21T23:59:59Z", "2025-05-22T00:00:00Z", "2025-06-09T23:59:59.999Z", "2025-06-10T00:00:00Z",
  "2025-12-18T12:00:00Z", "2026-03-12T23:59:59Z", "2026-03-13T00:00:00Z", "2026-08-17T00:29:59Z", "2026-08-21T00:30:00Z",
  "2026-09-22T01:00:00Z", "2026-11-23T03:59:59Z", "2026-11-23T04:00:00Z", "2026-11-23T06:00:00+02:00", "2026-11-23T09:30:00Z",
  "2026-11-23T10:00:00Z", "2026-11-23T16:29:59Z", "2026-11-23T16:30:00Z", "2027-01-01T00:00:00Z",
];
const usages = [
  [10, 74, 14600, 100, 440], [0, 0, 0, 0, 0], [1, 1, 0, 0, 0], [1000, 0, 0, 0, 0], [0, 333, 0, 0, 0], [12345, 678, 0, 0, 0],
  [12345, 678, 91011, 0, 0], [5, 678, 91011, 1213, 0], [5, 678, 91011, 0, 1415], [200000, 1, 0, 0, 0], [200001, 1, 0, 0, 0],
  [1, 99, 199999, 0, 0], [1, 99, 200000, 0, 0], [3, 5000, 100000, 99990, 7], [3, 5000, 100000, 99990, 8], [271999, 7, 0, 0, 0],
  [272000, 7, 0, 0, 0], [1, 1, 400000, 0, 0], [900000, 64000, 50000, 0, 0], [128001, 3, 0, 0, 0], [32001, 3, 0, 0, 0],
];
// What agents call their models, and what nobody should have a price for.
const names = [
  ["", "claude-sonnet-5"], ["", "claude-sonnet-5[1m]"], ["", "Claude-Sonnet-5"], ["", " claude-sonnet-5 "],
  ["", "claude-opus-5-5"], ["", "claude-opus-5-5-20260921"], ["", "claude-opus-5-5[1m]"], ["", "claude-fable-5-1"],
  ["", "claude-opus-4-6"], ["", "claude-sonnet-4-6"], ["", "claude-sonnet-4-5-20250929"], ["", "claude-haiku-4-5-20251001"],
  ["", "claude-sonnet-4-5@20250929"], ["", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"], ["", "claude-nothing-9"],
  ["bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"], ["amazon-bedrock", "eu.anthropic.claude-sonnet-5"],
  ["bedrock", "anthropic.claude-3-5-sonnet-20241022-v2:0"], ["vertex_ai", "claude-sonnet-4-5@20250929"],
  ["google-vertex", "claude-opus-5"], ["google", "claude-sonnet-5"], ["azure", "claude-sonnet-5"], ["azure", "gpt-5"],
  ["azure", "gpt-4o-20241120"], ["openai", "gpt-4o-20241120"], ["openai", "gpt-4o-2024-11-20"], ["openai", "gpt-5-mini-20250807"],
  ["openai", "gpt-5-mini-20250231"], ["", "gpt-5"], ["", "gpt-5-codex"], ["", "gpt-5.6-sol"], ["", "gpt-5.6-luna"],
  ["", "gpt-6-sol"], ["", "gpt-6-sol-2026-09-01"], ["", "gpt-6-sol-20260901"], ["", "gpt-6.1-terra"], ["", "o3"], ["", "o4-mini"],
  ["", "gemini-3.1-pro-preview"], ["", "gemini-3.6-flash"], ["", "gemini-2.5-pro"], ["", "grok-4.6"], ["", "kimi-k3"],
  ["", "mistral-large-latest"], ["", "labs-devstral-small-2512"], ["", "voxtral-mini-tts"], ["mistral", "voxtral-mini-tts-2603"],
  ["mistral", "voxtral-small-latest"], ["", "mistralai/devstral-small"], ["", "deepseek-chat"], ["", "deepseek-reasoner"],
  ["", "deepseek-v4-pro"], ["deepseek", "deepseek-v4-flash"], ["", "composer-2.5[fast=true]"], ["cursor", "composer-2.5[fast=false]"],
  ["github-copilot", "claude-sonnet-5"], ["copilot", "gpt-5-mini"], ["openrouter", "anthropic/claude-sonnet-4.5"],
  ["openrouter", "~anthropic/claude-opus-latest"], ["openrouter", "google/gemma-4-31b-it"], ["openrouter", "deepseek/deepseek-r1:free"],
  ["openrouter", "perplexity/sonar-deep-research"], ["perplexity", "sonar"], ["perplexity", "sonar-deep-research"],
  ["litellm", "anthropic/claude-sonnet-5"], ["LiteLLM", "openrouter/anthropic/claude-sonnet-4.5"], ["litellm", "claude-sonnet-5"],
  ["litellm", "nobody/claude-sonnet-5"], ["litellm", "/claude-sonnet-5"], ["litellm", "anthropic/"],
  ["", "anthropic/claude-sonnet-5"], ["", "openai/gpt-5"], ["", "bedrock/us.anthropic.claude-sonnet-5"],
  ["", "openrouter/openai/gpt-5"], ["", "vertex_ai/claude-opus-5"], ["", "nobody/nothing"], ["nobody", "claude-sonnet-5"],
  ["anthropic", "gpt-5"], ["", "<synthetic>"], ["anthropic", "<synthetic>"], ["", ""], ["anthropic", ""], ["Anthropic", "claude-sonnet-5"],
  ["x-ai", "grok-voice-latest"], ["xai", "grok-4.5-20260801"], ["", "voyage-3"], ["", "whisper-1"], ["typesafe", "jev-latest"],
];

function ask(provider, model, at, [input, output, read, write5m, write1h]) {
  const usage = {
    input_tokens: input + read + write5m + write1h, output_tokens: output, cache_read_tokens: read,
    cache_write_tokens: write5m + write1h, cache_write_5m_tokens: write5m, cache_write_1h_tokens: write1h,
  };
  const call = (providerId) => calcPrice(usage, model, { providerId: providerId || undefined, timestamp: new Date(at) });
  let found = call(provider);
  // Ours alone: a name with a slash is taken apart without being asked to.
  if (!found && !provider && model.includes("/")) found = call("litellm");
  if (!found) return null;
  const price = found.model_price;
  const lacks = [];
  const need = (kind, count, ...keys) => {
    if (count > 0 && !keys.some((key) => price[key] !== undefined)) lacks.push(kind);
  };
  need("input", input, "input_mtok");
  need("output", output, "output_mtok");
  need("cache read", read, "cache_read_mtok");
  need("cache write 5m", write5m, "cache_write_mtok", "cache_write_5m_mtok");
  need("cache write 1h", write1h, "cache_write_mtok", "cache_write_1h_mtok");
  if (price.input_mtok === undefined && price.output_mtok === undefined) lacks.push("any token");
  if (output > 0 && (price.output_reasoning_mtok ?? price.output_citation_mtok) !== undefined) lacks.push("kind of output");
  return [found.provider.id, found.model.id, found.total_price, lacks];
}

waitForUpdate().then((providers) => {
  const lines = [];
  const add = (provider, model, at, usage) =>
    lines.push(JSON.stringify([provider, model, at, ...usage, ask(provider, model, at, usage)]));
  for (const [provider, model] of names) for (let i = 0; i < 4; i++) add(provider, model, pick(times), i ? pick(usages) : usages[0]);
  const models = providers.flatMap((p) => p.models.map((m) => [p, m]));
  for (const [p, m] of models) {
    const dated = Array.isArray(m.prices);
    // Every dated price at every time, every Anthropic and OpenAI model, and a part of the rest.
    if (dated) for (const at of times) add(p.id, m.id, at, pick(usages));
    else if (["anthropic", "openai"].includes(p.id) || random(100) < 30) add(random(3) ? p.id : "", m.id, pick(times), pick(usages));
  }
  process.stdout.write("[\n" + lines.join(",\n") + "\n]\n");
});
