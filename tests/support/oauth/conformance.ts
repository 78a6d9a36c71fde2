/**
 * The public conformance suite of MCP against latchkey as a client: every scenario of `auth/*` that the specification 2026-07-28 requires, and
 * the extensions, in the bare way: recorded, claimed, the flow stashed, finished and answered by another process.
 * No failure and no warning. DPoP is what docs/oauth.md says that a broker cannot do.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import { suite } from "../suite.js";

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
const client = join(root, "build/tests/programs/oauth-conformance.js");

function install(): void {
  const tools = [join(root, "scripts/tools.mjs"), "conformance", "newest-node"];
  const { status, stderr } = spawnSync(process.execPath, tools, { encoding: "utf8" });
  assert.is(status, 0, stderr);
}

async function required(): Promise<string[]> {
  const text = await readFile(join(conformance, `requirements/${revision}.yaml`), "utf8");
  const client = text.slice(text.indexOf("\nclient:"), text.indexOf("\nnot_scored:"));
  return [...client.matchAll(/^ {2}- auth\/(\S+)$/gm)].map(([, name]) => name ?? "");
}

interface Outcome {
  readonly code: number | null;
  readonly text: string;
}

async function run(scenario: string): Promise<Outcome> {
  const cwd = await mkdtemp(join(tmpdir(), "latchkey-conformance-"));
  try {
    const command = `"${process.execPath}" "${client}"`;
    const version = extensions.includes(scenario) ? [] : ["--spec-version", revision];
    const args = ["client", "--command", command, "--scenario", `auth/${scenario}`, "--timeout", "90000", ...version];
    const child = spawn(newest, [join(conformance, "dist/index.js"), ...args], {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const chunks: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    return { code, text: Buffer.concat(chunks).toString() };
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}

/**
 * Registers one test for each scenario of a part: the suite takes long, and files run beside each other. `parts` is how many there are.
 */
export async function runConformance(part: number, parts: number): Promise<void> {
  const test = suite(`MCP conformance, part ${part + 1} of ${parts}`, { timeoutMs: 120_000 });
  install();
  const all = [...(await required()), ...extensions];
  test("every scenario that the specification requires is run by some part", () => {
    assert.is(all.length, 25 + extensions.length);
  });
  for (const name of all.filter((_, at) => at % parts === part))
    test(`auth/${name}: no failure, no warning`, async () => {
      const { code, text } = await run(name);
      assert.is(code, 0, text);
      assert.match(text, /Passed: (\d+)\/\1, 0 failed, 0 warnings/, text);
    });
}
