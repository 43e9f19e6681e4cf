// Another verifier of proofs, with nothing but Node's standard library and the text of docs/format.md, sections 10 and 12.
//   node check.mjs                          checks that every archive of the corpus beside it gets the verdicts of attacks.json
//   node check.mjs proof.zip keys.json      prints the verdicts on one, a proof of any subject or the bundle of an incident
//   node check.mjs incident.zip keys.json
//   node check.mjs FOLDER keys.json         prints the integrity of the export of a period (docs/export.md)
// It knows keys of signers of Ed25519 and RSA, and of passkeys those of ES256, EdDSA and RS256, no options of theirs, and authorities for time stamps whose certificate is signed by the trusted root itself.
import { createHash, createHmac, createPublicKey, verify, X509Certificate } from "node:crypto";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";

const hash = (name, ...parts) => parts.reduce((h, p) => h.update(p), createHash(name)).digest();
const sha256 = (...parts) => hash("sha256", ...parts);
const fail = (why) => { throw new Error(why); };
const hex = (s) => (/^([0-9a-f]{2})*$/.test(s) ? Buffer.from(s, "hex") : fail(`not lower-case hexadecimal: ${s}`));
const hash32 = (s) => (hex(s).length === 32 ? hex(s) : fail("not a hash"));
const canonical = (v) =>
  v && typeof v === "object" && !Array.isArray(v)
    ? `{${Object.keys(v).sort().map((k) => `${JSON.stringify(k)}:${canonical(v[k])}`).join()}}`
    : Array.isArray(v) ? `[${v.map(canonical).join()}]` : JSON.stringify(v);
const whole = (n) => Number.isSafeInteger(n) && n >= 0;

// The archive.
const limits = { checkpoint: 64 << 10, "context.json": 4 << 20, "events.json": 96 << 20, "manifest.json": 4 << 20, "timestamps.json": 1 << 20 };
const limitOf = (name) => (Object.hasOwn(limits, name) ? limits[name] : -1);
function unpack(zip, most = 8, limit = limitOf) {
  if (zip.length > 32 << 20 || zip.length < 22 || zip.readUInt32LE(0) !== 0x04034b50) fail("no zip archive");
  const end = zip.subarray(-22);
  const [count, size, offset] = [end.readUInt16LE(10), end.readUInt32LE(12), end.readUInt32LE(16)];
  if (end.readUInt32LE(0) !== 0x06054b50 || end.readUInt16LE(20) || end.readUInt16LE(4) || end.readUInt16LE(6) || end.readUInt16LE(8) !== count) fail("bad end");
  if (count > most || size > most * 512 || offset + size + 22 !== zip.length) fail("bad directory");
  const files = {};
  let [at, left] = [offset, 96 << 20];
  for (let i = 0; i < count; i++) {
    if (zip.readUInt32LE(at) !== 0x02014b50) fail("bad entry");
    const [flags, method, packed, plain] = [zip.readUInt16LE(at + 8), zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 20), zip.readUInt32LE(at + 24)];
    const [n, extra, comment, local] = [zip.readUInt16LE(at + 28), zip.readUInt16LE(at + 30), zip.readUInt16LE(at + 32), zip.readUInt32LE(at + 42)];
    const name = zip.toString("utf8", at + 46, at + 46 + n);
    at += 46 + n + extra + comment;
    const room = Math.min(limit(name), left);
    if (room < 0 || Object.hasOwn(files, name) || (method !== 0 && method !== 8) || flags & 1 || plain > room) fail(`bad file ${name}`);
    const from = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const body = zip.subarray(from, from + packed);
    const content = method === 8 ? inflateRawSync(body, { maxOutputLength: room + 1 }) : body;
    if (content.length > room) fail("too large");
    left -= content.length;
    files[name] = content;
  }
  return files;
}
const text = (content) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
function parse(zip) {
  const files = Object.fromEntries(Object.entries(unpack(zip)).map(([name, content]) => [name, text(content)]));
  for (const name of ["checkpoint", "events.json", "manifest.json"]) if (files[name] === undefined) fail(`no ${name}`);
  const [manifest, events] = [JSON.parse(files["manifest.json"]), JSON.parse(files["events.json"])];
  if (manifest.format !== "whodid-proof/1") fail("unknown format");
  const ranges = (events.ranges ?? []).map((r) => {
    if (!whole(r.first) || r.left.length > 63 || r.right.length > 63) fail("bad range");
    return { ...r, left: r.left.map(hash32), right: r.right.map(hash32) };
  });
  if (ranges.reduce((n, r) => n + r.leaves.length, 0) > 50_000) fail("too many leaves");
  const disclosed = events.disclosed ?? {};
  for (const index of Object.keys({ ...disclosed, ...events.erased_by })) if (!/^(0|[1-9]\d*)$/.test(index)) fail("bad index");
  for (const fields of Object.values(disclosed)) for (const { key } of Object.values(fields)) hash32(key);
  const stamps = (JSON.parse(files["timestamps.json"] ?? "{}").tokens ?? []).map((s) => Buffer.from(s, "base64"));
  if (stamps.length > 8) fail("too many time stamps");
  return { ...manifest, events: manifest.events ?? [], checkpoint: files.checkpoint, ranges, disclosed, stamps };
}

