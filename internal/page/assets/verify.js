// Checks proofs with the browser's own cryptography: docs/format.md, section 10, in the words of proof/dossier/testdata/attacks/check.mjs. Nothing of it trusts
// the server: what counts is the key that the reader pinned.
const text = new TextEncoder();
const bytes = (x) => (typeof x === "string" ? text.encode(x) : x);
const join = (...parts) => {
  const all = parts.map(bytes);
  const out = new Uint8Array(all.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of all) { out.set(p, at); at += p.length; }
  return out;
};
const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", join(...parts)));
const fail = (why) => { throw new Error(why); };
const hex = (s) => (/^([0-9a-f]{2})*$/.test(s) ? Uint8Array.from(s.match(/../g) ?? [], (h) => parseInt(h, 16)) : fail("not lower-case hexadecimal"));
const toHex = (b) => Array.from(b, (x) => x.toString(16).padStart(2, "0")).join("");
const hash32 = (s) => { const b = hex(s); return b.length === 32 ? b : fail("not a hash"); };
const base64 = (s) => { try { return Uint8Array.from(atob(s), (c) => c.charCodeAt(0)); } catch { return fail("not base64"); } };
const equal = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);
const whole = (n) => Number.isSafeInteger(n) && n >= 0;
export const canonical = (v) =>
  v && typeof v === "object" && !Array.isArray(v)
    ? `{${Object.keys(v).sort().map((k) => `${JSON.stringify(k)}:${canonical(v[k])}`).join()}}`
    : Array.isArray(v) ? `[${v.map(canonical).join()}]` : JSON.stringify(v);

// Keys and signed notes.
export async function parseKey(s) {
  const [, name, id, encoded] = String(s).trim().match(/^([^+\s]+)\+([0-9a-f]{8})\+(.+)$/) ?? fail("that is no key of a log");
  const blob = base64(encoded);
  if (blob.length !== 33 || blob[0] !== 1 || toHex(await sha256(`${name}\n`, blob)).slice(0, 8) !== id) fail("that is no key of a log");
  return { name, id, text: String(s).trim(), key: await crypto.subtle.importKey("raw", blob.slice(1), "Ed25519", false, ["verify"]) };
}
export function peek(signed) {
  const end = signed.lastIndexOf("\n\n");
  if (end < 0) fail("no signed note");
  const [, origin, size, root] = signed.slice(0, end + 1).match(/^(.+)\n(0|[1-9]\d*)\n([A-Za-z0-9+/]{43}=)\n(?:.+\n)*$/) ?? fail("no checkpoint");
  return { origin, size: Number(size), root: base64(root), text: signed.slice(0, end + 1), lines: signed.slice(end + 2).split("\n") };
}
export async function openCheckpoint(signed, key) {
  const c = peek(signed);
  if (!whole(c.size) || c.origin !== key.name) fail("the checkpoint is of another log");
  for (const line of c.lines) {
    const [, signer, blob] = line.match(/^— (\S+) (\S+)$/) ?? [];
    if (signer !== key.name) continue;
    const signature = base64(blob);
    if (toHex(signature.slice(0, 4)) === key.id && await crypto.subtle.verify("Ed25519", key.key, signature.slice(4), text.encode(c.text))) return c;
  }
  return fail("the checkpoint is not signed by the pinned key");
}

