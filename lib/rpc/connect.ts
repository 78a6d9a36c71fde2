import { connect as dial, type Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import * as v from "valibot";
import { countOf, waitOf } from "../base/amounts.js";
import { check } from "../base/check.js";
import { ConnectionError, RpcError } from "../base/errors.js";
import { until } from "../base/until.js";
import { visible } from "../base/visible.js";
import { type ClientInfo, protocolWindow, testedVersions } from "../protocol/index.js";
import { createConnection, type Duplex } from "./connection.js";
import type { Rpc } from "./rpc.js";

/** `"tcp://host:port"`, host and port, or any pair of streams, such as a child's stdio. */
export type Target = string | { host?: string; port: number } | { readable: Readable; writable: Writable };

/** Options of `connect`. */
export interface ConnectOptions {
  /** The runtime's connection token (`COPILOT_CONNECTION_TOKEN` of its environment). */
  token?: string | undefined;
  /** Gives up connecting; later it does nothing. */
  signal?: AbortSignal | undefined;
  /** Milliseconds for dialling and handshake together; no limit when left out. */
  timeoutMs?: number | undefined;
  /** Who connects, for the runtime's own attribution. Nobody is named when left out. */
  clientInfo?: ClientInfo | undefined;
  /** The longest frame that is read, in bytes. 64 MiB when left out; a longer one ends the connection with `PROTOCOL`. */
  maxFrameBytes?: number | undefined;
  /** Whether to hurry the runtime's second frame over TCP: see docs/rpc.md. On when left out. */
  nudge?: boolean | undefined;
}

/**
 * Connects to a runtime and makes the `connect` handshake.
 * @throws ConnectionError `REFUSED` nobody listens; `UNAUTHORIZED` the token is missing, wrong or not wanted;
 * `PROTOCOL` another version than `protocolWindow`, or no such protocol; `CLOSED` the peer hung up.
 * @throws TypeError when the target or an option is malformed. A time-out rejects with a `TimeoutError`, an abort with the signal's reason.
 * @example
 * ```ts
 * import { connect } from "latchkey/rpc";
 *
 * await using rpc = await connect("tcp://127.0.0.1:41234", { token: process.env.TOKEN, timeoutMs: 10_000 });
 * const session = rpc.session("4f1c…");
 * session.events.on("assistant.message", (event) => console.log(event.data.content));
 * await session.request("send", { prompt: "What is in this folder?" });
 * ```
 */
export async function connect(target: Target, options: ConnectOptions = {}): Promise<Rpc> {
  const { signal, timeoutMs } = options;
  const maxFrameBytes =
    options.maxFrameBytes === undefined ? 64 * 2 ** 20 : countOf(options.maxFrameBytes, "maxFrameBytes");
  const deadline = timeoutMs === undefined ? undefined : performance.now() + waitOf(timeoutMs, "timeoutMs");
  const place = parseTarget(target);
  const duplex = "port" in place ? await openSocket(place, options) : place;
  const tcp = "port" in place;
  const rpc = createConnection(duplex, {
    endpoint: tcp ? `tcp://${place.host.includes(":") ? `[${place.host}]` : place.host}:${place.port}` : "stdio:",
    maxFrameBytes,
    nudge: tcp && options.nudge !== false,
  });
  try {
    const answer: unknown = await rpc
      .request(
        "connect",
        {
          ...(options.token === undefined ? {} : { token: options.token }),
          ...(options.clientInfo === undefined ? {} : { clientInfo: options.clientInfo }),
        },
        { signal, timeoutMs: deadline === undefined ? undefined : Math.max(1, deadline - performance.now()) },
      )
      .catch((error: unknown) => {
        throw isUnknownMethod(error)
          ? new ConnectionError("PROTOCOL", "the peer does not know the `connect` method", error)
          : error;
      });
    const { protocolVersion, version } = readHello(answer);
    if (!(protocolVersion >= protocolWindow.min && protocolVersion <= protocolWindow.max))
      throw new ConnectionError(
        "PROTOCOL",
        `the runtime speaks protocol version ${protocolVersion}; this latchkey speaks ${protocolWindow.min} to ${protocolWindow.max} and is tested with ${testedVersions.join(" and ")}`,
      );
    const tested = testedVersions.includes(version) ? {} : { testedVersions };
    return Object.assign(rpc, { hello: { protocolVersion, version: visible(version, 100) }, ...tested });
  } catch (error) {
    await rpc.close();
    throw error;
  }
}

const hello = v.object({ protocolVersion: v.number(), version: v.string() });

function readHello(answer: unknown): v.InferOutput<typeof hello> {
  try {
    return check(hello, answer, "handshake");
  } catch (error) {
    throw new ConnectionError("PROTOCOL", "the peer's handshake names no protocol version", error);
  }
}

const isUnknownMethod = (error: unknown): boolean => error instanceof RpcError && error.code === "METHOD_NOT_FOUND";

function parseTarget(target: Target): { host: string; port: number } | Duplex {
  if (typeof target === "object" && "readable" in target) return target;
  const place = typeof target === "string" ? parseEndpoint(target) : target;
  const { host = "127.0.0.1", port } = place;
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw new TypeError('"port" must be a number from 1 to 65535');
  return { host, port };
}

function parseEndpoint(endpoint: string): { host: string; port: number } {
  if (URL.canParse(endpoint)) {
    const { protocol, hostname, port } = new URL(endpoint);
    if (protocol === "tcp:" && hostname !== "") return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) };
  }
  throw new TypeError('"target" must be "tcp://host:port", { host, port } or { readable, writable }');
}

/** An idle connection asks after its peer: a machine that was switched off, or cut off, says nothing by itself. */
const keepAliveMs = 30_000;

function openSocket(
  place: { host: string; port: number },
  options: { signal?: AbortSignal | undefined; timeoutMs?: number | undefined },
): Promise<Duplex> {
  return until(options, (resolve, reject) => {
    const socket: Socket = dial({ ...place, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveMs });
    let connected = false;
    socket.once("connect", () => {
      connected = true;
      resolve({ readable: socket, writable: socket });
    });
    socket.once("error", (error) =>
      reject(new ConnectionError("REFUSED", `nobody answers at ${place.host}:${place.port}`, error)),
    );
    return () => {
      socket.removeAllListeners("connect");
      socket.removeAllListeners("error");
      if (!connected) socket.destroy();
    };
  });
}
