// Checks every test vector with nothing but Node's standard library and the text of docs/format.md: another implementation of the format,
// and a model for one in another language. Run it with: node check.mjs
import { createHash, createHmac, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

const read = (name) => JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));
const sha256 = (...parts) => parts.reduce((h, p) => h.update(p), createHash("sha256")).digest();
const hex = (text) => {
  if (!/^([0-9a-f]{2})*$/.test(text)) throw new Error(`not lower-case hexadecimal: ${text}`);
  return Buffer.from(text, "hex");
};
const equal = (a, b) => Buffer.compare(a, b) === 0;
let checked = 0;
const expect = (name, got, want) => {
  checked++;
  if (got !== want) throw new Error(`${name}: got ${got}, want ${want}`);
};

// Canonical JSON (RFC 8785), for the values that occur: JSON.stringify escapes as it demands.
const canonical = (v) =>
  v && typeof v === "object" && !Array.isArray(v)
    ? `{${Object.keys(v).sort().map((k) => `${JSON.stringify(k)}:${canonical(v[k])}`).join()}}`
    : Array.isArray(v) ? `[${v.map(canonical).join()}]` : JSON.stringify(v);

// Leaves and commitments.
const fields = ["actor", "data", "on_behalf_of", "target", "why"];
const fieldKey = (salt, field) => sha256("whodid field key v1\0", field, "\0", salt);
const commit = (key, value) => createHmac("sha256", key).update(value).digest("hex");
const leafHash = (leaf) => sha256("\0", leaf);
const person = (who = "", auth = "") => (who || auth ? canonical([who, auth]) : "");

function leafOf(event, salt) {
  const { actor, actor_auth, on_behalf_of, on_behalf_auth, target = "", why = "", data = {}, ...shown } = event;
  const values = { data: canonical(data), on_behalf_of: person(on_behalf_of, on_behalf_auth), target, why };
  if (actor.startsWith("human:")) values.actor = person(actor, actor_auth);
  else Object.assign(shown, { actor, ...(actor_auth && { actor_auth }) });
  shown.commit = {};
  for (const field in values) shown.commit[field] = commit(fieldKey(salt, field), values[field]);
  shown.at = micros(event.at);
  shown.recorded_at = micros(event.recorded_at);
  return { values, leaf: canonical({ ...shown, v: 1 }) };
}
// The vectors' events have times as short as RFC 3339 allows; a leaf has six digits.
const micros = (t) => t.replace(/(?:\.(\d+))?Z$/, (_, digits = "") => `.${digits.padEnd(6, "0")}Z`);

for (const v of read("leaf.json")) {
  const { values, leaf } = leafOf(v.event, hex(v.salt));
  expect(`${v.name}: leaf`, leaf, v.leaf);
  expect(`${v.name}: hash`, leafHash(leaf).toString("hex"), v.hash);
  for (const field in values) {
    expect(`${v.name}: ${field}`, values[field], v.committed_values[field]);
    expect(`${v.name}: key of ${field}`, fieldKey(hex(v.salt), field).toString("hex"), v.field_keys[field]);
    expect(`${v.name}: commitment to ${field}`, commit(hex(v.field_keys[field]), values[field]), v.commitments[field]);
  }
}

// The tree (RFC 6962, with the algorithms of RFC 9162, sections 2.1.3.2 and 2.1.4.2).
const node = (left, right) => sha256("\x01", left, right);
function rootOf(hashes) {
  if (hashes.length < 2) return hashes[0] ?? sha256("");
  let split = 1;
  while (split * 2 < hashes.length) split *= 2;
  return node(rootOf(hashes.slice(0, split)), rootOf(hashes.slice(split)));
}
function included(leaf, index, size, path, root) {
  if (index >= size) return false;
  let [fn, sn, r] = [BigInt(index), BigInt(size) - 1n, leaf];
  for (const p of path) {
    if (sn === 0n) return false;
    if (fn & 1n || fn === sn) {
      r = node(p, r);
      while (!(fn & 1n) && fn !== 0n) [fn, sn] = [fn >> 1n, sn >> 1n];
    } else r = node(r, p);
    [fn, sn] = [fn >> 1n, sn >> 1n];
  }
  return sn === 0n && equal(r, root);
}
function consistent(older, olderRoot, newer, newerRoot, path) {
  if (older === newer || older === 0) return path.length === 0 && equal(olderRoot, older === 0 ? sha256("") : newerRoot);
  if (older > newer) return false;
  const power = Number.isInteger(Math.log2(older));
  const [first, ...rest] = power ? [olderRoot, ...path] : path;
  if (!first || path.length === 0) return false;
  let [fn, sn, fr, sr] = [BigInt(older) - 1n, BigInt(newer) - 1n, first, first];
  while (fn & 1n) [fn, sn] = [fn >> 1n, sn >> 1n];
  for (const c of rest) {
    if (sn === 0n) return false;
    if (fn & 1n || fn === sn) {
      [fr, sr] = [node(c, fr), node(c, sr)];
      while (!(fn & 1n) && fn !== 0n) [fn, sn] = [fn >> 1n, sn >> 1n];
    } else sr = node(sr, c);
    [fn, sn] = [fn >> 1n, sn >> 1n];
  }
  return sn === 0n && equal(fr, olderRoot) && equal(sr, newerRoot);
}