// Keys and signed notes.
const ed25519 = (raw) => createPublicKey({ key: Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), raw]), format: "der", type: "spki" });
// An RSA key in SSH's wire format, behind its type.
function rsa(k) {
  const [e, n] = [k(), k()].map((b) => b.subarray(b.findIndex((x) => x !== 0)));
  if (n.length < 256) fail("a short RSA key");
  return createPublicKey({ format: "jwk", key: { kty: "RSA", e: e.toString("base64url"), n: n.toString("base64url") } });
}
function parseKey(text, kind) {
  const [, name, id, encoded] = text.match(/^([^+\s]+)\+([0-9a-f]{8})\+(.+)$/) ?? fail(`no key: ${text}`);
  const blob = Buffer.from(encoded, "base64");
  if (blob.length !== 33 || blob[0] !== kind || sha256(`${name}\n`, blob).toString("hex", 0, 4) !== id) fail(`no key: ${text}`);
  return { name, id, key: ed25519(blob.subarray(1)) };
}
const splitNote = (signed) => {
  const end = signed.lastIndexOf("\n\n");
  if (end < 0) fail("no note");
  return [signed.slice(0, end + 1), signed.slice(end + 2).split("\n").map((l) => l.match(/^— (\S+) (\S+)$/) ?? []).map(([, name, blob]) => [name, Buffer.from(blob ?? "", "base64")])];
};
function peek(signed) {
  const [, origin, size, root] = splitNote(signed)[0].match(/^(.+)\n(0|[1-9]\d*)\n([A-Za-z0-9+/]{43}=)\n(?:.+\n)*$/) ?? fail("no checkpoint");
  return { origin, size: Number(size), root: Buffer.from(root, "base64") };
}
function openNote(signed, name, keys) {
  const own = keys.filter((k) => k.name === name);
  const [text, signatures] = splitNote(signed);
  const by = (k) => signatures.some(([name, blob]) => name === k.name && blob.toString("hex", 0, 4) === k.id && verify(null, Buffer.from(text), k.key, blob.subarray(4)));
  return own.length === 0 ? undefined : own.some(by) ? text : fail("not signed by the key of its log");
}
function openCheckpoint(signed, keys) {
  const c = peek(signed);
  return openNote(signed, c.origin, keys) && c;
}
function cosigned(signed, w) {
  const [text, signatures] = splitNote(signed);
  for (const [name, blob] of signatures) {
    if (name !== w.name || blob.length !== 76 || blob.toString("hex", 0, 4) !== w.id) continue;
    const at = blob.readBigUInt64BE(4);
    return verify(null, Buffer.from(`cosignature/v1\ntime ${at}\n${text}`), w.key, blob.subarray(12)) ? Number(at) * 1000 : undefined;
  }
}

