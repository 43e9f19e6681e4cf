// Takes pictures of pages: node shots.mjs OUT JSON, where JSON is a list of {name, url, width, height, scheme, full, script}.
import { chromium } from "playwright-core";
import { mkdirSync } from "node:fs";

const [out, list] = process.argv.slice(2);
mkdirSync(out, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
for (const shot of JSON.parse(list)) {
  const context = await browser.newContext({ viewport: { width: shot.width ?? 1280, height: shot.height ?? 860 }, colorScheme: shot.scheme ?? "light", timezoneId: "Europe/Berlin", reducedMotion: "reduce" });
  const page = await context.newPage();
  page.on("console", (m) => { if (m.type() === "error") console.error(`${shot.name}: ${m.text()}`); });
  page.on("pageerror", (e) => console.error(`${shot.name}: ${e.message}`));
  await page.goto(shot.url);
  if (shot.script) await page.evaluate(shot.script);
  await page.waitForTimeout(shot.wait ?? 200);
  await page.screenshot({ path: `${out}/${shot.name}.png`, fullPage: shot.full ?? false });
  await context.close();
}
await browser.close();