// The tree (RFC 6962).
const node = (left, right) => sha256("\x01", left, right);
async function rangeRoot(r, size) {
  const trees = []; // from left to right, as [leaves, root]
  const push = async (leaves, root) => {
    for (; trees.length && trees.at(-1)[0] === leaves; leaves *= 2n) root = await node(trees.pop()[1], root);
    trees.push([leaves, root]);
  };
  const [first, n] = [BigInt(r.first), BigInt(r.leaves.length)];
  if (n === 0n || first + n > size) fail("entries outside of the tree");
  const bits = [...first.toString(2)].map((b, i, all) => [b, 1n << BigInt(all.length - 1 - i)]).filter(([b]) => b === "1");
  if (bits.length !== r.left.length) fail("the left side of the proof does not fit");
  for (const [i, [, leaves]] of bits.entries()) await push(leaves, r.left[i]);
  for (const leaf of r.leaves) await push(1n, await sha256("\0", leaf));
  let next = 0;
  for (let at = first + n; at < size;) {
    let span = 1n;
    while (at + span * 2n <= size && at % (span * 2n) === 0n) span *= 2n;
    await push(span, r.right[next++] ?? fail("the right side of the proof does not fit"));
    at += span;
  }
  if (next !== r.right.length) fail("the right side of the proof does not fit");
  let root = trees.pop()[1];
  while (trees.length) root = await node(trees.pop()[1], root);
  return root;
}
export async function consistent(older, olderRoot, newer, newerRoot, path) {
  if (older === newer || older === 0) return path.length === 0 && (older === 0 || equal(olderRoot, newerRoot));
  if (older > newer || path.length === 0) return false;
  const [first, ...rest] = Number.isInteger(Math.log2(older)) ? [olderRoot, ...path] : path;
  let [fn, sn, fr, sr] = [BigInt(older) - 1n, BigInt(newer) - 1n, first, first];
  while (fn & 1n) [fn, sn] = [fn >> 1n, sn >> 1n];
  for (const c of rest) {
    if (sn === 0n) return false;
    if (fn & 1n || fn === sn) {
      [fr, sr] = [await node(c, fr), await node(c, sr)];
      while (!(fn & 1n) && fn !== 0n) [fn, sn] = [fn >> 1n, sn >> 1n];
    } else sr = await node(sr, c);
    [fn, sn] = [fn >> 1n, sn >> 1n];
  }
  return sn === 0n && equal(fr, olderRoot) && equal(sr, newerRoot);
}

// The consistency proof between two sizes, out of the log's tiles (C2SP tlog-tiles): whatever the server says in them, it is checked by consistent.
export async function consistencyFromTiles(older, newer, fetchTile) {
  const tiles = new Map();
  const tile = (level, n) => {
    const width = Math.min(256, Math.floor(newer / 256 ** level) - n * 256);
    const name = `${level}/${tilePath(n)}${width < 256 ? `.p/${width}` : ""}`;
    if (!tiles.has(name)) tiles.set(name, fetchTile(name));
    return tiles.get(name);
  };
  // perfect is the root of the perfect subtree of 2^height leaves with that number among its kind.
  const perfect = async (height, n) => {
    const level = Math.floor(height / 8);
    if (height % 8 === 0) {
      const t = await tile(level, Math.floor(n / 256));
      const at = (n % 256) * 32;
      return at + 32 <= t.length ? t.slice(at, at + 32) : fail("a tile is too short");
    }
    return node(await perfect(height - 1, n * 2), await perfect(height - 1, n * 2 + 1));
  };
  const root = async (lo, hi) => {
    const n = hi - lo;
    const height = Math.log2(n);
    if (Number.isInteger(height) && lo % n === 0) return perfect(height, lo / n);
    const k = half(n);
    return node(await root(lo, lo + k), await root(lo + k, hi));
  };
  const sub = async (m, lo, hi, all) => {
    if (m === hi - lo) return all ? [] : [await root(lo, hi)];
    const k = half(hi - lo);
    return m <= k ? [...await sub(m, lo, lo + k, all), await root(lo + k, hi)] : [...await sub(m - k, lo + k, hi, false), await root(lo, lo + k)];
  };
  return older === 0 || older === newer ? [] : sub(older, 0, newer, true);
}
const half = (n) => { let k = 1; while (k * 2 < n) k *= 2; return k; };
const tilePath = (n) => {
  const groups = [String(n % 1000).padStart(3, "0")];
  for (n = Math.floor(n / 1000); n > 0; n = Math.floor(n / 1000)) groups.unshift(`x${String(n % 1000).padStart(3, "0")}`);
  return groups.join("/");
};

