import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { TestRuntime } from "../world.js";

/** What a runtime's own schemas say about questions and answers. */
export interface SchemaFacts {
  /** Methods that answer something which waits. */
  readonly respond: readonly string[];
  /** Names of methods and events that look like a question, a list of questions, or an answer: also every event that always carries a request id. */
  readonly alike: readonly string[];
}

/** The runtime of the SDK has its schemas beside it; that of the command line program unpacks them into its home. */
export async function schemasOf(testRuntime: TestRuntime): Promise<SchemaFacts> {
  const platform = join(dirname(testRuntime.under.path), "../..", "schemas");
  const folder = (await find(testRuntime.home, testRuntime.runtime.version)) ?? platform;
  const read = async (name: string): Promise<unknown> => JSON.parse(await readFile(join(folder, name), "utf8"));
  const [api, events] = await Promise.all([read("api.schema.json"), read("session-events.schema.json")]);
  const methods = [...nodes(api)].flatMap((node) => (typeof node.rpcMethod === "string" ? [node.rpcMethod] : []));
  return {
    respond: [...new Set(methods)].filter((method) => /\.(handlePending\w*|respondTo\w+)$/.test(method)).sort(),
    alike: [
      ...new Set([
        ...methods.filter((name) => /pending|requests$|handleHuman|\.respond/i.test(name)),
        ...eventTypes(events),
      ]),
    ].sort(),
  };
}

async function find(home: string, version: string): Promise<string | undefined> {
  const packages = join(home, ".cache/copilot/pkg");
  const platforms = await readdir(packages).catch(() => []);
  return platforms[0] === undefined ? undefined : join(packages, platforms[0], version, "schemas");
}

type Node = Record<string, unknown>;

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null;

function* nodes(value: unknown): Generator<Node> {
  if (!isNode(value)) return;
  yield value;
  for (const child of Object.values(value)) yield* nodes(child);
}

function* eventTypes(schema: unknown): Generator<string> {
  const definitions = isNode(schema) && isNode(schema.definitions) ? schema.definitions : {};
  for (const node of Object.values(definitions)) {
    if (!isNode(node) || !isNode(node.properties)) continue;
    const { type, data } = node.properties;
    if (!isNode(type) || typeof type.const !== "string" || !isNode(data)) continue;
    const named = typeof data.$ref === "string" ? definitions[data.$ref.split("/").at(-1) ?? ""] : data;
    const asks = isNode(named) && Array.isArray(named.required) && named.required.includes("requestId");
    if (asks || /request|required|pending/i.test(type.const)) yield type.const;
  }
}