// Time stamps (RFC 3161). A DER element is its tag, what is in it, and all of its bytes.
function elements(b) {
  const out = [];
  while (b.length) {
    let [size, from] = [b[1] ?? fail("cut"), 2];
    if (size > 0x80) [size, from] = [b.readUIntBE(2, size - 0x80), 2 + size - 0x80];
    if (from + size > b.length) fail("cut");
    out.push({ tag: b[0], body: b.subarray(from, from + size), raw: b.subarray(0, from + size) });
    b = b.subarray(from + size);
  }
  return out;
}
const digests = { "608648016503040201": "sha256", "608648016503040202": "sha384", "608648016503040203": "sha512" };
function stamped(token, text, roots) {
  const within = (e) => elements(e.body);
  const [outer, none] = elements(token);
  if (none || within(outer)[0].body.toString("hex") !== "2a864886f70d010702") fail("no token");
  const signed = within(within(within(outer)[1])[0]);
  const info = within(within(signed[2])[1])[0].body;
  const [, , imprint, , at] = within(elements(info)[0]);
  const [algorithm, imprinted] = within(imprint);
  if (digests[within(algorithm)[0].body.toString("hex")] !== "sha256" || !imprinted.body.equals(sha256(text))) fail("of something else");
  const [, sid, digest, attributes, , signature] = within(within(signed.at(-1))[0]);
  const name = digests[within(digest)[0].body.toString("hex")] ?? fail("unknown hash");
  const attribute = (oid) => within(within(attributes).map(within).find(([type]) => type.body.toString("hex") === oid)[1])[0];
  if (attribute("2a864886f70d010903").body.toString("hex") !== "2a864886f70d0109100104") fail("no time stamp");
  if (!attribute("2a864886f70d010904").body.equals(hash(name, info))) fail("not what was signed");
  const [issuer, serial] = within(sid);
  const certificate = within(signed.find((e) => e.tag === 0xa0)).map((e) => e.raw).find((raw) => {
    const [, number, , by] = within(within(elements(raw)[0])[0]);
    return number.body.equals(serial.body) && by.raw.equals(issuer.raw);
  });
  const named = within(within(within(attribute("2a864886f70d010910022f"))[0])[0]);
  const namedBy = named.length > 1 && named[0].tag === 0x30 ? digests[within(named[0])[0].body.toString("hex")] : "sha256";
  if (!named.find((e) => e.tag === 4).body.equals(hash(namedBy, certificate))) fail("names another certificate");
  const signer = new X509Certificate(certificate);
  const bytes = Buffer.from(attributes.raw);
  bytes[0] = 0x31;
  if (!verify(signer.publicKey.asymmetricKeyType === "ed25519" ? null : name, bytes, signer.publicKey, signature.body)) fail("bad signature");
  if (JSON.stringify(signer.keyUsage) !== '["1.3.6.1.5.5.7.3.8"]' || !certificate.toString("hex").includes("0603551d250101ff")) fail("not for time stamps alone");
  const [, year, month, day, hour, minute, second] = at.body.toString().match(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d(?:\.\d+)?)Z$/) ?? fail("no time");
  const when = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:00Z`) + second * 1000;
  const valid = (c) => Date.parse(c.validFrom) <= when && when <= Date.parse(c.validTo);
  if (!roots.some((r) => signer.checkIssued(r) && signer.verify(r.publicKey) && valid(r)) || !valid(signer)) fail("no trusted root");
  return when;
}
// When those who are trusted saw the checkpoint: witnesses, and authorities for time stamps.
function sightings(d, trust) {
  const stamps = d.stamps.flatMap((token) => {
    try {
      return trust.authorities.length ? [stamped(token, splitNote(d.checkpoint)[0], trust.authorities)] : [];
    } catch {
      return []; // it does not count
    }
  });
  return { witnesses: trust.witnesses.map((w) => cosigned(d.checkpoint, w)).filter((at) => at !== undefined), stamps };
}

// The tree.
const node = (left, right) => sha256("\x01", left, right);
const leafHash = (leaf) => sha256("\0", leaf);
function rangeRoot({ first: begin, left, right: behind, hashes }, size) {
  const trees = []; // from left to right, as [leaves, root]
  const push = (leaves, root) => {
    for (; trees.length && trees.at(-1)[0] === leaves; leaves *= 2n) root = node(trees.pop()[1], root);
    trees.push([leaves, root]);
  };
  const [first, n] = [BigInt(begin), BigInt(hashes.length)];
  if (n === 0n || first + n > size) fail("not in the tree");
  const bits = [...first.toString(2)].map((b, i, all) => [b, 1n << BigInt(all.length - 1 - i)]).filter(([b]) => b === "1");
  if (bits.length !== left.length) fail("bad left side");
  bits.forEach(([, leaves], i) => push(leaves, left[i]));
  for (const hash of hashes) push(1n, hash);
  let next = 0;
  for (let at = first + n; at < size; ) {
    let span = 1n;
    while (at + span * 2n <= size && at % (span * 2n) === 0n) span *= 2n;
    push(span, behind[next++] ?? fail("bad right side"));
    at += span;
  }
  if (next !== behind.length) fail("bad right side");
  return trees.map(([, root]) => root).reduceRight((right, left) => node(left, right));
}

// Leaves.
const shown = ["actor", "actor_auth", "approval", "at", "execution", "id", "key", "org", "recorded_at", "result", "session", "source", "what"];
const fields = ["actor", "data", "on_behalf_of", "target", "why"];
const micros = (t) => (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(t) && Date.parse(t) ? t : fail("bad time"));
function openLeaf(text, disclosed = {}) {
  const leaf = JSON.parse(text);
  const { v, commit, ...event } = leaf;
  if (v !== 1 || canonical(leaf) !== text || Buffer.byteLength(text) > 65535) fail("not a leaf");
  for (const name in event) if (!shown.includes(name) || typeof event[name] !== "string" || event[name] === "") fail("not a leaf");
  for (const name in commit) if (!fields.includes(name)) fail("not a leaf");
  for (const name of fields) if (name === "actor" ? commit.actor && event.actor : !commit[name]) fail("not a leaf");
  Object.values(commit).forEach(hash32);
  [event.at, event.recorded_at].forEach(micros);
  for (const [field, { key, value }] of Object.entries(disclosed)) {
    if (!Object.hasOwn(commit, field) || createHmac("sha256", hex(key)).update(value).digest("hex") !== commit[field]) fail(`${field} does not open`);
    if (field === "data") {
      event.data = JSON.parse(value);
      if (canonical(event.data) !== value) fail("not canonical");
    } else if (field === "actor" || field === "on_behalf_of") {
      if (value === "") continue;
      const list = JSON.parse(value);
      if (!Array.isArray(list) || list.length !== 2 || canonical(list) !== value) fail("not canonical");
      [event[field], event[field === "actor" ? "actor_auth" : "on_behalf_auth"]] = list;
    } else event[field] = value;
  }
  return { event, withheld: Object.keys(commit).filter((f) => !Object.hasOwn(disclosed, f)) };
}

// Integrity.
function integrity(d, trust) {
  const trusted = openCheckpoint(d.checkpoint, trust.keys);
  const c = trusted ?? openCheckpoint(d.checkpoint, [parseKey(d.public_key, 1)]) ?? fail("no key of this log");
  if (c.origin !== d.origin) fail("another log");
  for (const s of trust.checkpoints) if (s.origin === c.origin && s.size === c.size && !s.root.equals(c.root)) fail("two trees of one size");
  if (d.ranges.length === 0) fail("no entries");
  d.events.forEach((index, i) => { if (!whole(index) || (i && index <= d.events[i - 1])) fail("events are not ascending"); });
  const answer = new Set(d.events);
  const [entries, ids] = [[], new Set()];
  let end = 0;
  for (const r of d.ranges) {
    if (entries.length && r.first < end) fail("ranges are not ascending");
    if (!rangeRoot({ ...r, hashes: r.leaves.map(leafHash) }, BigInt(c.size)).equals(c.root)) fail("not in the tree that was signed");
    end = r.first + r.leaves.length;
    r.leaves.forEach((text, i) => {
      const index = r.first + i;
      const e = { index, answer: answer.has(index), ...openLeaf(text, d.disclosed[index]) };
      if (ids.has(e.event.id) || (entries.length && entries[0].event.org !== e.event.org)) fail("an event twice, or of others");
      ids.add(e.event.id);
      entries.push(e);
    });
  }
  const there = new Set(entries.map((e) => e.index));
  for (const index of [...d.events, ...Object.keys(d.disclosed).map(Number)]) if (!there.has(index)) fail("an event without its entry");
  const s = d.subject ?? fail("no subject");
  const mine = entries.filter((e) => e.answer);
  const about = {
    event: () => mine.some((e) => e.event.id === s.id),
    execution: () => mine.some((e) => e.event.execution === s.id),
    incident: () => mine.every((e) => ofIncident(e, s)) && mine.some((e) => e.event.id === s.id && e.event.what === "incident.open"),
    period: () => begins(s) < ends(s) && mine.every((e) => inTime(e, s) || isPart(e)),
    report: () => begins(s) < ends(s) && mine.every((e) => inTime(e, s) || isPart(e)),
    commit: () => true, // for the values to say
    pull_request: () => true,
    line: () => true,
  };
  if (!Object.hasOwn(about, s.kind) || !about[s.kind]()) fail("about something else");
  return { size: c.size, trusted: trusted !== undefined, entries };
}
// In milliseconds, to the microsecond.
const moment = (t) => Date.parse(t) + Number(`0.${t.match(/\.\d{3}(\d+)/)?.[1] ?? 0}`);
const [begins, ends] = [(s) => moment(s.from), (s) => moment(s.to)];
const isPart = ({ event }) => Object.hasOwn(parts, event.what);
// A period is one of recording, that of a report one of happening.
const inTime = ({ event }, s) => {
  const at = moment(s.kind === "report" ? event.at : event.recorded_at);
  return at >= begins(s) && at < ends(s);
};
function ofIncident({ event, withheld }, s) {
  if (event.what.startsWith("hold.")) return true;
  return event.what.startsWith("incident.") && (event.id === s.id || withheld.includes("target") || event.target === s.id);
}

function completeness(d, { size, entries }) {
  const span = d.complete;
  if (!span) return "not shown";
  const there = new Set(entries.map((e) => e.index));
  if (!(span.first < span.end) || span.end > size) return "refuted";
  for (let i = span.first; i < span.end; i++) if (!there.has(i)) return "refuted";
  const all = span.first === 0 && span.end === size;
  const [s, whole] = [d.subject, all ? "proved" : "conditional"];
  const others = entries.filter((e) => !e.answer);
  const at = (i) => moment(entries.find((e) => e.index === i).event.recorded_at);
  const inTheMiddle = span.first > 0 && at(span.first) >= begins(s);
  switch (s.kind) {
    case "execution":
      return others.some((e) => e.event.execution === s.id) ? "refuted" : whole;
    case "period":
      if (others.some((e) => inTime(e, s))) return "refuted";
      return inTheMiddle || (span.end < size && at(span.end - 1) < ends(s)) ? "not shown" : whole;
    case "report":
      if (others.some((e) => inTime(e, s))) return "refuted";
      return inTheMiddle || span.end < size ? "not shown" : whole;
    case "incident": {
      const mayBe = (e) => e.event.what.startsWith("incident.") && (e.withheld.includes("target") || e.event.target === s.id);
      return others.some((e) => e.index >= span.first && e.index < span.end && mayBe(e)) ? "not shown" : whole;
    }
    default:
      return "not shown";
  }
}

// Fewer witnesses than are asked for: others may have been shown another tree.
const everybodySees = (state, d, trust) => (state === "proved" && sightings(d, trust).witnesses.length < trust.quorum ? "conditional" : state);

function time(d, { entries }, trust) {
  const slack = 10 * 60 * 1000;
  let newest = -Infinity;
  for (const { event } of entries) {
    const at = Date.parse(event.recorded_at);
    if (at < newest - slack) return "refuted";
    newest = Math.max(newest, at);
  }
  const { witnesses, stamps } = sightings(d, trust);
  if ([...witnesses, ...stamps].some((at) => newest > at + slack)) return "refuted";
  return stamps.length || (trust.quorum && witnesses.length >= trust.quorum) ? "proved" : "conditional";
}

// Approvals.
const parts = { "approval.request": "request", "approval.use": "use", "approval.grant": "decision", "approval.reject": "decision", "approval.cancel": "decision", "approval.expire": "decision" };
function approval({ entries }, trust) {
  const approvals = new Map();
  for (const e of entries.filter((e) => e.answer && e.event.approval)) {
    const a = approvals.get(e.event.approval) ?? approvals.set(e.event.approval, { deeds: [] }).get(e.event.approval);
    if (parts[e.event.what]) a[parts[e.event.what]] = e;
    else a.deeds.push(e);
  }
  const states = [...approvals.values()].filter((a) => a.deeds.length).map((a) => under(a, entries, trust));
  return ["refuted", "not shown", "conditional", "proved"].find((s) => states.includes(s)) ?? "not shown";
}
function under({ deeds, request, decision, use }, entries, trust) {
  if (!request || !decision) return "not shown";
  if (decision.event.what !== "approval.grant" || decision.index > deeds[0].index) return "refuted";
  if (new Set(deeds.map((e) => e.event.id.replace(/^try-/, "evt-"))).size > 1) return "refuted";
  if (request.withheld.includes("data") || decision.withheld.includes("data") || decision.withheld.includes("actor")) return "not shown";
  if (use?.withheld.includes("data")) use = undefined;
  const [asked, granted] = [request.event, decision.event];
  const digest = asked.data.digest ?? "";
  const now = Date.parse((use ?? deeds[0]).event.recorded_at);
  const until = (data) => (data.expires ? Date.parse(data.expires) : Infinity);
  const signature = (granted.data.signature ?? []).join("");
  if (use && (use.event.data.digest ?? "") !== digest) return "refuted";
  if (!granted.actor.startsWith("human:") || granted.actor === asked.actor || (asked.data.four_eyes && granted.actor === asked.on_behalf_of)) return "refuted";
  if ((granted.data.digest ?? "") !== digest || (asked.data.signature_required && !signature)) return "refuted";
  if (Date.parse(granted.recorded_at) >= until(asked.data) || now >= until(granted.data)) return "refuted";
  let hidden = deeds[0].withheld.includes("target") || request.withheld.includes("target");
  for (const { event, withheld } of deeds) {
    if (event.actor && !event.actor.startsWith("human:") && event.actor !== `agent:${asked.data.for_agent}`) return "refuted";
    if (event.what !== asked.data.type) return "refuted";
    if (!withheld.includes("target") && !request.withheld.includes("target") && event.target !== asked.target) return "refuted";
  }
  if (!signature || decision.withheld.includes("why")) return "conditional";
  const expires = granted.data.expires ? granted.data.expires : "never";
  const statement = `whodid approval decision v1\napproval: ${granted.approval}\ndecision: approve\narguments: ${digest}\nby: ${granted.actor}\nexpires: ${expires}\nreason: sha256:${sha256(granted.why).toString("hex")}\n`;
  let key;
  try {
    key = sshKey(statement, signature);
  } catch {
    return "refuted";
  }
  if (key.counter !== undefined) {
    const known = passkey(key, granted, decision.index, entries);
    if (known) return known;
  }
  if (!trust.signers.length) return "conditional";
  const names = trust.signers.filter((s) => s.blob.equals(key.blob)).flatMap((s) => s.names);
  if (!names.length || (names.some((n) => n.startsWith("human:")) && !names.includes(granted.actor))) return "refuted";
  return use && !hidden ? "proved" : "conditional";
}
// What the proof holds against the passkey that signed a decision.
const fingerprint = (blob) => `SHA256:${sha256(blob).toString("base64").replaceAll("=", "")}`;
function passkey({ blob, counter }, granted, at, entries) {
  const name = fingerprint(blob);
  if (entries.some((e) => e.event.key === `passkey/${name}/revoke` && e.index < at)) return "refuted";
  const registered = entries.find((e) => e.event.key === `passkey/${name}/register`);
  if (registered && registered.index > at) return "refuted";
  if (registered && !registered.withheld.includes("actor") && !registered.withheld.includes("data")) {
    if (registered.event.actor !== granted.actor || fingerprint(Buffer.from(registered.event.data.public_key.split(" ")[1], "base64")) !== name) return "refuted";
  }
  const counted = ({ data }) => (data.signature ? sshKey("", data.signature.join(""), false).counter ?? 0 : data.sign_count ?? 0);
  const before = entries.filter((e) => e.index < at && !e.withheld.includes("data") && e.event.data?.signing_key === name).map((e) => counted(e.event));
  return before.some((n) => n > 0 && counter <= n) ? "conditional" : undefined;
}
// PROTOCOL.sshsig. Gives the key that signed, in SSH's wire format, and of a passkey how often it had signed.
function sshKey(message, armored, holds = true) {
  const [, body] = armored.match(/^-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)-----END SSH SIGNATURE-----\n?$/) ?? fail("no signature");
  const blob = Buffer.from(body, "base64");
  const reader = (b) => (at => () => { const n = b.readUInt32BE(at); at += 4 + n; return at <= b.length ? b.subarray(at - n, at) : fail("cut"); })(0);
  if (blob.toString("latin1", 0, 6) !== "SSHSIG" || blob.readUInt32BE(6) !== 1) fail("no signature");
  const next = reader(blob.subarray(10));
  const [key, namespace, reserved, algorithm, signature] = [next(), next(), next(), next(), next()];
  if (namespace.toString() !== "approval@whodid" || !["sha256", "sha512"].includes(algorithm.toString())) fail("made for something else");
  const string = (b) => { const n = Buffer.alloc(4); n.writeUInt32BE(b.length); return Buffer.concat([n, b]); };
  const signed = Buffer.concat([Buffer.from("SSHSIG"), string(namespace), string(reserved), string(algorithm), string(hash(algorithm.toString(), message))]);
  const [k, s] = [reader(key), reader(signature)];
  const type = k().toString();
  const format = s().toString();
  if (format.startsWith("webauthn-")) return webauthn(type, format, k, s(), signature, signed, key, holds);
  const [name, of] = { "ssh-ed25519 ssh-ed25519": [null, (next) => ed25519(next())], "ssh-rsa rsa-sha2-256": ["sha256", rsa], "ssh-rsa rsa-sha2-512": ["sha512", rsa] }[`${type} ${format}`] ?? fail("neither Ed25519 nor RSA");
  return verify(name, signed, of(k), s()) || !holds ? { blob: key } : fail("of something else");
}
// PROTOCOL.u2f: a signature of a passkey.
function webauthn(type, format, k, made, signature, signed, blob, holds) {
  let at = 8 + format.length + made.length;
  const said = signature.subarray(at, at + 5);
  const [flags, counter] = [said[0], said.readUInt32BE(1)];
  at += 5;
  const next = () => { const n = signature.readUInt32BE(at); at += 4 + n; return at <= signature.length ? signature.subarray(at - n, at) : fail("cut"); };
  const [origin, client, extensions] = [next(), next(), next()];
  if (!holds) return { blob, counter };
  const { protocol, host, hostname } = new URL(origin);
  if (at !== signature.length || `${protocol}//${host}` !== origin.toString() || !(protocol === "https:" || (protocol === "http:" && hostname === "localhost"))) fail("no origin");
  const begin = `{"type":"webauthn.get","challenge":"${signed.toString("base64url")}","origin":"${origin}"`;
  const rest = client.toString("latin1").slice(begin.length);
  if (!client.toString("latin1").startsWith(begin) || !(rest === "}" || rest === ',"crossOrigin":false}' || rest.startsWith(',"crossOrigin":false,'))) fail("of something else");
  if ((flags & 0x45) !== 0x05 || ((flags & 0x80) !== 0) !== (extensions.length > 0)) fail("nobody was there");
  let key, raw = made;
  const names = type !== "ssh-rsa"; // a site
  if (!names && format === "webauthn-rsa-sha2-256@whodid") key = rsa(k);
  else if (type === "sk-ssh-ed25519@openssh.com" && format === "webauthn-sk-ssh-ed25519@whodid") key = ed25519(k());
  else if (type === "sk-ecdsa-sha2-nistp256@openssh.com" && format === "webauthn-sk-ecdsa-sha2-nistp256@openssh.com" && k().toString() === "nistp256") {
    const point = k();
    if (point.length !== 65 || point[0] !== 4) fail("no point");
    key = createPublicKey({ format: "jwk", key: { kty: "EC", crv: "P-256", x: point.toString("base64url", 1, 33), y: point.toString("base64url", 33) } });
    const n = made.readUInt32BE(0);
    raw = Buffer.concat([made.subarray(4, 4 + n), made.subarray(8 + n)].map((b) => Buffer.concat([Buffer.alloc(32), b]).subarray(-32)));
  } else fail("no passkey's");
  if (names && k().toString() !== hostname) fail("at another site");
  const data = Buffer.concat([sha256(hostname), said, extensions, sha256(client)]);
  return verify(type.includes("ed25519") ? null : "sha256", data, { key, dsaEncoding: "ieee-p1363" }, raw) ? { blob, counter } : fail("of something else");
}

