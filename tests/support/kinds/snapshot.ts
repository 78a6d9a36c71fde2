import type { Session } from "latchkey/rpc";

/** Everything that the runtime tells about a session's make-up. What it refuses to tell counts too. */
export async function snapshot(session: Session): Promise<Record<string, unknown>> {
  const asked = {
    agent: session.request("agent.getCurrent"),
    commands: session.request("commands.list"),
    host: session.request("mcp.apps.getHostContext"),
    mcp: session.request("mcp.list"),
    mode: session.request("mode.get"),
    model: session.request("model.getCurrent"),
    paths: session.request("permissions.paths.list"),
    permissions: session.request("permissions.getMode"),
    provider: session.request("provider.getEndpoint"),
    skills: session.request("skills.list"),
    tools: session.request("tools.getCurrentMetadata"),
  };
  const told = await Promise.all(
    Object.entries(asked).map(async ([name, answer]) => [name, await answer.catch((error: unknown) => String(error))]),
  );
  return Object.fromEntries(told);
}