// Leaves.
const shown = ["actor", "actor_auth", "approval", "at", "execution", "id", "key", "org", "recorded_at", "result", "session", "source", "what"];
const fields = ["actor", "data", "on_behalf_of", "target", "why"];
const micros = (t) => (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(t) && Date.parse(t) ? t : fail("a time that is none"));
async function hmac(key, value) {
  const k = await crypto.subtle.importKey("raw", hash32(key), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return toHex(new Uint8Array(await crypto.subtle.sign("HMAC", k, text.encode(value))));
}
async function openLeaf(written, disclosed = {}) {
  const leaf = JSON.parse(written);
  const { v, commit, ...event } = leaf;
  if (v !== 1 || canonical(leaf) !== written || text.encode(written).length > 65535) fail("an entry that is not written as it must be");
  for (const name in event) if (!shown.includes(name) || typeof event[name] !== "string" || event[name] === "") fail("an entry with something that is none of it");
  for (const name in commit) if (!fields.includes(name)) fail("an entry with something that is none of it");
  for (const name of fields) if (name === "actor" ? commit.actor && event.actor : !commit[name]) fail("an entry that lacks something");
  Object.values(commit).forEach(hash32);
  [event.at, event.recorded_at].forEach(micros);
  for (const [field, { key, value }] of Object.entries(disclosed)) {
    if (!Object.hasOwn(commit, field) || await hmac(key, value) !== commit[field]) fail(`${field} is not what was committed to`);
    if (field === "data") {
      event.data = JSON.parse(value);
      if (canonical(event.data) !== value) fail("metadata that is not written as it must be");
    } else if (field === "actor" || field === "on_behalf_of") {
      if (value === "") continue;
      const list = JSON.parse(value);
      if (!Array.isArray(list) || list.length !== 2 || canonical(list) !== value) fail("a person that is not written as it must be");
      [event[field], event[field === "actor" ? "actor_auth" : "on_behalf_auth"]] = list;
    } else event[field] = value;
  }
  return { event, withheld: Object.keys(commit).filter((f) => !Object.hasOwn(disclosed, f)) };
}

// check gives the events that a proof shows under a key, and whether all are there; it throws if integrity is refuted.
export async function check(d, key) {
  const m = d.manifest;
  if (m?.format !== "whodid-proof/1") fail("a proof of an unknown form");
  const c = await openCheckpoint(d.checkpoint, key);
  if (c.origin !== m.origin) fail("a proof of another log");
  const ranges = (d.ranges ?? []).map((r) => (whole(r.first) && r.left.length <= 63 && r.right.length <= 63
    ? { ...r, left: r.left.map(hash32), right: r.right.map(hash32) } : fail("a range that is none")));
  if (!ranges.length) fail("no entries");
  const indexes = m.events ?? [];
  indexes.forEach((index, i) => { if (!whole(index) || (i && index <= indexes[i - 1])) fail("events that are not ascending"); });
  const answer = new Set(indexes);
  const [entries, ids] = [[], new Set()];
  let end = 0;
  for (const r of ranges) {
    if (entries.length && r.first < end) fail("ranges that are not ascending");
    if (!equal(await rangeRoot(r, BigInt(c.size)), c.root)) fail("an entry is not in the tree that was signed");
    end = r.first + r.leaves.length;
    for (const [i, leaf] of r.leaves.entries()) {
      const index = r.first + i;
      const e = { index, answer: answer.has(index), ...await openLeaf(leaf, d.disclosed?.[index]) };
      if (ids.has(e.event.id) || (entries.length && entries[0].event.org !== e.event.org)) fail("an event that is there twice, or of others");
      ids.add(e.event.id);
      entries.push(e);
    }
  }
  const there = new Set(entries.map((e) => e.index));
  for (const index of [...indexes, ...Object.keys(d.disclosed ?? {}).map(Number)]) if (!there.has(index)) fail("an event without its entry");
  const s = m.subject ?? fail("a proof of nothing");
  const mine = entries.filter((e) => e.answer);
  if (s.kind === "event" ? !mine.some((e) => e.event.id === s.id) : s.kind === "execution" ? !mine.some((e) => e.event.execution === s.id) : true) fail("a proof of something else");
  return { size: c.size, root: c.root, events: mine, completeness: completeness(m, c.size, entries) };
}
function completeness(m, size, entries) {
  const span = m.complete;
  if (!span || m.subject.kind !== "execution") return ["not shown", "The proof does not claim that nothing is left out."];
  const there = new Set(entries.map((e) => e.index));
  if (!(span.first < span.end) || span.end > size) return ["refuted", "The proof claims entries that the log does not have."];
  for (let i = span.first; i < span.end; i++) if (!there.has(i)) return ["refuted", `Entry ${i} is missing, and the proof claims to have it.`];
  if (entries.some((e) => e.event.execution === m.subject.id && !e.answer)) return ["refuted", "An event of this run is in the log and was left out of the answer."];
  return span.first === 0 && span.end === size
    ? ["proved", "All entries of the log were looked at, and no other is of this run."]
    : ["conditional", `All entries from ${span.first} to ${span.end - 1} were looked at; that none of this run lies elsewhere is not shown.`];
}
export { equal, toHex, hex };
