import { type REPLServer, Recoverable } from "node:repl";
import { types } from "node:util";
import { isCode } from "../../base/code.js";

const waited = Symbol.for("latchkey.waited");

export interface Evaluation {
  /** A line is being evaluated, or waited for. */
  readonly busy: boolean;
  /** More lines are needed to make sense of what was typed. */
  readonly unfinished: boolean;
}

/**
 * Waits for a promise that was typed without `await` and shows what it resolves to, as a person expects. It is given back to the
 * REPL as `await`, which holds later lines back meanwhile, and ends by Control-C.
 *
 * What a line throws goes to `onError`, in the place of Node's own printing.
 */
export function evaluateBy(server: REPLServer, onError: (error: unknown) => void): Evaluation {
  const state = { busy: false, unfinished: false };
  const evaluate = server.eval;
  const fail = (error: unknown): void => {
    state.busy = state.unfinished = false;
    onError(error);
  };
  // Up to Node 24 errors go through a domain, later ones through a method.
  const domain: unknown = Reflect.get(server, "_domain");
  if (hasListeners(domain)) {
    domain.removeAllListeners("error");
    domain.on("error", fail);
  } else if ("_handleError" in server) Object.defineProperty(server, "_handleError", { value: fail, writable: true });
  const wait: typeof evaluate = (code, context, file, done) => {
    state.busy = true;
    const finish: typeof done = (error, result) => {
      state.busy = false;
      state.unfinished = error instanceof Recoverable;
      done(error, result);
    };
    evaluate.call(server, code, context, file, (error, result: unknown) => {
      if (error || !types.isPromise(result)) return finish(error, result);
      Object.defineProperty(context, waited, { value: result, configurable: true });
      evaluate.call(server, `await globalThis[Symbol.for("${waited.description}")]\n`, context, file, finish);
    });
  };
  Object.defineProperty(server, "eval", { value: wait, writable: true });
  return state;
}

interface Listeners {
  removeAllListeners(name: "error"): unknown;
  on(name: "error", listener: (error: unknown) => void): unknown;
}

const hasListeners = (value: unknown): value is Listeners =>
  typeof value === "object" && value !== null && "removeAllListeners" in value && "on" in value;

/** Control-C while something was waited for. */
export const isInterrupt = (error: unknown): boolean => isCode(error, "ERR_SCRIPT_EXECUTION_INTERRUPTED");
