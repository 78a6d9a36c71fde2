import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { protocolWindow, schemaVersion } from "latchkey";
import * as assert from "uvu/assert";
import { suite } from "../support/suite.js";
import { bundled } from "../support/world.js";

const test = suite("The protocol's types against the runtime's schemas");

const root = dirname(createRequire(import.meta.url).resolve("latchkey/package.json"));
const inTree = (path: string) => readFile(join(root, path), "utf8");
const schema = async (name: string): Promise<unknown> =>
  JSON.parse(await readFile(join(dirname(bundled.path), "../..", "schemas", name), "utf8"));

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/** The methods that the schemas name in these sections, however deep. */
function methodsOf(api: unknown, sections: readonly string[]): string[] {
  const found: string[] = [];
  const look = (node: unknown): void => {
    if (!isObject(node)) return;
    if (typeof node.rpcMethod === "string") found.push(node.rpcMethod);
    for (const child of Object.values(node)) look(child);
  };
  if (isObject(api)) for (const section of sections) look(api[section]);
  return found;
}

/** The names of an interface's own properties, read from its text: comments are skipped, braces are counted. */
function propertiesOf(source: string, name: string): string[] {
  const start = source.indexOf(`export interface ${name} {`);
  assert.ok(start >= 0, `there is an interface ${name}`);
  const bare = source.slice(start).replace(/\/\*[\s\S]*?\*\//g, "");
  const names: string[] = [];
  let depth = 0;
  for (const [token, quoted, word] of bare.matchAll(/[{([]|[})\]]|(?:"([^"\n]*)"|(\w+))(?=\??:)|"[^"\n]*"/g)) {
    if (/^[{([]$/.test(token)) depth += 1;
    else if (/^[})\]]$/.test(token)) {
      depth -= 1;
      if (depth === 0) return names;
    } else if (depth === 1) {
      const property = quoted ?? word;
      if (property !== undefined) names.push(property);
    }
  }
  throw new Error(`the interface ${name} has no end`);
}

const difference = (a: readonly string[], b: readonly string[]) => a.filter((name) => !b.includes(name));

test("every method of the schemas is typed, and no other: 359 to the runtime, 28 from it", async () => {
  const api = await schema("api.schema.json");
  const generated = await inTree("lib/protocol/generated.ts");
  for (const [table, sections, count] of [
    ["GeneratedMethods", ["server", "session"], 359],
    ["GeneratedClientMethods", ["clientSession", "clientGlobal"], 28],
  ] as const) {
    const named = methodsOf(api, sections);
    const typed = propertiesOf(generated, table);
    assert.is(new Set(named).size, count);
    assert.equal(difference(named, typed), []);
    assert.equal(difference(typed, named), []);
    assert.is(typed.length, count);
  }
});

test("what is written by hand is what the schemas lack, and the handshake, whose token they leave out", async () => {
  const calls = await inTree("lib/protocol/session-calls.ts");
  const api = await schema("api.schema.json");
  const toRuntime = methodsOf(api, ["server", "session"]);
  const fromRuntime = methodsOf(api, ["clientSession", "clientGlobal"]);
  const byHand = propertiesOf(calls, "SessionCalls");
  assert.equal(
    byHand.filter((name) => toRuntime.includes(name)),
    ["connect"],
  );
  assert.equal(
    propertiesOf(calls, "UserCalls").filter((name) => fromRuntime.includes(name)),
    [],
  );
  for (const name of ["session.create", "session.resume", "session.destroy"]) assert.ok(byHand.includes(name), name);
});

test("every event type of the schemas is typed", async () => {
  const events = await schema("session-events.schema.json");
  const definitions = isObject(events) && isObject(events.definitions) ? events.definitions : {};
  const union = definitions.SessionEvent;
  const members = isObject(union) && Array.isArray(union.anyOf) ? union.anyOf : [];
  const generated = await inTree("lib/protocol/generated.ts");
  assert.is(members.length, 149);
  for (const member of members) {
    const definition = definitions[String(member.$ref).split("/").at(-1) ?? ""];
    const type = isObject(definition) && isObject(definition.properties) ? definition.properties.type : undefined;
    assert.ok(isObject(type) && typeof type.const === "string");
    assert.match(generated, new RegExp(`^type: "${type.const.replaceAll(".", "\\.")}"$`, "m"));
  }
});

test("the types are what the generator makes of the installed schemas, and name their version", async () => {
  const folder = await mkdtemp(join(tmpdir(), "latchkey-generated-"));
  try {
    const path = join(folder, "generated.ts");
    await promisify(execFile)(process.execPath, [join(root, "scripts/generate-protocol.mjs"), path], { cwd: root });
    assert.ok((await readFile(path, "utf8")) === (await inTree("lib/protocol/generated.ts")), "run the build again");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  assert.is(schemaVersion, bundled.name);
  assert.equal(protocolWindow, { min: 3, max: 3 });
});
