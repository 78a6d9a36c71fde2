import { spawn } from "node:child_process";
import { childEnvironment } from "../base/environment.js";

/** What opens a page on this system, as the words of a command. `BROWSER` stands before it. */
function opener(): readonly string[] {
  const { BROWSER } = process.env;
  if (BROWSER) return [BROWSER];
  if (process.platform === "darwin") return ["open"];
  if (process.platform === "win32") return ["rundll32", "url.dll,FileProtocolHandler"];
  return ["xdg-open"];
}

/**
 * Opens a page in the person's browser. False when there is nothing that opens it. No shell sees the URL, and nothing but http is
 * opened: other schemes start other programs.
 */
export async function openBrowser(url: string): Promise<boolean> {
  const { protocol, href } = new URL(url);
  if (protocol !== "https:" && protocol !== "http:") return false;
  const [command = "", ...args] = opener();
  const child = spawn(command, [...args, href], { detached: true, stdio: "ignore", env: childEnvironment() });
  child.unref();
  return await new Promise((resolve) => {
    child.once("error", () => resolve(false));
    child.once("spawn", () => resolve(true));
  });
}
