// Fails unless every page of a directory looks right in Chromium: on a phone and on a desk,
// light and dark, with nothing loaded, nothing complained about on the console, nothing
// wider than the window, nothing cut off, and nothing that axe finds against WCAG AA.
// With --shots, screenshots are put beside the pages.
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import puppeteer from "puppeteer-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const shots = process.argv.includes("--shots");
const dir = resolve(process.argv.at(-1));
const pages = readdirSync(dir).filter((name) => name.endsWith(".html"));
if (pages.length === 0) {
  throw new Error(`no page in ${dir}`);
}
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  headless: true,
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"],
});
const problems = [];
for (const name of pages) {
  for (const width of [390, 1280]) {
    for (const scheme of ["light", "dark"]) {
      const label = `${name.replace(/\.html$/, "")}-${width}-${scheme}`;
      const found = await look(pathToFileURL(join(dir, name)).href, width, scheme, join(dir, `${label}.png`));
      problems.push(...found.map((text) => `${label}: ${text}`));
      console.log(`${label}: ${found.length} problems`);
    }
  }
}
await browser.close();
if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}

async function look(url, width, scheme, shot) {
  const found = [];
  const page = await browser.newPage();
  page.on("console", (message) => found.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => found.push(`error: ${error}`));
  page.on("request", (request) => {
    if (request.url() !== url && !request.url().startsWith("data:")) {
      found.push(`request: ${request.url()}`);
    }
  });
  await page.setViewport({ width, height: 844, deviceScaleFactor: 1, isMobile: width < 500 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.goto(url, { waitUntil: "load" });
  if (shots) {
    await page.screenshot({ path: shot, fullPage: true });
  }
  // What is folded is looked at, too.
  await page.evaluate(() => document.querySelectorAll("details").forEach((d) => (d.open = true)));
  found.push(...(await page.evaluate(measure, width)));
  page.removeAllListeners("console"); // axe is ours, and no part of the page
  await page.evaluate(axe);
  const result = await page.evaluate(() =>
    axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }));
  for (const violation of result.violations) {
    for (const node of violation.nodes) {
      found.push(`${violation.id}: ${node.target}: ${node.failureSummary.replace(/\s+/g, " ")}`);
    }
  }
  await page.close();
  return found;
}

// measure runs in the page. It returns what is wider than the window, or cut off.
function measure(wide) {
  const found = [];
  if (document.documentElement.scrollWidth > wide) {
    found.push(`the page is ${document.documentElement.scrollWidth} wide, and the window ${wide}`);
  }
  const words = (e) => e.textContent.trim().slice(0, 40);
  for (const e of document.querySelectorAll("body *")) {
    if (e.closest(".hidden") || e.closest("svg")) {
      continue;
    }
    const box = e.getBoundingClientRect();
    if (!e.closest(".scroll") && box.width > 0 && (box.right > wide + 1 || box.left < -1)) {
      found.push(`<${e.localName}> "${words(e)}" reaches from ${box.left} to ${box.right}`);
    }
    const style = getComputedStyle(e);
    if (!e.matches(".scroll") && style.overflowX !== "visible" && e.scrollWidth > e.clientWidth + 1) {
      found.push(`<${e.localName}> "${words(e)}" is cut off`);
    }
  }
  for (const svg of document.querySelectorAll("main svg[role=img]")) {
    const frame = svg.getBoundingClientRect();
    const texts = [...svg.querySelectorAll("text")].map((e) => [e, e.getBoundingClientRect()]);
    for (const [e, box] of texts) {
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1) {
        found.push(`"${words(e)}" leaves its chart`);
      }
      for (const [other, b] of texts) {
        if (e !== other && box.left < b.right - 1 && b.left < box.right - 1 && box.top < b.bottom - 3 && b.top < box.bottom - 3) {
          found.push(`"${words(e)}" lies over "${words(other)}"`);
        }
      }
    }
  }
  return found;
}
