// Drives the pages in a real Chromium, by clicking and by keyboard: node flows.mjs JSON, where JSON is what internal/page's test TestBrowser says of its servers.
// Each flow says what it is; the first thing that does not hold ends it, and the run fails.
import { chromium } from "playwright-core";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import assert from "node:assert/strict";

const world = JSON.parse(process.argv[2]);
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const failures = [];
const only = process.env.FLOW;

async function flow(name, do_, options = {}) {
  if (only && !new RegExp(only).test(name)) return;
  const context = await browser.newContext({ viewport: desk, reducedMotion: "reduce", timezoneId: "Europe/Berlin", ...options });
  context.setDefaultTimeout(60000); // a busy machine is slow, and no flow waits that long for what holds
  const page = await context.newPage();
  const said = [];
  page.on("console", (m) => { if (m.type() === "error" && !/status of 4\d\d/.test(m.text())) said.push(m.text()); });
  page.on("pageerror", (e) => said.push(e.message));
  page.on("dialog", (d) => { said.push(`a dialog: ${d.message()}`); d.dismiss(); });
  page.on("request", (r) => { if (!/^http:\/\/(127\.0\.0\.1|localhost):/.test(r.url()) && !r.url().startsWith("data:")) said.push(`it asked ${r.url()}`); });
  const start = Date.now();
  try {
    await do_(page, context);
    assert.deepEqual(said, [], "what the browser complained of");
    console.log(`ok   ${name} (${Date.now() - start} ms)`);
  } catch (e) {
    failures.push(name);
    console.log(`FAIL ${name}: ${e.message.slice(0, 6000)}`);
  }
  await context.close();
}
const text = (page, selector) => page.locator(selector).first().innerText();
const state = (page, name) => page.locator(`[data-verdict="${name}"]`).getAttribute("data-state");
async function pin(page, key) {
  await page.locator("#pin").fill(key);
  await page.getByRole("button", { name: "Pin this key and verify" }).click();
}
const [desk, phone] = [{ width: 1280, height: 900 }, { width: 390, height: 844 }];
const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
const runsDrawn = () => [...document.querySelectorAll(".bars a")].reduce((n, a) => n + Number(/: (\d+) run/.exec(a.getAttribute("aria-label"))[1]), 0);
// meter tells what a page has cost since it was asked last, or was opened: bytes over the network, work of the browser in milliseconds and times, elements, and how far things jumped.
async function meter(page, context) {
  const client = await context.newCDPSession(page);
  await client.send("Network.enable");
  await client.send("Performance.enable");
  let bytes = 0;
  client.on("Network.loadingFinished", (e) => { bytes += e.encodedDataLength; });
  let before = {};
  return async (opened) => {
    if (opened) before = {}; // a document that is new is counted from nothing
    const now = Object.fromEntries((await client.send("Performance.getMetrics")).metrics.map((m) => [m.name, m.value]));
    const seen = await page.evaluate(() => new Promise((done) => {
      const paint = Math.round(performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0);
      const shifts = new PerformanceObserver(() => {});
      shifts.observe({ type: "layout-shift", buffered: true });
      setTimeout(() => done({ paint, elements: document.querySelectorAll("*").length, shift: shifts.takeRecords().reduce((sum, e) => sum + (e.hadRecentInput ? 0 : e.value), 0) }), 30);
    }));
    const since = (name, unit = 1) => Math.round((now[name] - (before[name] ?? 0)) * unit);
    const out = { bytes, layouts: since("LayoutCount"), styles: since("RecalcStyleCount"), layout: since("LayoutDuration", 1000), script: since("ScriptDuration", 1000), ...seen };
    before = now;
    bytes = 0;
    return out;
  };
}
const verified = (page) => page.locator("[data-verdict]").first().waitFor();

