import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as assert from "uvu/assert";
import * as v from "valibot";
import { type Program, startScript } from "../world/processes.js";

const folder = join(dirname(createRequire(import.meta.url).resolve("latchkey/package.json")), "scripts");
const counts = v.object({
  /** Sign-ins of a person. */
  signIns: v.number(),
  refreshes: v.number(),
  /** Sign-ins that ended because a refresh token came twice. */
  families: v.number(),
  revoked: v.number(),
});

/** What protects the server: scripts/mcp-servers/server.mjs says which is which. */
export const routers = ["sdk", "legacy"] as const;

/** A server from npm in a process of its own. */
export interface ServerProgram extends AsyncDisposable {
  readonly url: string;
  counts(): Promise<v.InferOutput<typeof counts>>;
  /** All access tokens are over; refresh tokens are not. */
  expire(): Promise<void>;
}

export async function startServerProgram(router: (typeof routers)[number]): Promise<ServerProgram> {
  const { status, stderr } = spawnSync(process.execPath, [join(folder, "tools.mjs"), "mcp-servers"], {
    encoding: "utf8",
  });
  assert.is(status, 0, stderr);
  const program: Program = startScript(join(folder, "mcp-servers/server.mjs"), { args: [router] });
  const { url } = v.parse(v.object({ url: v.string() }), await program.next("ready"));
  const ask = async (type: "count" | "expire") => {
    program.tell({ type });
    return v.parse(counts, await program.next("counts"));
  };
  return {
    url,
    counts: () => ask("count"),
    expire: async () => void (await ask("expire")),
    [Symbol.asyncDispose]: () => program.close(),
  };
}
