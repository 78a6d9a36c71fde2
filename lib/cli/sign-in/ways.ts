/** How a person is brought to sign in: in a browser here, on another device, or in a browser anywhere. */
import { isCode } from "../../base/code.js";
import {
  type CodeFlow,
  type DeviceFlow,
  finishDevice,
  listenForRedirect,
  type RedirectListener,
} from "../../oauth/index.js";
import type { Done } from "../broker/loop.js";
import { explainShort } from "../exit.js";
import { type Io, progress } from "../io.js";
import type { Log } from "../log.js";
import { openBrowser } from "../open-browser.js";
import { type Beginning, beginInBrowser, beginOnDevice } from "./begin.js";
import { decline, type Ending, endCode, endDevice, isDenied, isStray } from "./finish.js";
import { redirectOn } from "./options.js";
import type { Pasted } from "./pasted.js";

export interface Person {
  readonly beginning: Beginning;
  readonly ending: Ending;
  readonly log: Log;
  readonly io: Io;
  readonly pasted: Pasted;
}

/** With the principal: a URL or a code is for that person alone. */
const about = ({ beginning: { claim } }: Person) => ({
  id: claim.entry.id,
  session: claim.entry.sessionId,
  principal: claim.entry.principal,
});

/** Opens the browser, and takes it back on loopback. */
export async function inBrowser(person: Person): Promise<Done> {
  const { beginning, ending, log, io } = person;
  await using listener = await listen(person);
  const { redirectUri } = listener;
  const flow = begunFor(beginning.earlier, redirectUri) ?? (await beginInBrowser(beginning, redirectUri));
  await log({ did: "open", ...about(person), url: flow.url });
  if (!(await openBrowser(flow.url)))
    await log({
      did: "failed",
      level: "warn",
      ...about(person),
      why: "no browser could be opened: open the URL yourself",
    });
  using _ = progress(io.err, "waits for the browser to come back");
  for (;;) {
    const url = await listener.next({ signal: ending.signal });
    const done = await tried(person, flow, url);
    if (done !== undefined) return done;
  }
}

/** At the port of the flow that goes on, else the usual one, else any that is free. */
async function listen({ beginning: { options, earlier, signal } }: Person): Promise<RedirectListener> {
  const before = earlier?.type === "code-flow" ? new URL(earlier.redirectUri) : undefined;
  const ports = [before?.hostname === "127.0.0.1" ? Number(before.port) : 0, options.port].filter((port) => port > 0);
  for (const port of ports) {
    const listener = await listenForRedirect({ port, signal }).catch((error: unknown) => {
      if (!isCode(error, "EADDRINUSE") && !isCode(error, "EACCES")) throw error;
      return undefined;
    });
    if (listener !== undefined) return listener;
  }
  return await listenForRedirect({ signal });
}

/** A flow that another process began and that the browser may still be on. One by a pushed request (RFC 9126) ends within seconds. */
const begunFor = (earlier: Beginning["earlier"], redirectUri: string): CodeFlow | undefined =>
  earlier?.type === "code-flow" &&
  earlier.redirectUri === redirectUri &&
  !new URL(earlier.url).searchParams.has("request_uri")
    ? earlier
    : undefined;

/** Nothing when the address belongs to no sign-in, or to another one: that is said, and this one goes on. */
async function tried(person: Person, flow: CodeFlow, url: string): Promise<Done | undefined> {
  try {
    return await endCode(person.ending, flow, url);
  } catch (error) {
    if (!isStray(error)) throw error;
    await person.log({ did: "ignored", level: "warn", ...about(person), why: explainShort(error) });
    return undefined;
  }
}

/** Prints the URL. The address that the browser ended on comes back by hand: here, or to `latchkey finish`. */
export async function byPaste(person: Person): Promise<Done> {
  const { beginning, ending, log, pasted } = person;
  const redirectUri = beginning.options.redirectUri ?? redirectOn(beginning.options.port);
  const flow = begunFor(beginning.earlier, redirectUri) ?? (await beginInBrowser(beginning, redirectUri));
  await log({ did: "open", ...about(person), url: flow.url });
  for (;;) {
    const url = await pasted.next("Paste the address that the browser ended on", ending.signal);
    if (url === undefined)
      return { fate: "left", reason: "latchkey finish takes the address that the browser ends on" };
    if (url === "") continue;
    const done = await tried(person, flow, url);
    if (done !== undefined) return done;
  }
}

/** Shows a code. Goes on with one that another process has shown. */
export async function onDevice(person: Person): Promise<Done> {
  const { beginning, ending, log, io } = person;
  const { earlier } = beginning;
  const flow = isGood(earlier) ? earlier : await beginOnDevice(beginning);
  const { userCode, verificationUri, verificationUriComplete, expiresAt } = flow;
  await log({
    ...{ did: "code", ...about(person), userCode, url: verificationUri },
    ...{ link: verificationUriComplete, until: expiresAt },
  });
  using _ = progress(io.err, "waits for the code to be entered");
  try {
    return await endDevice(ending, await finishDevice(flow, { ...ending.net, signal: ending.signal }));
  } catch (error) {
    if (isDenied(error)) return await decline(ending);
    if (!ending.signal.aborted) await ending.claim.stash(undefined);
    throw error;
  }
}

/** The least time that is worth showing a code for. */
const enoughMs = 15_000;

const isGood = (earlier: Beginning["earlier"]): earlier is DeviceFlow =>
  earlier?.type === "device-flow" && Date.parse(earlier.expiresAt) - Date.now() > enoughMs;