await flow("executions: narrow, open, go back", async (page) => {
  await page.goto(`${world.much}/executions?since=all`);
  await page.locator('.facets a[data-value="failed"]').click();
  await page.waitForURL(/q=status/);
  assert.match(await page.locator("#q").inputValue(), /^status:failed$/);
  assert.deepEqual([...new Set(await page.locator("tbody .chip").allInnerTexts())], ["failed"]);
  await page.locator('.facets a[data-value="failed"]').click();
  await page.waitForURL((u) => !u.search.includes("status"));
  await page.locator("tbody th a").nth(2).click();
  await page.waitForURL(/\/executions\/exec-/);
  assert.equal(await page.locator("h1 .agent").count(), 1);
  await page.goBack();
  assert.equal(await text(page, "h1"), "Executions");
});
await flow("executions: keys alone", async (page) => {
  await page.goto(`${world.much}/executions?since=all`);
  await page.keyboard.press("?");
  assert.ok(await page.locator("#keys").isVisible());
  await page.keyboard.press("Escape");
  await page.keyboard.press("/");
  await page.keyboard.type("stat");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.keyboard.type("fai");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  assert.equal(await page.locator("#q").inputValue(), "status:failed ");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Enter");
  await page.waitForURL(/q=status/);
  await page.locator("body").press("j");
  await page.keyboard.press("j");
  const second = await page.locator("tbody tr").nth(1).getAttribute("id");
  await page.keyboard.press("Enter");
  await page.waitForURL(new RegExp(second));
  await page.keyboard.press("g");
  await page.keyboard.press("i");
  await page.waitForURL(/\/integrity/);
  await page.keyboard.press("t");
  await page.keyboard.press("t");
  assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
});
await flow("executions: choose a time on the chart, with the mouse and with keys", async (page) => {
  await page.goto(`${world.much}/executions?since=7d`);
  const box = await page.locator("[data-brush]").boundingBox();
  await page.mouse.move(box.x + box.width * 0.7, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.8, box.y + 40, { steps: 5 });
  await page.mouse.move(box.x + box.width * 0.99, box.y + 40, { steps: 5 });
  await page.mouse.up();
  await page.waitForURL(/since=\d{4}.*until=\d{4}/);
  await page.goto(`${world.much}/executions?since=7d`);
  const n = await page.locator("[data-brush] a").count();
  await page.locator("[data-brush] a").nth(n - 6).focus();
  await page.keyboard.down("Shift");
  for (let i = 0; i < 5; i++) await page.keyboard.press("ArrowRight");
  await page.keyboard.up("Shift");
  await page.keyboard.press("Enter");
  await page.waitForURL(/since=\d{4}.*until=\d{4}/);
  assert.ok(await page.locator("tbody tr").count() > 0);
});
await flow("executions: choose columns", async (page) => {
  await page.goto(`${world.much}/executions`);
  await page.locator("#columns summary").click();
  await page.locator('#columns input[value="tokens"]').check();
  await page.locator('#columns input[value="cost"]').uncheck();
  await page.getByRole("button", { name: "Show these" }).click();
  await page.waitForURL(/cols=tokens/);
  const heads = await page.locator("thead th").allInnerTexts();
  assert.ok(heads.some((h) => h.startsWith("Tokens")) && !heads.includes("Cost"), heads.join());
});
await flow("executions: which are proved, by facet, by keyboard and as a column", async (page) => {
  await page.goto(`${world.much}/executions?since=all&cols=proved`);
  const facet = page.locator('.facets [data-field="proved"]');
  assert.match(await facet.locator("h2").getAttribute("title"), /quorum of witnesses/);
  assert.match(await facet.locator('[data-value="waiting"]').innerText(), /^waiting\s+1$/);
  assert.ok(await page.locator('#columns input[value="proved"]').isChecked());
  await facet.locator('[data-value="waiting"]').click();
  await page.waitForURL(/q=proved/);
  assert.equal(await page.locator("#q").inputValue(), "proved:waiting");
  assert.deepEqual(await page.locator('td[data-name="Proved"]').allInnerTexts(), ["waiting"]);
  await page.locator("tbody th a").click();
  assert.match(await text(page, '[data-proved="waiting"]'), /Witnesses confirmed the first [\d,. \u202f]+ leaves; of this run more was recorded since/);
  await page.goBack();
  await page.locator("#q").fill("prov");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  assert.equal(await page.locator("#q").inputValue(), "proved:");
  assert.deepEqual((await page.locator("#complete li").allInnerTexts()).map((s) => s.trim()), ["proved:witnessed", "proved:waiting", "proved:unwitnessed"]);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Enter");
  await page.waitForURL(/proved%3Awitnessed/);
  assert.ok(await page.locator("tbody tr").count() > 10);
  await page.locator("tbody th a").first().click();
  await page.locator('[data-proved="witnessed"]').waitFor();
});
await flow("executions: save a view, open it, rename it, delete it", async (page) => {
  await page.goto(`${world.much}/executions?since=30d&q=status%3Afailed&cols=cost`);
  await page.getByText("Save view", { exact: true }).click();
  await page.locator("#view-name").fill("went wrong");
  await page.getByRole("button", { name: "Save this view" }).click();
  await page.locator('.views [aria-current="true"]').waitFor();
  await page.goto(`${world.much}/executions`);
  await page.getByRole("link", { name: "went wrong" }).click();
  await page.waitForURL(/status%3Afailed/);
  assert.equal(await page.locator("#q").inputValue(), "status:failed");
  assert.deepEqual(await page.locator("thead th").allInnerTexts(), ["Agent", "Status", "Cost"]);
  // Now with keys alone.
  await page.getByRole("link", { name: "All views" }).press("Enter");
  await page.waitForURL(/\/views/);
  await page.locator("body").press("j");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.type("to look at");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  await page.keyboard.press("Enter");
  await page.getByText("shared by you").waitFor();
  assert.equal(await text(page, ".inbox a"), "to look at");
  await page.getByText("Change", { exact: true }).click();
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByText("No view is saved yet").waitFor();
});
await flow("executions: live", async (page) => {
  await page.goto(`${world.live}/executions`);
  const before = await page.locator("tbody tr").count();
  const drawn = await page.evaluate(runsDrawn);
  const made = await page.request.post(`${world.live}/test/record`);
  assert.equal(made.status(), 200);
  await page.waitForFunction((n) => document.querySelectorAll("tbody tr").length > n, before);
  assert.equal(await page.evaluate(runsDrawn), drawn + 1);
  assert.equal(await page.locator('.facets [data-value="eng/newcomer"]').count(), 1);
  // Who stops it is left alone, and hears of it all when they go on.
  await page.locator("[data-live-switch]").click();
  await page.request.post(`${world.live}/test/record`);
  await page.waitForTimeout(2000);
  assert.equal(await page.evaluate(runsDrawn), drawn + 1);
  await page.locator("[data-live-switch]").click();
  await page.waitForFunction((n) => document.querySelectorAll("tbody tr").length > n, before + 1);
});
await flow("execution: live", async (page) => {
  const { id } = await (await page.request.post(`${world.live}/test/record`)).json();
  await page.goto(`${world.live}/executions/${id}`);
  await page.getByText("the page follows it").waitFor();
  await page.request.post(`${world.live}/test/record?finish=${id}`);
  await page.locator("h1 .chip", { hasText: "success" }).waitFor();
  assert.equal(await page.getByText("the page follows it").count(), 0);
});
await flow("execution: timeline, action, raw", async (page) => {
  await page.goto(`${world.much}/executions/${world.run}`);
  assert.ok(await page.locator(".lane").count() >= 6);
  assert.ok(await page.locator(".gap").count() >= 1);
  const mark = page.locator(".lane a rect").first();
  await mark.click({ force: true });
  await page.waitForFunction(() => document.querySelector(".actions details[open]"));
  assert.match(await text(page, ".actions details[open] dl"), /evt-/);
  await page.getByRole("link", { name: "Raw" }).click();
  assert.match(await page.locator("body").innerText(), /"execution_id"/);
});
await flow("execution: ten thousand actions open and scroll within their budget", async (page, context) => {
  const spent = await meter(page, context);
  await page.goto(`${world.long}/executions/${world.longRun}`);
  assert.equal(await page.locator(".actions > li").count(), 200);
  const opened = await spent(true);
  assert.ok(opened.bytes < 100 * 1024 && opened.elements < 12000 && opened.shift < 0.1, JSON.stringify(opened));
  // Ten screens at a time, as somebody does who holds the key down.
  for (let i = 0; i < 60; i++) await page.evaluate(() => new Promise((done) => { scrollBy(0, innerHeight); requestAnimationFrame(() => requestAnimationFrame(done)); }));
  await page.waitForFunction(() => { document.querySelector("[data-more]")?.scrollIntoView(); return document.querySelectorAll(".actions > li").length >= 2000; });
  const scrolled = await spent();
  console.log(`     opened in ${JSON.stringify(opened)}, scrolled in ${JSON.stringify(scrolled)}`);
  // Work is counted, not timed, but for what would be long on any machine: each frame is laid out about once, and what is out of sight not at all.
  assert.ok(scrolled.layouts < 600 && scrolled.styles < 900, `it thrashes: ${JSON.stringify(scrolled)}`);
  assert.ok(scrolled.script < 6000 && scrolled.layout < 6000 && scrolled.shift < 0.1, JSON.stringify(scrolled));
});
await flow("proof: pin, verify, go on, and what a tampered server looks like", async (page) => {
  const at = `${world.much}/executions/${world.run}`;
  await page.goto(at);
  await page.locator("body").press("v");
  await pin(page, "nonsense");
  await page.getByText("that is no key of a log").waitFor();
  await pin(page, world.key);
  await verified(page);
  assert.equal(await state(page, "Integrity"), "proved", await text(page, "[data-verdicts]"));
  assert.equal(await state(page, "This page"), "proved");
  assert.equal(await state(page, "History"), "conditional");
  assert.ok(["proved", "conditional"].includes(await state(page, "Completeness")));
  assert.ok(await page.locator(".tick.proved").count() >= 40);
  // Later, when the log has grown, it must go on from there.
  await page.request.post(`${world.much}/test/record`);
  await page.goto(at);
  await page.getByRole("button", { name: "Verify in this browser" }).click();
  await verified(page);
  assert.equal(await state(page, "History"), "proved", await text(page, "[data-verdicts]"));
  const forge = (change) => page.evaluate((c) => localStorage.setItem("whodid.pin", JSON.stringify({ ...JSON.parse(localStorage.getItem("whodid.pin")), ...c })), change);
  for (const [change, why] of [[{ size: 10_000_000 }, /older copy/], [{ root: "00".repeat(32), size: 77 }, /rewritten/]]) {
    await forge(change);
    await page.goto(at);
    await page.getByRole("button", { name: "Verify in this browser" }).click();
    await verified(page);
    assert.equal(await state(page, "History"), "refuted");
    assert.match(await text(page, '[data-verdict="History"]'), why);
  }
});
for (const [name, url] of Object.entries(world.tampered)) {
  await flow(`proof: a server that ${name}`, async (page) => {
    await page.goto(`${url}/executions/${world.run}`);
    await page.getByRole("button", { name: "Verify in this browser" }).click();
    await pin(page, world.key);
    await page.locator('[data-state="refuted"]').first().waitFor();
  });
}
await flow("integrity: the head", async (page) => {
  await page.goto(`${world.much}/integrity`);
  await page.getByRole("button", { name: "Check the head in this browser" }).click();
  await pin(page, world.key);
  await page.locator('[data-verdict="History"]').waitFor();
  assert.equal(await state(page, "Signature"), "proved");
});
await flow("approvals: decide", async (page) => {
  await page.goto(`${world.live}/approvals`);
  const before = await page.locator(".inbox > li").count();
  await page.getByRole("link", { name: /deploy version/ }).click();
  assert.match(await text(page, ".digest"), /[0-9a-f]{32}/);
  await page.getByRole("button", { name: "Approve this once" }).click(); // the browser asks for a reason
  await page.locator("#reason").fill("reviewed with the team");
  await page.getByRole("button", { name: "Approve this once" }).click();
  await page.getByText("It is decided.").waitFor();
  await page.goto(`${world.live}/approvals`);
  assert.equal(await page.locator(".inbox > li").count(), before - 1);
});
await flow("incidents: read one, note something, take the bundle", async (page) => {
  await page.goto(`${world.live}/incidents`);
  await page.getByRole("link", { name: "discounts lose a cent" }).click();
  await page.waitForURL(/\/incidents\/evt-/);
  for (const part of ["Who did it", "How far it reaches", "What happened", "Notes", "Who did what with it"]) await page.getByRole("heading", { name: part, exact: true }).waitFor();
  assert.ok(await page.locator('[aria-label="What happened"] tbody tr').count() > 3);
  await page.locator('[aria-label="What happened"] tbody a').first().click();
  await page.waitForURL(/\/executions\/exec-/);
  await page.goBack();
  await page.locator("#text").fill("rolled back at 03:40");
  await page.getByRole("button", { name: "Add the note" }).click();
  await page.locator("#notes").getByText("rolled back at 03:40").waitFor();
  const [bundle] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download the bundle" }).click()]);
  assert.match(bundle.suggestedFilename(), /^incident-.*\.zip$/);
  await page.reload();
  await page.locator("b", { hasText: "incident.export" }).waitFor();
});
await flow("incidents: with keys alone", async (page) => {
  await page.goto(`${world.live}/executions`);
  await page.keyboard.press("g");
  await page.keyboard.press("n");
  await page.waitForURL(/\/incidents$/);
  await page.locator("body").press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/incidents\/evt-/);
  await page.locator("#text").focus();
  await page.keyboard.type("g e is no key while somebody types");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.locator("#notes").getByText("g e is no key").waitFor();
});
await flow("incidents: open one at a run and close it, with keys alone", async (page) => {
  await page.goto(`${world.live}/executions`);
  await page.locator("body").press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/executions\/exec-/);
  const run = new URL(page.url()).pathname.split("/").pop();
  await page.getByRole("link", { name: "Open an incident at this run" }).press("Enter");
  await page.waitForURL(/\/incidents\?at=/);
  assert.equal(await page.locator("#at").inputValue(), run);
  await page.locator("#at").focus();
  await page.keyboard.press("Tab");
  await page.keyboard.type("it broke the shop");
  await page.keyboard.press("Tab");
  await page.keyboard.type("high");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByText("The incident is open.").waitFor();
  assert.match(await text(page, "h1"), /it broke the shop high open/);
  await page.locator("#reason").focus();
  await page.keyboard.press("Enter"); // the browser asks for a reason
  await page.keyboard.type("fixed by 1f2e3d4");
  await page.keyboard.press("Tab");
  assert.ok(await page.getByLabel("keep it held, until somebody releases it").isChecked());
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByText("The incident is closed.").waitFor();
  for (const what of ["incident.close", "hold.release"]) await page.locator("b", { hasText: what }).waitFor();
  assert.equal(await page.locator("#reason").count(), 0);
  await page.getByRole("link", { name: "Open another that goes on from it" }).press("Enter");
  await page.waitForURL(/follows=evt-/);
  assert.equal(await page.locator("#at").inputValue(), run);
});
await flow("agents, files, reports, retention, access and settings: from row to row by clicking", async (page) => {
  await page.goto(`${world.much}/agents`);
  await page.getByRole("link", { name: "eng/issue-solver" }).click();
  await page.getByRole("heading", { name: "What it did" }).waitFor();
  await page.getByRole("link", { name: "30 days" }).click();
  await page.waitForURL(/since=30d/);
  await page.getByRole("link", { name: "All its executions" }).click();
  await page.waitForURL(/executions\?q=agent/);
  await page.getByRole("link", { name: "Files" }).click();
  await page.locator("#path").fill("docs/cart.md");
  await page.getByRole("button", { name: "Look" }).click();
  await page.getByRole("heading", { name: "Commits that changed it" }).waitFor();
  assert.equal(await text(page, ".command code"), "whodid blame docs/cart.md");
  await page.locator('[aria-label="Commits"] a').first().click();
  await page.waitForURL(/\/why\?q=/);
  await page.getByRole("link", { name: "Reports" }).click();
  await page.locator('nav[aria-label="Week"] a').nth(1).click();
  await page.waitForURL(/week=/);
  await page.getByRole("link", { name: "Retention" }).click();
  await page.getByRole("heading", { name: "Holds" }).waitFor();
  await page.getByRole("link", { name: "Access log" }).click();
  await page.locator("main h1").waitFor();
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByRole("cell", { name: "recorder" }).waitFor();
});
await flow("every page is a key away", async (page) => {
  await page.goto(`${world.much}/settings`);
  const ways = await page.evaluate(() => [...document.querySelectorAll("[data-keys]")].map((a) => [a.dataset.keys, a.getAttribute("href")]));
  assert.equal(ways.length, 14);
  await page.keyboard.press("?");
  assert.equal(await page.locator("#keys kbd", { hasText: /^g / }).count(), ways.length);
  await page.keyboard.press("Escape");
  for (const [keys, path] of ways) {
    for (const key of keys.split(" ")) await page.keyboard.press(key);
    await page.waitForURL((u) => u.pathname === path);
    if (await page.locator("input[type=search]").count()) {
      await page.keyboard.press("/");
      assert.equal(await page.evaluate(() => document.activeElement.type), "search", path);
      await page.keyboard.press("Escape"); // the suggestions, where there are some
      await page.keyboard.press("Escape");
    }
  }
});
await flow("times are the reader's, with UTC under the pointer", async (page) => {
  await page.goto(`${world.much}/executions/${world.run}`);
  const { shown, utc, title } = await page.locator("#facts time").first().evaluate((t) => ({ shown: t.textContent, utc: t.dateTime, title: t.title }));
  assert.ok(title.includes(" UTC") && title.includes(utc.slice(0, 10)) && title.includes("Europe/Berlin"), title);
  const hour = (zone) => new Intl.DateTimeFormat("en-US", { hour: "numeric", minute: "2-digit", timeZone: zone }).format(new Date(utc));
  assert.ok(shown.replace(/:\d\d /, " ").includes(hour("Europe/Berlin")), `${shown} is not ${hour("Europe/Berlin")}`);
});
for (const timezoneId of ["Asia/Kolkata", "America/St_Johns"]) {
  await flow(`the marks below the chart are moments that people name, in ${timezoneId}`, async (page) => {
    const whole = {
      "2h": (m) => m.minute % 15 === 0, "1d": (m) => m.minute === 0 && m.hour % 3 === 0, "7d": (m) => m.minute + m.hour === 0,
      "30d": (m) => m.minute + m.hour === 0 && m.weekday === 1, "365d": (m) => m.minute + m.hour === 0 && m.date === 1 && m.month % 3 === 0,
    };
    for (const [since, fits] of Object.entries(whole)) {
      await page.goto(`${world.much}/executions?since=${since}`);
      const marks = await page.evaluate(() => {
        const axis = document.querySelector("[data-axis]");
        const [from, to] = axis.dataset.axis.split(" ").map(Date.parse);
        return [...axis.children].map((m) => {
          const at = new Date(Math.round((from + (to - from) * parseFloat(m.getAttribute("x")) / 100) / 60_000) * 60_000);
          return { name: m.textContent, minute: at.getMinutes(), hour: at.getHours(), weekday: at.getDay(), date: at.getDate(), month: at.getMonth() };
        });
      });
      assert.ok(marks.length >= 3 && marks.length <= 9 && marks.every(fits), `${since}: ${JSON.stringify(marks)}`);
      assert.equal(new Set(marks.map((m) => m.name)).size, marks.length, `${since}: ${JSON.stringify(marks)}`);
    }
  }, { timezoneId });
}
await flow("every table comes as CSV and every answer as JSON", async (page) => {
  for (const path of world.pages) {
    const html = await (await page.request.get(world.much + path, { headers: { accept: "text/html" } })).text();
    for (const [name, media] of [["JSON", "application/json"], ["CSV", "text/csv"]]) {
      const link = new RegExp(`<footer class="forms">.*<a href="([^"]+)">${name}</a>`).exec(html);
      if (!link) {
        assert.doesNotMatch(html, /<(table|ol)[^>]* data-rows/, `${path} has a table and no ${name}`);
        continue;
      }
      const answer = await page.request.get(world.much + link[1].replaceAll("&amp;", "&"));
      assert.ok(answer.ok() && answer.headers()["content-type"].startsWith(media), `${path} as ${name}: ${answer.status()}`);
    }
  }
});
await flow("passkeys: register one by keyboard, and sign decisions with it", async (page, context) => {
  const wrong = (words) => page.locator("[data-wrong]", { hasText: words }).waitFor();
  await page.goto(`${world.signed.replace("localhost", "127.0.0.1")}/passkeys`); // the same server, by another name
  await page.locator("#name").fill("elsewhere");
  await page.keyboard.press("Enter");
  await wrong(/Passkeys belong to http:\/\/localhost/);
  const client = await context.newCDPSession(page);
  await client.send("WebAuthn.enable");
  const device = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
  const { authenticatorId } = await client.send("WebAuthn.addVirtualAuthenticator", { options: device });
  const verified = (isUserVerified) => client.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified });
  const register = async (name) => {
    await page.locator("#name").focus();
    await page.keyboard.type(name);
    await page.keyboard.press("Enter");
  };
  await page.goto(`${world.signed}/approvals`);
  await page.getByRole("link", { name: "deploy shop", exact: true }).click();
  assert.equal(await page.getByRole("button", { name: "Approve this once" }).count(), 0); // only a signed decision counts
  await page.getByRole("link", { name: "register a passkey" }).click();
  await verified(false);
  await register("The laptop at work");
  await wrong(/Nothing came of it/);
  await verified(true);
  await page.locator("#name").fill("");
  await register("The laptop at work");
  await page.getByText("Your passkey is registered").waitFor();
  await register("The same again");
  await wrong(/has a passkey of yours already/);
  // Another is taken once the first has vouched for it: whoever has the session alone adds none.
  const other = (await client.send("WebAuthn.addVirtualAuthenticator", { options: { ...device, transport: "usb" } })).authenticatorId;
  const touched = async (old) => { // the one that has been touched answers, be it that it can't
    await client.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled: old });
    await client.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId: other, enabled: !old });
  };
  const another = async (name, vouches) => {
    await page.goto(`${world.signed}/passkeys`);
    await touched(false);
    await page.route("**/passkeys/vouch", async (route) => {
      await verified(vouches);
      await touched(true);
      await route.continue();
    }, { times: 1 });
    await register(name);
  };
  await another("Somebody else's", false);
  await wrong(/Nothing came of it/);
  await another("The key in the safe", true);
  await page.getByText("Your passkey is registered").waitFor();
  await page.getByText("vouched for by SHA256:").waitFor();
  await client.send("WebAuthn.removeVirtualAuthenticator", { authenticatorId: other });
  // It signs just this, and only for who shows that they are it.
  await page.goto(`${world.signed}/approvals`);
  await page.getByRole("link", { name: "deploy shop", exact: true }).click();
  await page.locator("#reason").fill("reviewed with the team");
  await verified(false);
  await page.keyboard.press("Enter");
  await wrong(/Nothing came of it/);
  await page.setViewportSize({ width: 390, height: 844 });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth) <= 1, "it is too wide");
  await page.setViewportSize({ width: 1280, height: 900 });
  assert.match(await text(page, "[data-statement] pre"), /^whodid approval decision v1\napproval: appr-/);
  await verified(true);
  const sent = page.waitForRequest((r) => r.url().endsWith("/approve"));
  await page.keyboard.press("Enter");
  const form = new URLSearchParams((await sent).postData());
  await page.getByText("It is decided.").waitFor();
  assert.match(await text(page, "main"), /the passkey The laptop at work SHA256:\S+ it holds/);
  // What was sent for one does not do for another.
  await page.goto(`${world.signed}/approvals`);
  await page.getByRole("link", { name: "deploy no shop", exact: true }).click();
  form.set("digest", await page.locator('input[name="digest"]').inputValue());
  const replayed = await page.request.post(`${page.url()}/approve`, { headers: { "content-type": "application/x-www-form-urlencoded" }, data: form.toString() });
  assert.equal(replayed.status(), 403);
  await page.locator("#reason").fill("not now");
  await page.getByRole("button", { name: "Reject" }).click();
  await page.getByText("It is decided.").waitFor();
  await page.locator(".chip.bad", { hasText: "rejected" }).first().waitFor();
  await page.goto(`${world.signed}/passkeys`);
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  assert.deepEqual(violations.map((v) => `${v.id} ${v.nodes[0].target}`), []);
  await client.send("WebAuthn.removeVirtualAuthenticator", { authenticatorId });
});
await flow("search, why, memory, cost", async (page) => {
  await page.goto(`${world.much}/search`);
  await page.locator("#q").fill("rounding");
  await page.keyboard.press("Enter");
  await page.locator("mark").first().waitFor();
  await page.getByRole("link", { name: /whole cents/ }).click();
  await page.waitForURL(/\/memory\/evt-/);
  await page.goto(`${world.much}/why`);
  await page.locator("#q").fill(world.run);
  await page.keyboard.press("Enter");
  await page.locator(".chain .big a").first().waitFor();
  await page.goto(`${world.much}/cost`);
  await page.getByRole("link", { name: "model", exact: true }).click();
  await page.waitForURL(/by=model/);
  assert.ok(await page.locator("tbody tr").count() >= 2);
});
await flow("without JavaScript everything can be read", async (page) => {
  for (const path of world.pages) {
    await page.goto(world.much + path);
    assert.ok((await page.locator("main").innerText()).length > 60, path);
    assert.equal(await page.locator(".js:visible").count(), 0, path);
  }
  await page.goto(`${world.much}/executions`);
  await page.locator("#q").fill("status:failed");
  await page.getByRole("button", { name: "Filter" }).click();
  assert.match(page.url(), /status/);
  // Its forms can be sent, too.
  await page.getByText("Save view", { exact: true }).click();
  await page.locator("#view-name").fill("by hand");
  await page.getByRole("button", { name: "Save this view" }).click();
  await page.goto(`${world.much}/executions`);
  await page.getByRole("link", { name: "by hand" }).click();
  await page.waitForURL(/status/);
}, { javaScriptEnabled: false });
await flow("nothing in the trail runs in the browser", async (page) => {
  for (const path of world.hostilePages) {
    await page.goto(world.hostile + path);
    await page.evaluate(() => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
    await page.waitForTimeout(30);
    assert.equal(await page.evaluate(() => window.hacked), undefined, path);
    assert.equal(await page.locator("main img, main iframe, main object, main script, main style").count(), 0, path);
    const text = await page.locator("main").innerText();
    assert.doesNotMatch(text, /[\u202a-\u202e\u2066-\u2069]/, `${path} turns text round`);
    assert.ok(await overflow(page) <= 1, `${path} is too wide`);
    await page.setViewportSize(phone);
    assert.ok(await overflow(page) <= 1, `${path} is too wide for a phone`);
    await page.setViewportSize(desk);
  }
});
await flow("a phone is not scrolled sideways, and on paper there is all of it and nothing to press", async (page) => {
  for (const path of world.pages) {
    await page.setViewportSize(phone);
    await page.emulateMedia({ media: "screen" });
    await page.goto(world.much + path);
    assert.ok(await overflow(page) <= 1, `${path} is too wide for a phone`);
    await page.setViewportSize({ width: 794, height: 1123 });
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.locator(".side:visible, .ask:visible, button:visible, .facets:visible").count(), 0, path);
    assert.ok(await page.locator("main h1").isVisible(), path);
    const lost = await page.evaluate(() => [...document.querySelectorAll("main *")].filter((e) => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX === "auto" && e.checkVisibility()).length);
    assert.equal(lost, 0, `${path} loses something at the edge of the paper`);
  }
});
for (const scheme of ["light", "dark"]) {
  await flow(`accessible, ${scheme}`, async (page) => {
    const found = [];
    for (const path of world.pages.map((p) => world.much + p).concat(scheme === "light" ? world.emptyPages.map((p) => world.none + p) : [])) {
      await page.goto(path);
      await page.evaluate(axeSource); // by the debugger, which the page's policy does not bind
      // In the dark only colours are others.
      const rules = scheme === "light" ? ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] : ["color-contrast"];
      const result = await page.evaluate((runOnly) => globalThis.axe.run(document, { runOnly, resultTypes: ["violations"] }), rules);
      for (const v of result.violations) found.push(`${v.id} at ${new URL(path).pathname}: ${v.nodes[0].target.join(" ")} ${v.nodes[0].failureSummary.split("\n")[1]?.trim().slice(0, 160)}`);
    }
    assert.deepEqual(found, []);
  }, { colorScheme: scheme });
}
await flow("pages are light", async (page, context) => {
  const client = await context.newCDPSession(page);
  await client.send("Network.enable");
  const spent = await meter(page, context);
  for (const path of world.pages) {
    await client.send("Network.clearBrowserCache");
    await page.goto(world.much + path);
    const cost = await spent(true);
    if (process.env.VERBOSE) console.log(`     ${path}: ${JSON.stringify(cost)}`);
    assert.ok(cost.bytes > 1000 && cost.bytes < 150 * 1024, `${path} weighs ${cost.bytes} bytes`);
    assert.ok(cost.elements < 5000, `${path} has ${cost.elements} elements`);
    assert.ok(cost.shift < 0.1, `what is on ${path} jumps by ${cost.shift}`);
    assert.ok(cost.layouts < 40, `${path} is laid out ${cost.layouts} times`);
    assert.ok(cost.script < 1000 && cost.layout < 1000, `${path} is a lot of work: ${JSON.stringify(cost)}`);
  }
});
await flow("the first run shows by itself", async (page) => {
  await page.goto(`${world.none}/executions`);
  await page.getByText("Nothing is recorded yet").waitFor();
  await page.request.post(`${world.none}/test/record`);
  await page.locator("tbody tr").first().waitFor();
  assert.equal(await page.evaluate(runsDrawn), 1);
});
await browser.close();
if (failures.length) {
  console.log(`${failures.length} flows fail`);
  process.exit(1);
}
