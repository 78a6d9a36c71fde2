/** How somebody is told: by a command, or by a webhook. Both get the same JSON. */
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { runCommand } from "../child.js";
import { exit, Stop, UsageError } from "../exit.js";

/** Tells it. What it throws is why that failed. */
export type Sink = (json: string, signal: AbortSignal) => Promise<void>;

export interface SinkFlags {
  exec?: string | undefined;
  webhook?: string | undefined;
  "secret-file"?: string | undefined;
}

/** @throws UsageError when it is not one sink, or the webhook cannot be signed. */
export function sinkOf(flags: SinkFlags): Sink {
  const { exec, webhook } = flags;
  if ((exec === undefined) === (webhook === undefined)) throw new UsageError("give --exec or --webhook", "notify");
  if (exec !== undefined) return commandSink(exec);
  return webhookSink(webhookUrl(webhook ?? ""), secretOf(flags["secret-file"]));
}

const commandSink =
  (exec: string): Sink =>
  async (json, signal) => {
    const { code, signal: killedBy } = await runCommand(exec, `${json}\n`, signal);
    if (code !== 0) throw new Error(`the command ended with ${killedBy ?? `exit code ${code}`}`);
  };

function webhookUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const loopback = url !== undefined && ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
  if (url?.protocol !== "https:" && !(url?.protocol === "http:" && loopback))
    throw new UsageError("--webhook must be an https URL, or http on loopback", "notify");
  return url;
}

const leastSecret = 16;

function secretOf(file: string | undefined): string {
  let secret = process.env.LATCHKEY_WEBHOOK_SECRET ?? "";
  try {
    if (file !== undefined) secret = readFileSync(file, "utf8");
  } catch {
    throw new Stop(exit.usage, `"${file}" cannot be read`);
  }
  if (secret.trim().length < leastSecret)
    throw new UsageError(
      `a webhook is signed: give --secret-file, or set LATCHKEY_WEBHOOK_SECRET, to ${leastSecret} characters or more, such as latchkey key new prints`,
      "notify",
    );
  return secret.trim();
}

/** What `latchkey-signature` is: the receiver makes the same of `latchkey-timestamp` and the body, and compares. */
export const signatureOf = (secret: string, timestamp: string, body: string): string =>
  `v1=${createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex")}`;

const webhookSink =
  (url: URL, secret: string): Sink =>
  async (body, signal) => {
    const timestamp = String(Math.floor(Date.now() / 1000));
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "latchkey-timestamp": timestamp,
        "latchkey-signature": signatureOf(secret, timestamp, body),
      },
      body,
      // What is signed for one place is not sent to another.
      redirect: "manual",
      signal,
    }).catch((error: unknown) => {
      throw signal.aborted ? signal.reason : new Error(`the webhook cannot be reached${codeIn(error)}`);
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`the webhook answered with ${response.status}`);
  };

function codeIn(error: unknown): string {
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && "code" in cause ? ` (${String(cause.code)})` : "";
}
