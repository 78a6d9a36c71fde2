import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";

/** Whether there is a tmux to make real terminals with. */
export const hasTmux = spawnSync("tmux", ["-V"]).status === 0;

/** A shell in a real terminal of its own, on a server of its own. */
export interface Screen extends AsyncDisposable {
  /** Types text as it is. */
  type(text: string): void;
  /** Presses keys by tmux's names: `Enter`, `Tab`, `C-c`. */
  press(...keys: string[]): void;
  /** All lines, scrolled away or not, without what is empty at the end. */
  text(): string;
  /** Resolves when the screen's text matches; what it showed instead is in the error. */
  until(pattern: RegExp, timeoutMs?: number): Promise<string>;
}

export async function openScreen(options: { env: NodeJS.ProcessEnv; cwd: string; columns?: number }): Promise<Screen> {
  const socket = `latchkey-${randomUUID()}`;
  const tmux = (...args: string[]): string => {
    const { status, stdout, stderr } = spawnSync("tmux", ["-L", socket, "-f", "/dev/null", ...args], {
      encoding: "utf8",
      cwd: options.cwd,
      env: { ...options.env, HISTFILE: "" },
    });
    if (status !== 0) throw new Error(`tmux ${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  tmux("new-session", "-d", "-x", String(options.columns ?? 200), "-y", "50", "PS1='$ ' exec bash --norc --noprofile");
  const text = (): string => tmux("capture-pane", "-p", "-S", "-").trimEnd();
  const screen: Screen = {
    type: (typed) => void tmux("send-keys", "-l", typed),
    press: (...keys) => void tmux("send-keys", ...keys),
    text,
    async until(pattern, timeoutMs = 10_000) {
      const end = performance.now() + timeoutMs;
      for (;;) {
        const shown = text();
        if (pattern.test(shown)) return shown;
        if (performance.now() > end) throw new Error(`no ${pattern} on the screen:\n${shown}`);
        await delay(30);
      }
    },
    async [Symbol.asyncDispose]() {
      tmux("kill-server");
    },
  };
  try {
    await screen.until(/^\$$/m);
    return screen;
  } catch (error) {
    tmux("kill-server");
    throw error;
  }
}