// The bundle of an incident.
const listName = "casefile.json";
const isBundle = (zip) => zip.length > 30 + listName.length && zip.readUInt16LE(26) === listName.length && zip.toString("latin1", 30, 30 + listName.length) === listName;
function checkBundle(zip, trust) {
  const named = (name) => /^[a-z0-9._/-]{1,100}$/.test(name) && !name.includes("..") && !name.startsWith("/") && !name.endsWith("/");
  const files = unpack(zip, 64, (name) => (named(name) ? (name === listName ? 1 << 20 : 96 << 20) : -1));
  const { [listName]: listed, "custody.zip": custody, ...held } = files;
  if (!listed || !custody) fail("no list, or no chain of custody");
  const list = JSON.parse(text(listed));
  if (list.format !== "whodid-incident/1") fail("unknown format");
  try {
    const names = list.files.map((f) => f.name);
    if (new Set(names).size !== names.length || canonical([...names].sort()) !== canonical(Object.keys(held).sort())) fail("other files than are listed");
    for (const f of list.files) if (held[f.name].length !== f.bytes || sha256(held[f.name]).toString("hex") !== f.sha256) fail("a file was changed");
    const { subject, origin, entries, verdicts } = judge(parse(custody), trust);
    if (verdicts.integrity === "refuted" || subject.kind !== "incident" || subject.id !== list.incident || origin !== list.origin) fail("the custody of something else");
    const digest = `sha256:${sha256(listed).toString("hex")}`;
    if (!entries.some((e) => e.answer && e.event.what === "incident.export" && e.event.data?.digest === digest)) fail("not sealed");
    const proofs = Object.keys(held).filter((name) => name.startsWith("proofs/")).map((name) => check(held[name], trust));
    return proofs.length ? { ...verdicts, proofs } : verdicts;
  } catch (e) {
    return { integrity: "refuted", ...nothing };
  }
}

