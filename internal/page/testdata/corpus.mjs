// Holds the page's verifier against the corpus of attacks on proofs: node corpus.mjs. It runs the very file that browsers get.
import { readFileSync } from "node:fs";
import { inflateRawSync } from "node:zlib";
import { check, parseKey } from "../assets/verify.js";

const corpus = new URL("../../../proof/dossier/testdata/attacks/", import.meta.url);
const attacks = JSON.parse(readFileSync(new URL("attacks.json", corpus), "utf8"));

// The archive's own tricks are no matter of the page, which gets the files in one document: what can't be unpacked is left out.
function unpack(zip) {
  const files = {};
  const end = zip.subarray(-22);
  let at = end.readUInt32LE(16);
  for (let i = end.readUInt16LE(10); i > 0; i--) {
    const [method, packed, n, local] = [zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 20), zip.readUInt16LE(at + 28), zip.readUInt32LE(at + 42)];
    const name = zip.toString("utf8", at + 46, at + 46 + n);
    at += 46 + n + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
    const from = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const body = zip.subarray(from, from + packed);
    files[name] = (method === 8 ? inflateRawSync(body) : body).toString("utf8");
  }
  return { manifest: JSON.parse(files["manifest.json"]), checkpoint: files.checkpoint, ...JSON.parse(files["events.json"]) };
}

let [checked, wrong] = [0, 0];
for (const a of attacks) {
  let d, key;
  try {
    if (a.refused || a.trust.checkpoints?.length || a.trust.quorum) continue; // forks are found by what the browser saw before; it asks no witnesses
    d = unpack(readFileSync(new URL(a.file, corpus)));
    if (!["execution", "event"].includes(d.manifest.subject?.kind)) continue; // the page asks for no others
    const origin = d.checkpoint.split("\n", 1)[0];
    const own = a.trust.keys.filter((k) => k.startsWith(`${origin}+`));
    if (own.length !== 1) continue; // the page has one key, and takes none from the server
    key = await parseKey(own[0]);
  } catch {
    continue;
  }
  checked++;
  let got;
  try {
    const c = await check(d, key);
    got = { integrity: "proved", completeness: c.completeness[0] };
  } catch (e) {
    got = { integrity: "refuted", completeness: "not shown", why: e.message };
  }
  const want = a.verdicts;
  const completeness = d.manifest.subject.kind === "execution" ? want.completeness : "not shown";
  if (got.integrity !== want.integrity || (got.integrity === "proved" && got.completeness !== completeness)) {
    wrong++;
    console.log(`${a.name}: got ${JSON.stringify(got)}, want ${want.integrity}, ${completeness}`);
  }
}
console.log(`${checked - wrong} of ${checked} get their verdicts`);
process.exit(wrong || checked < 20 ? 1 : 0);
