import { longestTimerMs } from "../../base/amounts.js";
import type { Filter } from "../../ledger/index.js";
import { kindNames } from "../../pending/internal.js";
import { duration } from "../duration.js";
import { exit, UsageError } from "../exit.js";
import { serveHealth } from "../health/server.js";
import type { Io } from "../io.js";
import { createLog } from "../log.js";
import { tellNeeds } from "../notify/loop.js";
import { type SinkFlags, sinkOf } from "../notify/sinks.js";
import { reachLedger } from "../reach.js";
import { oneOf } from "./command.js";
import { ticketMaker } from "./ticket.js";

interface Flags extends SinkFlags {
  ledger?: string | undefined;
  kind?: string[] | undefined;
  session?: string[] | undefined;
  principal?: string | undefined;
  link?: string | undefined;
  for?: string | undefined;
  after?: string | undefined;
  name?: string | undefined;
  timeout?: string | undefined;
  once?: boolean | undefined;
  by?: string | undefined;
  json?: boolean | undefined;
  health?: string | undefined;
}

export async function notify(flags: Flags, io: Io): Promise<number | undefined> {
  const sink = sinkOf(flags);
  const by = flags.by ?? `latchkey notify ${process.pid}`;
  if (flags.for !== undefined && flags.link === undefined) throw new UsageError("--for goes with --link", "notify");
  const ticket = flags.link === undefined ? undefined : ticketMaker(flags, by);
  const kind = oneOf(flags.kind, kindNames, "kind");
  const filter: Filter = {
    state: "open",
    ...(kind.length > 0 ? { kind } : {}),
    ...(flags.session ? { sessionId: flags.session } : {}),
    ...(flags.principal === undefined ? {} : { principal: flags.principal }),
  };
  const [timeoutMs, afterMs] = [span(flags.timeout ?? "30s", "timeout", 1), span(flags.after ?? "0s", "after", 0)];
  await using ledger = await reachLedger(flags.ledger, { make: true, signal: io.signal });
  const log = createLog(flags.json === true, io);
  await using _health = await serveHealth(flags.health, { ledger, log });
  const told = await tellNeeds(
    { ledger, filter, sink, ticket, by, name: flags.name ?? "notify", timeoutMs, afterMs },
    { once: flags.once === true, log, io },
  );
  if (!flags.once) return undefined;
  if (told.failed > 0) return exit.failed;
  return told.told > 0 ? undefined : exit.nothing;
}

function span(text: string, option: string, least: number): number {
  const ms = Math.round(duration(text, option));
  if (ms < least || ms > longestTimerMs)
    throw new UsageError(`--${option} must be from ${least} ms to 24 days`, "notify");
  return ms;
}
