/** Debian's chromium, driven by playwright. Each test gets a browser profile of its own. */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import type { Suite } from "../suite.js";

const program = process.env.LATCHKEY_CHROMIUM ?? "chromium";
/** Whether there is a chromium to look at pages with. */
export const hasChromium = spawnSync(program, ["--version"]).status === 0;

/** The tests of a suite, all of them skipped where there is no chromium. */
export function browserTests(test: Suite): Suite {
  if (hasChromium) return test;
  const hook = Object.assign(() => undefined, { each: () => undefined });
  const skip = (name: string): void => test.skip(name, "there is no chromium");
  return Object.assign(skip, { only: skip, skip: test.skip, before: hook, after: hook });
}

const switches = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  ...["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"],
];

export interface Look {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  readonly scripts?: boolean;
}

export interface Browser extends AsyncDisposable {
  readonly context: BrowserContext;
  readonly page: Page;
}

export async function openBrowser({
  width = 1280,
  height = 900,
  dark = false,
  scripts = true,
}: Look = {}): Promise<Browser> {
  const profile = await mkdtemp(join(tmpdir(), "latchkey-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: where(),
    headless: true,
    args: switches,
    viewport: { width, height },
    colorScheme: dark ? "dark" : "light",
    javaScriptEnabled: scripts,
    locale: "en-GB",
  });
  context.setDefaultTimeout(15_000);
  const page = context.pages()[0] ?? (await context.newPage());
  return {
    ...{ context, page },
    async [Symbol.asyncDispose]() {
      await context.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** playwright wants a path. */
function where(): string {
  return program.includes("/") ? program : String(spawnSync("sh", ["-c", `command -v ${program}`]).stdout).trim();
}
