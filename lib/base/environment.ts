/**
 * The environment for a process that is started: this process's own without what only latchkey and its host may know. A runtime runs
 * commands for a model, and a broker's command is anybody's program: neither needs a key, a ledger's URL with its password,
 * or the token of a runtime. What `given` names comes back, or is added; `undefined` takes a variable out.
 */
export function childEnvironment(given: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const innocent = Object.entries(process.env).filter(([name]) => !isPrivate(name));
  return { ...Object.fromEntries(innocent), ...given };
}

/** Windows does not tell upper case from lower in these names. */
function isPrivate(name: string): boolean {
  const upper = name.toUpperCase();
  return upper.startsWith("LATCHKEY_") || upper === "COPILOT_CONNECTION_TOKEN";
}
