/** The docs site as it is built: no link leads nowhere, the search finds, and it fits a phone. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import * as assert from "uvu/assert";
import { packageRoot } from "../support/commands.js";
import { hasChromium, openBrowser } from "../support/inbox/browser.js";
import { suite } from "../support/suite.js";

const test = suite("the docs site", { timeoutMs: 600_000 });
const site = join(packageRoot, "build/site");
const pages = new Map<string, string>();

test.before(async () => {
  if (process.env.SITE_BUILT !== "1") {
    const built = spawnSync(process.execPath, ["scripts/site.mjs"], { cwd: packageRoot, encoding: "utf8" });
    assert.is(built.status, 0, `${built.stdout}${built.stderr}`);
  }
  for (const path of await readdir(site, { recursive: true }))
    if (path.endsWith(".html")) pages.set(`/${path}`, await readFile(join(site, path), "utf8"));
});

const idsOf = (html: string): Set<string> => new Set([...html.matchAll(/ id="([^"]+)"/g)].map(([, id = ""]) => id));

/** Each link inside the site that leads to no page, or to no place on its page. */
async function deadLinks(): Promise<string[]> {
  const files = new Set((await readdir(site, { recursive: true })).map((path) => `/${path}`));
  const dead: string[] = [];
  for (const [path, html] of pages)
    for (const [, href = ""] of html.matchAll(/<a [^>]*href="([^"]+)"/g)) {
      if (/^(https?:|mailto:)/.test(href)) continue;
      const { pathname, hash } = new URL(href.replaceAll("&amp;", "&"), `http://site${path}`);
      const target = decodeURIComponent(pathname.endsWith("/") ? `${pathname}index.html` : pathname);
      const there =
        files.has(target) &&
        (hash === "" || hash === "#" || idsOf(pages.get(target) ?? "").has(decodeURIComponent(hash.slice(1))));
      if (!there) dead.push(`${path} → ${href}`);
    }
  return [...new Set(dead)];
}

test("has a page for every page of the docs, and no link that leads nowhere", async () => {
  for (const name of await readdir(join(packageRoot, "docs")))
    if (name.endsWith(".md")) assert.ok(pages.has(`/docs/${name.replace(/md$/, "html")}`), name);
  assert.ok(pages.size > 100);
  assert.equal(await deadLinks(), []);
  pages.set("/docs/planted.html", '<a href="./rpc.html#nowhere">x</a><a href="/gone.html">y</a>');
  assert.equal(await deadLinks(), ["/docs/planted.html → ./rpc.html#nowhere", "/docs/planted.html → /gone.html"]);
});

const types: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

async function serve(): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://site");
    const path = join(site, pathname.endsWith("/") ? `${pathname}index.html` : pathname);
    readFile(path).then(
      (body) => {
        response.writeHead(200, { "content-type": types[extname(path)] ?? "application/octet-stream" });
        response.end(body);
      },
      () => response.writeHead(404).end(),
    );
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function fits(): Promise<void> {
  await using server = await serve();
  await using browser = await openBrowser({ width: 360, height: 740 });
  const [{ url }, { page }] = [server, browser];
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  for (const path of [
    "/",
    "/docs/ledger.html",
    "/docs/operating.html",
    "/docs/wire.html",
    "/docs/kinds.html",
    "/docs/failure.html",
    "/api/ledger/interfaces/Ledger.html",
  ]) {
    const response = await page.goto(url + path, { waitUntil: "load" });
    assert.is(response?.status(), 200, path);
    const width = await page.evaluate("document.documentElement.scrollWidth");
    assert.is(width, 360, `${path} is ${width} wide`);
    if (process.env.SITE_PICTURES)
      await page.screenshot({ path: join(process.env.SITE_PICTURES, `${path.replaceAll("/", "_")}.png`) });
  }
  assert.equal(
    asked.filter((each) => !each.startsWith(url) && !each.startsWith("data:")),
    [],
    "asks other servers",
  );
}

async function finds(): Promise<void> {
  await using server = await serve();
  await using browser = await openBrowser();
  const [{ url }, { page }] = [server, browser];
  await page.goto(`${url}/`, { waitUntil: "load" });
  await page.keyboard.press("Control+k");
  await page.fill("#localsearch-input", "pgbouncer");
  await page.waitForSelector(".VPLocalSearchBox .result");
  const links = await page.locator(".VPLocalSearchBox .result").evaluateAll((all) => all.map((each) => String(each)));
  assert.ok(
    links.some((href) => /operating\.html|ledger\.html/.test(href)),
    links.join("\n"),
  );
}

for (const [name, body] of [
  ["fits a phone of 360 pixels, and asks no other server for anything", fits],
  ["finds a word by its search", finds],
] as const)
  if (hasChromium) test(name, body);
  else test.skip(name, "there is no chromium", body);
