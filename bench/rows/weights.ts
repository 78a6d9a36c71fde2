import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { openLedger } from "latchkey/ledger";
import { key, sqlitePlace } from "../../tests/support/ledger/place.js";
import { oauthRequest } from "../../tests/support/ledger/requests.js";
import { type Measured, measured } from "../numbers.js";
import { type Row, ratio } from "../table.js";
import { interleave, type Scale } from "./round.js";
import { budgets, sizeOf } from "./sizes.js";

const require = createRequire(import.meta.url);
const root = dirname(require.resolve("latchkey/package.json"));
const run = promisify(execFile);

const entries = ["latchkey/rpc", "latchkey/events", "latchkey/pending", "latchkey", "latchkey/ledger"];

/** In a process of its own: how long the import took, and the memory behind it. */
async function importOnce(name: string): Promise<{ ms: number; rss: number }> {
  const program = `
    const began = performance.now();
    await import(${JSON.stringify(name)});
    const ms = performance.now() - began;
    process.stdout.write(JSON.stringify({ ms, rss: process.memoryUsage.rss() }));`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", program], { cwd: root });
  return JSON.parse(stdout);
}

export async function importRows({ rounds }: Scale): Promise<Row[]> {
  const names = [...entries, "vscode-jsonrpc/node", "@github/copilot-sdk", "node:net"];
  const memory = new Map<string, number[]>();
  for (const name of names) await importOnce(name);
  const time = await interleave(names, rounds * 3, async (name) => {
    const { ms, rss } = await importOnce(name);
    memory.set(name, [...(memory.get(name) ?? []), rss / 1e6]);
    return ms;
  });
  const rss: Record<string, Measured> = Object.fromEntries(
    [...memory].map(([name, values]) => [name, measured(values)]),
  );
  const group = "Import, in a process of its own";
  return [
    {
      group,
      name: "time",
      unit: "ms",
      figures: time,
      targets: [
        {
          what: "latchkey/rpc / SDK",
          value: ratio({ figures: time }, "latchkey/rpc", "@github/copilot-sdk"),
          limit: 1,
          side: "at most",
        },
      ],
    },
    { group, name: "RSS after it", unit: "MB", figures: rss, targets: [] },
  ];
}

/** In a process of its own: from before the import to the answer of the fake runtime to a first request, in memory. */
async function fakeOnce(): Promise<number> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });
  const program = `
    const began = performance.now();
    const { fakeRuntime } = await import("latchkey/testing");
    const fake = await fakeRuntime();
    const { readable, writable } = fake.streams();
    const answered = new Promise((resolve) => readable.once("data", resolve));
    writable.write(${JSON.stringify(`Content-Length: ${body.length}\r\n\r\n${body}`)});
    await answered;
    process.stdout.write(String(performance.now() - began));
    await fake.close();`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", program], { cwd: root });
  return Number(stdout);
}

export async function fakeRows({ rounds }: Scale): Promise<Row[]> {
  await fakeOnce();
  const figures = await interleave(["latchkey/testing"], rounds * 3, fakeOnce);
  const value = figures["latchkey/testing"]?.value ?? Number.NaN;
  const targets = [{ what: "latchkey/testing", value, limit: 40, side: "at most" }] as const;
  const name = "from its import to a first request answered";
  return [{ group: "Fake runtime, in a process of its own", name, unit: "ms", figures, targets }];
}

export async function sizeRows(): Promise<Row[]> {
  const sizes = new Map<string, Awaited<ReturnType<typeof sizeOf>>>();
  for (const name of [...Object.keys(budgets), "vscode-jsonrpc/node", "@github/copilot-sdk"])
    sizes.set(name, await sizeOf(name));
  const pick = (what: "minified" | "gzipped"): Record<string, Measured> =>
    Object.fromEntries([...sizes].map(([name, size]) => [name, measured([size[what] / 1000])]));
  const group = "Size, with all dependencies";
  const gzipped = pick("gzipped");
  return [
    { group, name: "minified", unit: "KB", figures: pick("minified"), targets: [] },
    {
      group,
      name: "minified and gzipped",
      unit: "KB",
      figures: gzipped,
      targets: Object.entries(budgets).map(([name, bytes]) => ({
        what: name,
        value: gzipped[name]?.value ?? Number.NaN,
        limit: bytes / 1000,
        side: "at most",
      })),
    },
  ];
}

export async function coldStartRows({ rounds }: Scale): Promise<Row[]> {
  const { bin }: { bin?: Record<string, string> } = require("latchkey/package.json");
  const command = bin?.latchkey;
  if (command === undefined) return [];
  await using place = await sqlitePlace();
  const location = await place.location();
  {
    await using ledger = await openLedger(location, { key });
    for (let index = 0; index < 3; index++) await ledger.record(oauthRequest({ requestId: `r${index}` }));
  }
  const env = { ...process.env, LATCHKEY_LEDGER: location, LATCHKEY_KEY: key, XDG_CACHE_HOME: `${location}.cache` };
  const words = {
    "node --eval 0": ["--eval", "0"],
    "latchkey --help": [join(root, command), "--help"],
    "latchkey ls, three entries": [join(root, command), "ls"],
    "latchkey ls, its code not cached": [join(root, command), "ls"],
  };
  const names = [
    ...(["node --eval 0", "latchkey --help"] as const),
    ...(["latchkey ls, three entries", "latchkey ls, its code not cached"] as const),
  ];
  const once = async (name: (typeof names)[number]): Promise<number> => {
    const without = name.endsWith("not cached") ? { NODE_DISABLE_COMPILE_CACHE: "1" } : {};
    const began = performance.now();
    await run(process.execPath, words[name], { env: { ...env, ...without } });
    return performance.now() - began;
  };
  // The first run of a command leaves its code for all later ones.
  for (const name of names) await once(name);
  const figures = await interleave(names, rounds * 4, once);
  const value = ratio({ figures }, "latchkey ls, three entries", "node --eval 0");
  const targets = [{ what: "latchkey ls / node --eval 0", value, limit: 2, side: "at most" }] as const;
  return [{ group: "Cold start", name: "from nothing to the end", unit: "ms", figures, targets }];
}
