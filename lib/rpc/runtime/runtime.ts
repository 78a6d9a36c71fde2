/** Options of `startRuntime`. */
export interface StartOptions {
  /** The runtime's binary, or a `.js` file that Node runs; npm's loader stands for the binary that it loads. Found by itself when left out. */
  path?: string | undefined;
  /**
   * Added to this process's environment, of which the runtime gets neither `LATCHKEY_*` nor another runtime's `COPILOT_CONNECTION_TOKEN`:
   * it runs commands for a model. A variable that is named here it gets. `undefined` takes one out.
   */
  env?: Record<string, string | undefined> | undefined;
  /** The folder to start it in. This process's own when left out. */
  cwd?: string | undefined;
  /** A home folder of its own: sessions, settings and logs go there. */
  home?: string | undefined;
  /** The connection token; a random one when left out. Never on the command line. */
  token?: string | undefined;
  /** How much the runtime writes to its log files. Its own default when left out. */
  logLevel?: "none" | "error" | "warning" | "info" | "debug" | "all" | undefined;
  /** Further arguments for the runtime. */
  args?: readonly string[] | undefined;
  /** Lets it outlive this process. Its standard error is then not read after it listens. */
  detached?: boolean | undefined;
  /** Gives up starting: the process is ended. */
  signal?: AbortSignal | undefined;
}

/** A runtime that this process has started. */
export interface Runtime {
  /** `tcp://127.0.0.1:<port>`. */
  readonly endpoint: string;
  /** The connection token that `connect` needs. Left out when the object is printed or stringified. */
  readonly token: string;
  /** Of the runtime itself, also where a script that was started started it in turn. */
  readonly pid: number;
  /** The runtime's own version, such as `1.0.85`. */
  readonly version: string;
  /** As of an `Rpc`: there only when `version` is not among them. */
  readonly testedVersions?: readonly string[];
  /** Resolves when the process has ended, with its exit code or the signal that ended it. Never rejects. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** SIGTERM, then SIGKILL after `graceMs` (2000). Resolves when the process is gone. */
  stop(options?: { graceMs?: number }): Promise<void>;
  /** `await using` stops it. */
  [Symbol.asyncDispose](): Promise<void>;
}
