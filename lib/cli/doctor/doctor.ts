import { exit } from "../exit.js";
import { type Io, oneLine, paint, print, printJson } from "../io.js";
import { wrap } from "../wrap.js";
import type { Finding } from "./finding.js";
import { ledgerFindings } from "./ledger.js";
import { runtimeFindings } from "./runtime.js";

export async function doctor(
  flags: { ledger?: string | undefined; endpoint?: string | undefined; json?: boolean | undefined },
  io: Io,
): Promise<number> {
  const findings: Finding[] = [];
  const { green, yellow, red, dim } = paint(io.out);
  const colour = { well: green, odd: yellow, bad: red };
  const sources = [nodeFindings(), runtimeFindings(flags.endpoint, io.signal), ledgerFindings(flags.ledger)];
  for (const source of sources)
    for await (const finding of source) {
      findings.push(finding);
      if (flags.json) {
        await printJson(io.out, finding);
        continue;
      }
      const { about, state, todo } = finding;
      const head = `${colour[state](state.padEnd(4))}  ${about.padEnd(10)}`;
      const what = oneLine(finding.what);
      // On a narrow screen what was found stands below.
      const columns = io.out.columns;
      const indent = " ".repeat(columns !== undefined && columns < 60 ? 4 : 18);
      if (columns === undefined) await print(io.out, `${head}  ${what}`);
      else if (indent.length === 18) await print(io.out, `${head}  ${wrap(what, indent, columns).trimStart()}`);
      else await print(io.out, `${head.trimEnd()}\n${wrap(what, indent, columns)}`);
      if (todo === undefined) continue;
      const advice = columns === undefined ? todo : wrap(todo, `${indent}   `, columns).trimStart();
      await print(io.out, `${indent}${dim("->")} ${advice}`);
    }
  return findings.some(({ state }) => state === "bad") ? exit.failed : exit.done;
}

async function* nodeFindings(): AsyncGenerator<Finding> {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const what = `Node ${process.versions.node}`;
  if (major < 20 || (major === 20 && minor < 9))
    yield { about: "node", state: "bad", what, todo: "Use Node 20.9 or newer." };
  else yield { about: "node", state: "well", what };
  // A clock that was never set makes every expiry wrong.
  if (new Date().getFullYear() < 2025)
    yield { about: "clock", state: "bad", what: `it is ${new Date().toISOString()} here`, todo: "Set the clock." };
}
