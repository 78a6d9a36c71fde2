import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { registerInterest } from "latchkey/events";
import { deliverAnswers, recordPending } from "latchkey/keeper";
import { openLedger } from "latchkey/ledger";
import { handlePendingRequest, pendingRequest, wholeData } from "latchkey/pending";
import { connect, type Rpc, startRuntime } from "latchkey/rpc";
import { key } from "../../tests/support/ledger/place.js";
import { startPostgres } from "../../tests/support/ledger/postgres-server.js";
import {
  approvePermissions,
  bundled,
  obtainToken,
  runTurn,
  serverStatus,
  sessionParams,
  startAuthorization,
  startMcpServer,
  startModel,
  tokenAnswer,
} from "../../tests/support/world.js";
import { type Measured, measured } from "../numbers.js";
import { built } from "../processes.js";
import type { Row } from "../table.js";
import type { Scale } from "./round.js";

const now = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Someone who answers the requests of the connection, and says when each was on disk and when its answer was given. */
interface Answering extends AsyncDisposable {
  readonly recorded: number[];
  readonly answered: number[];
}

/** No ledger: the host answers by itself, at once. */
async function directly(rpc: Rpc): Promise<Answering> {
  const answered: number[] = [];
  const recorded: number[] = [];
  const off = rpc.events.on("mcp.oauth_required", async ({ sessionId, event }) => {
    recorded.push(now());
    const request = pendingRequest(event, { sessionId });
    const answer = tokenAnswer(await obtainToken(wholeData(request)));
    answered.push(now());
    await handlePendingRequest(rpc, request, answer);
  });
  return { recorded, answered, [Symbol.asyncDispose]: async () => off() };
}

async function through(rpc: Rpc, location: string): Promise<Answering> {
  const ledger = await openLedger(location, { key });
  const broker = fork(built("broker"), [location, key]);
  await once(broker, "message");
  const answered: number[] = [];
  const recorded: number[] = [];
  broker.on("message", ({ at }: { at: number }) => answered.push(at));
  const recorder = recordPending(rpc, ledger, { kinds: ["mcp.oauth_required"], principal: "ada" });
  const deliverer = deliverAnswers(rpc, ledger);
  recorder.events.on("recorded", () => recorded.push(now()));
  return {
    recorded,
    answered,
    async [Symbol.asyncDispose]() {
      await Promise.all([recorder.close(), deliverer.close()]);
      await ledger.close();
      await end(broker);
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

interface Times {
  /** From the first 401 to the request being on disk, or in the handler when there is no disk. */
  readonly written: number;
  /** From the answer to the runtime's next request with its token, in the middle of a tool call. */
  readonly goesOn: number;
}

/** One session from its birth to a tool call whose token had become bad. */
async function once401(rpc: Rpc, answering: Answering): Promise<Times> {
  const authorization = await startAuthorization();
  const refused: number[] = [];
  const admitted: number[] = [];
  const mcp = await startMcpServer({
    authorization: {
      ...authorization,
      introspect(token) {
        const grant = authorization.introspect(token);
        (grant ? admitted : refused).push(now());
        return grant;
      },
    },
  });
  const model = await startModel({ text: "here" }, { tool: "whoami" }, { text: "done" });
  const params = sessionParams({ modelUrl: model.baseUrl, mcpUrl: mcp.endpoint });
  const { sessionId } = await rpc.request("session.create", params);
  const session = rpc.session(sessionId);
  const stop = approvePermissions(session);
  const before = { recorded: answering.recorded.length, answered: answering.answered.length };
  await registerInterest(session, "mcp.oauth_required");
  await serverStatus(session, "connected");
  await runTurn(session, "Are you there?");
  authorization.revokeAll();
  const revoked = now();
  await runTurn(session, "Who am I?");
  const answer = answering.answered[before.answered + 1] ?? Number.NaN;
  const times = {
    written: (answering.recorded[before.recorded + 1] ?? Number.NaN) - firstSince(revoked, refused),
    goesOn: firstSince(Math.max(answer, revoked), admitted) - answer,
  };
  stop();
  await session.request("destroy");
  await Promise.all([model.close(), mcp.close(), authorization.close()]);
  return times;
}

const firstSince = (when: number, times: readonly number[]): number => times.find((at) => at >= when) ?? Number.NaN;

/** The whole circle on the real runtime: host and keeper here, the broker in another process, the ledger between them. */
export async function circleRows({ rounds, size }: Scale): Promise<Row[]> {
  const dir = await mkdtemp(join(tmpdir(), "latchkey-bench-"));
  try {
    await using runtime = await startRuntime({ path: bundled.path, home: dir, cwd: dir });
    await using postgres = await startPostgres({ fsync: true });
    const locations = {
      "no ledger, no second process": undefined,
      SQLite: join(dir, "ledger.db"),
      PostgreSQL: await postgres.location(),
    };
    const found: Record<string, Times[]> = {};
    const ends: AsyncDisposable[] = [];
    try {
      const testRuntimes: { name: string; rpc: Rpc; answering: Answering }[] = [];
      for (const [name, location] of Object.entries(locations)) {
        const rpc = await connect(runtime.endpoint, { token: runtime.token });
        const answering = location === undefined ? await directly(rpc) : await through(rpc, location);
        ends.unshift(rpc, answering);
        testRuntimes.push({ name, rpc, answering });
      }
      for (let round = 0; round < Math.max(4, Math.round(rounds * 3 * size)); round++)
        for (const { name, rpc, answering } of testRuntimes) {
          const times = await once401(rpc, answering);
          // The first round warms up.
          if (round > 0) found[name] = [...(found[name] ?? []), times];
        }
    } finally {
      for (const one of ends) await one[Symbol.asyncDispose]();
    }
    return rowsOf(found);
  } finally {
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

function rowsOf(found: Readonly<Record<string, readonly Times[]>>): Row[] {
  const group = "The whole circle, runtime 1.0.85";
  const pick = (what: keyof Times): Record<string, Measured> =>
    Object.fromEntries(Object.entries(found).map(([name, times]) => [name, measured(times.map((one) => one[what]))]));
  const goesOn = pick("goesOn");
  const beyond = (name: string): number =>
    (goesOn[name]?.value ?? Number.NaN) - (goesOn["no ledger, no second process"]?.value ?? Number.NaN);
  return [
    { group, name: "from the 401 to the request on disk", unit: "ms", figures: pick("written"), targets: [] },
    {
      group,
      name: "from the answer to the tool call going on",
      unit: "ms",
      figures: goesOn,
      targets: [
        { what: "SQLite beyond the runtime, ms", value: beyond("SQLite"), limit: 10, side: "at most" },
        { what: "PostgreSQL beyond the runtime, ms", value: beyond("PostgreSQL"), limit: 25, side: "at most" },
      ],
    },
  ];
}
