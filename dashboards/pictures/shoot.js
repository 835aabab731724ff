// node shoot.js DATA PICTURES: takes a picture of each board of which data.py has left the data in a folder.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";

import { chromium } from "playwright-core";
import sharp from "sharp";
import { preview } from "vite";

const [data, pictures] = process.argv.slice(2);
const WIDTH = 1400;
// As root there is no sandbox; and nothing here asks anybody on the network anything.
const ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"];
const PROGRAMS = [process.env.CHROMIUM, "../../.cache/system/bin/chromium", "chromium", "chromium-browser"];
const PLACES = ["google-chrome", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"];

function pathOfBrowser() {
  for (const program of [...PROGRAMS, ...PLACES].filter(Boolean)) {
    try {
      execFileSync(program, ["--version"], { stdio: "ignore" });
      return program.includes("/") ? resolve(program) : execFileSync("which", [program], { encoding: "utf8" }).trim();
    } catch {
      // The next one.
    }
  }
  throw new Error("no Chromium: put it on PATH, or say where it is: CHROMIUM=/path/to/chromium make pictures");
}

async function shoot(browser, url, uid) {
  const board = readFileSync(join(data, `${uid}.json`), "utf8");
  const page = await browser.newPage({ viewport: { width: WIDTH, height: 900 }, timezoneId: "UTC" });
  const failed = new Promise((_, reject) => page.on("pageerror", reject));
  // "An hour ago" is an hour before the end of what is shown.
  await page.clock.setFixedTime(JSON.parse(board).to);
  await page.route("**/board.json", (route) => route.fulfill({ body: board, contentType: "application/json" }));
  await page.goto(url, { waitUntil: "networkidle" });
  await Promise.race([page.locator("#board > div").waitFor(), failed]);
  const drawn = await page.screenshot({ fullPage: true });
  await page.close();
  const file = join(pictures, `${uid}.png`);
  await sharp(drawn).png({ palette: true, colours: 256, quality: 100, effort: 10 }).toFile(file);
  console.log(`pictures: ${uid}.png, ${Math.round(statSync(file).size / 1000)} kB`);
}

mkdirSync(pictures, { recursive: true });
const server = await preview({ preview: { host: "127.0.0.1", port: 0 } });
const browser = await chromium.launch({ executablePath: pathOfBrowser(), args: ARGUMENTS });
try {
  for (const name of readdirSync(data).filter((name) => name.endsWith(".json")).sort()) {
    await shoot(browser, server.resolvedUrls.local[0], name.replace(/\.json$/, ""));
  }
} finally {
  await browser.close();
  await server.close();
}
