/**
 * The public conformance suite of MCP against latchkey: every scenario of `auth/*` that the specification 2026-07-28 requires, and the extensions,
 * in two ways. Bare: recorded, claimed, the flow stashed, finished and answered by another process. Whole: the real runtime is the MCP
 * client, latchkey is its host. No failure and no warning, except what the list of expected failures names with its reason; the suite fails
 * where an entry of the list is stale.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { suite } from "../suite.js";
import { allRuntimes } from "../world.js";

const revision = "2026-07-28";
const extensions = [
  "client-credentials-jwt",
  "client-credentials-basic",
  "enterprise-managed-authorization",
  "wif-jwt-bearer",
];

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));
const conformance = join(root, "scripts/conformance/node_modules/@modelcontextprotocol/conformance");
/** The suite wants Node 22 or newer; the client runs on the Node of this process. */
const newest = join(root, `scripts/newest-node/node_modules/node-${process.platform}-${process.arch}/bin/node`);
const expectedFailures = join(root, "tests/support/oauth/expected-failures.yaml");

/** Who is under test. */
interface Way {
  readonly name: string;
  readonly program: string;
  readonly env?: Record<string, string>;
  /** Scenarios beyond those that everybody runs. */
  readonly more: readonly string[];
}

const bare: Way = { name: "bare", program: "oauth-conformance", more: [] };
const whole: readonly Way[] = allRuntimes.map(({ name }) => ({
  ...{ name: `whole, on ${name}`, program: "oauth-conformance-runtime", env: { LATCHKEY_RUNTIME: name } },
  more: ["dpop", "dpop-nonce"],
}));

function install(): void {
  const tools = [join(root, "scripts/tools.mjs"), "conformance", "newest-node"];
  const { status, stderr } = spawnSync(process.execPath, tools, { encoding: "utf8" });
  assert.is(status, 0, stderr);
}

install();
const required: ReadonlySet<string> = new Set(await scenarios());

async function scenarios(): Promise<string[]> {
  const text = await readFile(join(conformance, `requirements/${revision}.yaml`), "utf8");
  const client = text.slice(text.indexOf("\nclient:"), text.indexOf("\nnot_scored:"));
  return [...client.matchAll(/^ {2}- auth\/(\S+)$/gm)].map(([, name]) => name ?? "");
}

interface Outcome {
  readonly code: number | null;
  readonly text: string;
}

async function run(scenario: string, { program, env }: Way): Promise<Outcome> {
  const cwd = await mkdtemp(join(tmpdir(), "latchkey-conformance-"));
  try {
    const command = `"${process.execPath}" "${join(root, "build/tests/programs", `${program}.js`)}"`;
    const version = required.has(scenario) ? ["--spec-version", revision] : [];
    const args = ["--command", command, "--scenario", `auth/${scenario}`, "--timeout", "90000", ...version];
    const child = spawn(
      newest,
      [join(conformance, "dist/index.js"), "client", ...args, "--expected-failures", expectedFailures],
      { cwd, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } },
    );
    const chunks: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    return { code, text: Buffer.concat(chunks).toString() };
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}

/** Registers the tests of a part in the bare way: the suite takes long, and files run beside each other. `parts` is how many there are. */
export const runConformance = (part: number, parts: number): void => register([bare], part, parts);

/** The same in the whole way, on every runtime. */
export const runWhole = (part: number, parts: number): void => register(whole, part, parts);

function register(ways: readonly Way[], part: number, parts: number): void {
  for (const way of ways) {
    const test = suite(`MCP conformance, ${way.name}, part ${part + 1} of ${parts}`, { timeoutMs: 120_000 });
    test("every scenario that the specification requires is run by some part", () => {
      assert.is(required.size, 25);
    });
    const all = [...required, ...extensions, ...way.more];
    for (const name of all.filter((_, at) => at % parts === part))
      test(`auth/${name}: no failure, no warning, unless it is listed`, async () => {
        const { code, text } = await run(name, way);
        assert.is(code, 0, text);
        const listed = way.more.includes(name);
        assert.match(text, listed ? /expected failure/i : /Passed: (\d+)\/\1, 0 failed, 0 warnings/, text);
      });
  }
}
