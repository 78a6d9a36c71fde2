import { spawn } from "node:child_process";

/** Runs a program to its end. */
export function capture(command, args, cwd) {
  return new Promise((done, fail) => {
    const output = [];
    const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    child.once("error", fail);
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => output.push(chunk));
    child.once("close", (code) => done({ code, output: Buffer.concat(output).toString() }));
  });
}