// The export of a period. Its integrity is judged: what is added up from events, CSV, Parquet, a sample, and which table a row is in, rest on the signature over the sums.
function checkExport(dir, trust) {
  const lines = (name) => text(readFileSync(join(dir, name))).split("\n").slice(0, -1);
  const json = (line) => { const v = JSON.parse(line); return JSON.stringify(v) === line ? v : fail("not written as lines are"); };
  try {
    const [checkpoint, sums, note, manifest] = ["checkpoint", "SHA256SUMS", "SHA256SUMS.note", "manifest.json"].map((name) => text(readFileSync(join(dir, name))));
    const m = JSON.parse(manifest);
    const trusted = openCheckpoint(checkpoint, trust.keys);
    const keys = trusted ? trust.keys : [parseKey(m.public_key, 1)];
    const c = trusted ?? openCheckpoint(checkpoint, keys) ?? fail("no key of this log");
    for (const s of trust.checkpoints) if (s.origin === c.origin && s.size === c.size && !s.root.equals(c.root)) fail("two trees of one size");
    const [head, ...listed] = sums.split("\n").slice(0, -1);
    if (openNote(note, c.origin, keys) !== sums || head !== `# whodid-export/1 ${c.origin}`) fail("other sums than were signed");
    const files = readdirSync(dir, { recursive: true }).filter((name) => !lstatSync(join(dir, name)).isDirectory() && !["SHA256SUMS", "SHA256SUMS.note"].includes(name)).sort();
    const again = files.map((name) => `${sha256(lstatSync(join(dir, name)).isFile() ? readFileSync(join(dir, name)) : fail("no file")).toString("hex")}  ${name}`);
    if (canonical(again) !== canonical(listed)) fail("other files than were signed");
    if (m.format !== "whodid-export/1" || m.origin !== c.origin || m.checkpoint.size !== c.size || m.checkpoint.root !== c.root.toString("base64")) fail("the manifest of another log");
    if (!m.formats.includes("jsonl") || !files.includes("proof/entries.jsonl")) return { integrity: "conditional" };
    const rows = Object.fromEntries(m.tables.map((t) => [t.name, lines(`jsonl/${t.name}.jsonl`)]));
    for (const t of m.tables) if (rows[t.name].length !== t.rows) fail("another number of rows");
    const within = (e) => { const at = m.period.basis === "recorded" ? e.recorded_at : e.at; return at >= m.period.from && at < m.period.to; };
    const [hashes, next, { first, left, right }] = [[], {}, JSON.parse(text(readFileSync(join(dir, "proof/range.json"))))];
    for (const line of lines("proof/entries.jsonl")) {
      const e = JSON.parse(line);
      if (e.hashes) hashes.push(...e.hashes.map(hash32));
      else if (e.leaf) hashes.push(within(openLeaf(e.leaf).event) ? fail("of the period, and no row") : leafHash(e.leaf));
      else {
        const i = (next[e.table] ??= 0);
        next[e.table]++;
        const row = json(rows[e.table][i]);
        hashes.push(row.seq === m.log.first + hashes.length && within(row) ? leafHash(leafOf(row, e)) : fail("a row of elsewhere"));
      }
    }
    for (const t of m.tables) if (!["executions", "policy_versions"].includes(t.name) && (next[t.name] ?? 0) !== t.rows) fail("a row that is no entry");
    if (first !== m.log.first || first + hashes.length !== m.log.end || !rangeRoot({ first, left: left.map(hash32), right: right.map(hash32), hashes }, BigInt(c.size)).equals(c.root)) fail("not in the tree that was signed");
    return { integrity: trusted ? "proved" : "conditional" };
  } catch (e) {
    return { integrity: "refuted" };
  }
}
// The leaf of a row, by its salt or by what an erasure left.
function leafOf(row, { salt, kept }) {
  const [erased, opened, left] = [row.erased ?? [], {}, Buffer.from(kept ?? "", "base64")];
  if (salt) for (const f of fields) opened[f] = sha256("whodid field key v1\0", f, "\0", Buffer.from(salt, "base64"));
  for (let at = 160; at < left.length; at += 33) opened[fields[left[at]]] = left.subarray(at + 1, at + 33);
  const actor = erased.includes("actor") ? "human:erased" : row.actor;
  const pair = (who, auth) => (who || auth ? canonical([who ?? "", auth ?? ""]) : "");
  const values = { actor: pair(row.actor, row.actor_auth), data: canonical(row.metadata ?? {}), on_behalf_of: pair(row.on_behalf_of, row.on_behalf_auth), target: row.target ?? "", why: row.why ?? "" };
  const commit = {};
  fields.forEach((f, i) => {
    if (f === "actor" && !actor.startsWith("human:")) return;
    if (opened[f]) commit[f] = createHmac("sha256", opened[f]).update(values[f]).digest("hex");
    else commit[f] = erased.includes(f) || values[f] === "" || (f === "data" && values[f] === "{}") ? left.toString("hex", 32 * i, 32 * i + 32) : fail(`${f} does not open`);
  });
  const says = { approval: row.approval_id, at: row.at, execution: row.execution_id, id: row.event_id, key: row.key, org: row.org, recorded_at: row.recorded_at, result: row.result, session: row.session_id, source: row.source, what: row.what };
  if (!commit.actor) Object.assign(says, { actor, actor_auth: row.actor_auth });
  return canonical({ ...Object.fromEntries(Object.entries(says).filter(([, v]) => v)), commit, v: 1 });
}

