/** What a client under test of the MCP conformance suite is told, and the broker of two processes that obtains its tokens. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brokerProcess } from "./broker-processes.js";

const metadataUrl = "https://conformance-test.local/client-metadata.json";

export interface SuiteClient extends AsyncDisposable {
  readonly serverUrl: string;
  readonly version: string;
  /** The ledger's file. */
  readonly ledger: string;
  /** Has one request of the ledger answered: one process begins, a browser consents, another process finishes. False when it was refused. */
  obtain(): Promise<boolean>;
}

export async function suiteClient(): Promise<SuiteClient> {
  const scenario = process.env.MCP_CONFORMANCE_SCENARIO ?? "";
  const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? "{}");
  const folder = await mkdtemp(join(tmpdir(), "latchkey-conformance-"));
  const place = { ledger: join(folder, "ledger.db"), keep: join(folder, "kept.json") };
  const given = { ...place, how: howIn(scenario), context: { ...context, jwt: context.valid_jwt }, metadataUrl };
  return {
    serverUrl: process.argv.at(-1) ?? "",
    version: process.env.MCP_CONFORMANCE_PROTOCOL_VERSION ?? "2026-07-28",
    ledger: place.ledger,
    async obtain() {
      const begun = await brokerProcess("begin", given);
      process.stderr.write(`begin: ${JSON.stringify(begun)}\n`);
      if (typeof begun.url !== "string") return begun.type === "done";
      const consent = await fetch(begun.url, { redirect: "manual" });
      const callback = consent.headers.get("location") ?? "";
      const finished = await brokerProcess("finish", { ...given, callback });
      process.stderr.write(`finish: ${JSON.stringify(finished)}\n`);
      return finished.type === "done";
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

function howIn(scenario: string): "client-credentials" | "enterprise" | "assertion" | "code" {
  if (scenario.includes("client-credentials")) return "client-credentials";
  if (scenario.includes("enterprise")) return "enterprise";
  return scenario.includes("wif") ? "assertion" : "code";
}
