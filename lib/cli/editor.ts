import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { childEnvironment } from "../base/environment.js";
import { exit, Stop } from "./exit.js";
import { writePrivate } from "./state-folder.js";

/** The text as a person leaves it in their editor: `VISUAL`, `EDITOR`, else `vi`. The file is in a folder of its own that only they can read. */
export async function editText(text: string, name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "latchkey-"));
  try {
    const file = join(folder, name);
    writePrivate(file, text);
    await runEditor(process.env.VISUAL || process.env.EDITOR || "vi", file);
    return await readFile(file, "utf8");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runEditor(editor: string, file: string): Promise<void> {
  const { spawn } = await import("node:child_process");
  const child = spawn("sh", ["-c", `${editor} "$1"`, "sh", file], { stdio: "inherit", env: childEnvironment() });
  const how = await new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(signal ?? code));
  });
  if (how !== 0) throw new Stop(exit.failed, `the editor ended with ${how}; nothing was answered`);
}