const nothing = { completeness: "not shown", authorship: "not shown", time: "not shown", approval: "not shown" };
const check = (zip, trust) => (isBundle(zip) ? checkBundle(zip, trust) : judge(parse(zip), trust).verdicts);
function judge(d, trust) {
  let c;
  try {
    c = integrity(d, trust);
  } catch (e) {
    return { ...d, verdicts: { integrity: "refuted", ...nothing } };
  }
  return {
    ...d,
    entries: c.entries,
    verdicts: {
      integrity: c.trusted ? "proved" : "conditional",
      completeness: everybodySees(completeness(d, c), d, trust),
      authorship: c.entries.some((e) => e.answer && e.event.actor) ? "conditional" : "not shown",
      time: time(d, c, trust),
      approval: approval(c, trust),
    },
  };
}
function parseTrust(t) {
  const keys = t.keys.map((k) => parseKey(k, 1));
  return {
    keys,
    witnesses: (t.witnesses ?? []).map((k) => parseKey(k, 4)),
    quorum: t.quorum ?? 0,
    authorities: (t.time_authorities ?? []).map((pem) => new X509Certificate(pem)),
    signers: (t.allowed_signers ?? []).map((line) => {
      const [, names, blob] = line.match(/^(\S+) .*?\b(?:ssh-ed25519|ssh-rsa|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com) (\S+)/) ?? fail("a signer's key that is neither Ed25519, RSA nor a passkey's");
      return { names: names.split(","), blob: Buffer.from(blob, "base64") };
    }),
    checkpoints: (t.checkpoints ?? []).map((c) => openCheckpoint(c, keys) ?? fail("a checkpoint by nobody")),
  };
}