const tree = read("tree.json");
const largest = Math.max(...tree.roots.map((r) => r.size));
const leaves = Array.from({ length: largest }, (_, i) => leafHash(String(i)));
const root = (size) => rootOf(leaves.slice(0, size));
for (const v of tree.roots) expect(`root of ${v.size}`, root(v.size).toString("hex"), v.root);
for (const v of tree.inclusion)
  expect(`leaf ${v.index} of ${v.size}`, included(leaves[v.index], v.index, v.size, v.path.map(hex), root(v.size)), v.holds);
for (const v of tree.consistency)
  expect(`${v.older} to ${v.newer}`, consistent(v.older, root(v.older), v.newer, root(v.newer), v.path.map(hex)), v.holds);
for (const v of tree.tiles) {
  const span = 256 ** v.level; // leaves under one hash of the tile
  const hashes = Array.from({ length: v.width }, (_, i) => rootOf(leaves.slice((v.n * 256 + i) * span, (v.n * 256 + i + 1) * span)));
  expect(`tile ${v.level}/${v.n} of ${v.size}`, sha256(...hashes).toString("hex"), v.sha256);
}

// Checkpoints (C2SP signed-note and tlog-checkpoint). Gives undefined unless the key signed it.
function openCheckpoint(signed, key) {
  const [, name, id, encoded] = key.match(/^([^+\s]+)\+([0-9a-f]{8})\+(.+)$/) ?? [];
  const end = signed.lastIndexOf("\n\n");
  const [text, public_] = [signed.slice(0, end + 1), Buffer.from(encoded ?? "", "base64")];
  if (end < 0 || !name || public_[0] !== 1 || sha256(`${name}\n`, public_).toString("hex", 0, 4) !== id) return;
  const [, origin, size, rootText] = text.match(/^(.+)\n(0|[1-9]\d*)\n([A-Za-z0-9+/]{43}=)\n(?:.+\n)*$/) ?? [];
  if (origin !== name) return;
  const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), public_.subarray(1)]);
  const publicKey = createPublicKey({ key: spki, format: "der", type: "spki" });
  for (const line of signed.slice(end + 2).split("\n")) {
    const [, signer, blob] = line.match(/^— (\S+) (\S+)$/) ?? [];
    const signature = Buffer.from(blob ?? "", "base64");
    if (signer === name && signature.toString("hex", 0, 4) === id && verify(null, Buffer.from(text), publicKey, signature.subarray(4)))
      return { origin, size: Number(size), root: Buffer.from(rootText, "base64") };
  }
}

for (const v of read("checkpoint.json")) {
  const c = openCheckpoint(v.signed, v.key);
  expect(`${v.name}: holds`, c !== undefined, v.holds);
  if (c) expect(`${v.name}: tree`, `${c.size} ${c.root.toString("hex")}`, `${v.size} ${v.root}`);
}

// Bundles: the state of the integrity verdict.
function integrity(b, trusted) {
  const origin = b.checkpoint.split("\n", 1)[0];
  const own = trusted.filter((key) => key.startsWith(`${origin}+`));
  const c = (own.length ? own : [b.public_key]).map((key) => openCheckpoint(b.checkpoint, key)).find((opened) => opened);
  if (!c || c.origin !== b.origin || c.size !== b.tree_size) return "refuted";
  if (!included(leafHash(b.leaf), b.index, c.size, b.inclusion.map(hex), c.root)) return "refuted";
  const { commit: commitments, v } = JSON.parse(b.leaf);
  if (v !== 1 || canonical(JSON.parse(b.leaf)) !== b.leaf) return "refuted";
  for (const [field, { key, value }] of Object.entries(b.disclosed ?? {}))
    if (!fields.includes(field) || commit(hex(key), value) !== commitments[field]) return "refuted";
  return own.length ? "proved" : "conditional";
}
const wellFormed = (b) => b.format === "whodid-bundle/1" && b.index >= 0 && b.inclusion.every((h) => /^[0-9a-f]{64}$/.test(h));

for (const v of read("bundle.json")) {
  expect(`${v.name}: malformed`, !wellFormed(v.bundle), v.malformed ?? false);
  if (!v.malformed) expect(`${v.name}: integrity`, integrity(v.bundle, v.trusted), v.verdicts.integrity);
}
console.log(`${checked} checks hold`);
