// Opens each file that is named in headless Chromium, offline: in light and dark, on a desktop and on a phone. Prints what
// a reader would meet as JSON. With SHOTS=folder it also takes a picture of each. It fails where a text takes no room.
//
// The browser comes with its npm package, and with the libraries and fonts that it needs. Elsewhere than on Linux on x86-64
// the Chrome that is installed is taken, or what QUAESTOR_CHROMIUM names.
import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const SCREENS = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
const SCHEMES = ["light", "dark"];
const PICTURE_PX_MAX = 4000;

async function launch() {
  if (process.env.QUAESTOR_CHROMIUM) {
    return chromium.launch({ executablePath: process.env.QUAESTOR_CHROMIUM, args: ["--no-sandbox"] });
  }
  if (process.platform !== "linux" || process.arch !== "x64") {
    return chromium.launch({ channel: "chrome" });
  }
  // Makes the package unpack its own libraries, as where it was made for, and all of it beside itself.
  process.env.AWS_EXECUTION_ENV = "AWS_Lambda_nodejs20.x";
  process.env.TMPDIR = join(import.meta.dirname, "node_modules", ".unpacked");
  await mkdir(process.env.TMPDIR, { recursive: true });
  const { default: packed } = await import("@sparticuz/chromium");
  const executablePath = await packed.executablePath();
  process.env.FONTCONFIG_FILE = await fonts(process.env.TMPDIR);
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--no-zygote"] });
}

/** The package's own list of fonts names the folders of where it was made for; this one names where they are. */
async function fonts(unpacked) {
  const escaped = unpacked.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const list = join(unpacked, "fonts.conf");
  await writeFile(list, `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${escaped}/fonts</dir><cachedir>${escaped}/fonts-cache</cachedir></fontconfig>
`);
  return list;
}

/** What is measured inside of the page. */
function measure() {
  const luminance = (colour) => {
    const [r, g, b] = colour.match(/[\d.]+/g).map(Number).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const body = getComputedStyle(document.body);
  const [ink, back] = [luminance(body.color), luminance(body.backgroundColor)];
  const shown = [...document.querySelectorAll("svg")].filter((svg) => svg.getBoundingClientRect().width > 0);
  const outside = (box) => box.left < -1 || box.right > innerWidth + 1;
  const letters = shown.flatMap((svg) => {
    const scale = svg.getBoundingClientRect().width / (svg.viewBox.baseVal.width || svg.getBoundingClientRect().width);
    return [...svg.querySelectorAll("text")].map((text) => parseFloat(getComputedStyle(text).fontSize) * scale);
  });
  // Without fonts letters take no room, and nothing could be cut off. A cell has a size without them: the text is measured.
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const unwritten = [];
  let written = 0;
  while (texts.nextNode()) {
    const { data, parentElement } = texts.currentNode;
    if (data.trim() === "" || !parentElement.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(texts.currentNode);
    const { width, height } = range.getBoundingClientRect();
    if (width > 0 && height > 0) written += 1;
    else unwritten.push(`${parentElement.localName} "${data.trim().slice(0, 40)}" (${width} x ${height} px)`);
  }
  return {
    written,
    unwritten,
    title: document.title,
    headings: [...document.querySelectorAll("h1,h2")].map((heading) => heading.textContent.trim()),
    contrast: (Math.max(ink, back) + 0.05) / (Math.min(ink, back) + 0.05),
    is_dark: back < 0.2,
    sideways: document.documentElement.scrollWidth - innerWidth,
    charts: shown.length,
    charts_outside: shown.filter((svg) => outside(svg.getBoundingClientRect())).length,
    unnamed_charts: shown.filter((svg) => !svg.getAttribute("aria-label")).length,
    least_letter_px: letters.length ? Math.min(...letters) : null,
    odd_words: (document.body.innerText.match(/\b(NaN|undefined|null|Infinity|inf)\b/g) ?? []).length,
  };
}

/** Fails where text takes no room: whatever else is measured there would be measured on empty boxes. */
function assertWritten({ written, unwritten }, where) {
  if (written > 0 && unwritten.length === 0) return;
  const what = unwritten.length ? `${unwritten.length} texts take no room, the first is ${unwritten[0]}` : "there is no text";
  throw new Error(
    `${where}: ${what}. If the browser finds no fonts: remove ${join(import.meta.dirname, "node_modules", ".unpacked")} and run ` +
      "this again, which unpacks them anew; for a browser that is installed, or that QUAESTOR_CHROMIUM names, install a font.",
  );
}

const browser = await launch();
const seen = [];
try {
  for (const file of process.argv.slice(2)) {
    const url = pathToFileURL(file).href;
    for (const colorScheme of SCHEMES) {
      for (const [screen, viewport] of Object.entries(SCREENS)) {
        const context = await browser.newContext({ viewport, colorScheme, offline: true });
        const page = await context.newPage();
        const [errors, asked] = [[], []];
        page.on("console", (line) => line.type() === "error" && errors.push(line.text()));
        page.on("pageerror", (error) => errors.push(String(error)));
        page.on("request", (request) => request.url() !== url && asked.push(request.url().slice(0, 200)));
        await page.goto(url);
        const { written, unwritten, ...measured } = await page.evaluate(measure);
        // Before the picture, which may fail for want of fonts and would not say so.
        assertWritten({ written, unwritten }, `${basename(file)} ${screen} ${colorScheme}`);
        if (process.env.SHOTS) {
          const name = `${basename(file, ".html")}-${screen}-${colorScheme}.png`;
          const height = await page.evaluate(() => document.documentElement.scrollHeight);
          // Of a page that is taller than a picture can be, the beginning.
          await page.setViewportSize({ width: viewport.width, height: Math.min(height, PICTURE_PX_MAX) });
          await page.screenshot({ path: join(process.env.SHOTS, name) });
        }
        seen.push({ file: basename(file), screen, scheme: colorScheme, errors, asked, ...measured });
        await context.close();
      }
    }
  }
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));