const holds = ({ proofs = [], ...verdicts }) => verdicts.integrity === "proved" && !Object.values(verdicts).includes("refuted") && proofs.every(holds);
const [zip, keys] = process.argv.slice(2);
if (zip) {
  const trust = parseTrust(JSON.parse(readFileSync(keys, "utf8")));
  const { proofs = [], ...verdicts } = lstatSync(zip).isDirectory() ? checkExport(zip, trust) : check(readFileSync(zip), trust);
  for (const v of [...proofs, verdicts]) for (const name in v) console.log(`${name.padEnd(14)}${v[name]}`);
  process.exit(holds({ proofs, ...verdicts }) ? 0 : 3);
}
const beside = (name) => readFileSync(new URL(name, import.meta.url));
const corpus = JSON.parse(beside("attacks.json"));
let wrong = 0;
for (const a of corpus) {
  let got;
  try {
    got = check(beside(a.file), parseTrust(a.trust));
  } catch (e) {
    got = `refused: ${e.message}`;
  }
  const want = a.proofs ? { ...a.verdicts, proofs: a.proofs } : a.verdicts;
  if (a.refused ? typeof got !== "string" : canonical(got) !== canonical(want)) {
    wrong++;
    console.log(`${a.name}: got ${JSON.stringify(got)}, want ${JSON.stringify(want ?? "refused")}`);
  }
}
console.log(`${corpus.length - wrong} of ${corpus.length} archives get their verdicts`);
process.exit(wrong ? 1 : 0);
