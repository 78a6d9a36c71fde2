/** Host and broker of examples/python, with `latchkey` as a command beside them. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { SessionCreateParams } from "../../lib/protocol/index.js";
import { latchkeyPath, type Place, packageRoot } from "./commands.js";
import { openTerminal, type Terminal } from "./lines.js";

export interface Team extends AsyncDisposable {
  readonly keeper: Terminal;
  readonly broker: Terminal;
  readonly host: Terminal;
  /** The session that the host made. */
  readonly sessionId: string;
}

export interface TeamOptions {
  readonly runtime: { readonly endpoint: string; readonly token: string };
  readonly params: SessionCreateParams;
  readonly prompt: string;
  readonly issuer: string;
  readonly client: { readonly id: string; readonly secret: string };
}

/** A keeper, the broker and the host, each a process of its own. */
export async function startTeam(place: Place, { runtime, params, prompt, issuer, client }: TeamOptions): Promise<Team> {
  const session = join(place.dir, "session.json");
  await writeFile(session, JSON.stringify(params));
  const start = (args: readonly string[], env: NodeJS.ProcessEnv, program?: string): Terminal => {
    const [path = "", ...rest] = args;
    const given = program === undefined ? {} : { program };
    return openTerminal(path, { ...given, args: rest, cwd: place.dir, env: { ...place.env, ...env } });
  };
  const keeper = start([latchkeyPath, "keep", "--json", "--endpoint", runtime.endpoint], {
    COPILOT_CONNECTION_TOKEN: runtime.token,
  });
  await keeper.line(/"connected"/);
  const broker = start(
    [join(packageRoot, "examples/python/broker.py"), "--json"],
    { ISSUER: issuer, CLIENT_ID: client.id, CLIENT_SECRET: client.secret },
    "python3",
  );
  const host = start(
    [join(packageRoot, "examples/python/host.py"), session, prompt],
    { ENDPOINT: runtime.endpoint, TOKEN: runtime.token },
    "python3",
  );
  const held: { session: string } = JSON.parse(await keeper.line(/"held"/));
  return {
    ...{ keeper, broker, host, sessionId: held.session },
    async [Symbol.asyncDispose]() {
      for (const each of [host, broker, keeper]) await each[Symbol.asyncDispose]();
    },
  };
}
