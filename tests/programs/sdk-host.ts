/** A host that uses the official SDK and nothing of latchkey. Its OAuth handler, if it has one, never answers. */
import { approveAll, CopilotClient, RuntimeConnection } from "@github/copilot-sdk";
import * as v from "valibot";
import { given, heard, say } from "../support/world/program.js";

const { url, token, modelUrl, mcpServer, handler } = given(
  v.object({
    /** "host:port". */
    url: v.string(),
    token: v.string(),
    modelUrl: v.string(),
    mcpServer: v.looseObject({ type: v.literal("http"), url: v.string(), tools: v.array(v.string()) }),
    handler: v.boolean(),
  }),
);

const client = new CopilotClient({ connection: RuntimeConnection.forUri(url, { connectionToken: token }) });
await client.start();
const session = await client.createSession({
  provider: { type: "openai", wireApi: "completions", baseUrl: modelUrl, apiKey: "none" },
  model: "scripted",
  mcpServers: { notes: mcpServer },
  onPermissionRequest: approveAll,
  ...(handler ? { onMcpAuthRequest: ({ reason }) => say({ type: "asked", reason }).then(forever) } : {}),
});
await say({ type: "ready", sessionId: session.sessionId });

for await (const message of heard()) {
  const answer = await session.sendAndWait({ prompt: String(message.prompt) });
  await say({ type: "answered", text: answer?.data.content });
}

function forever(): Promise<never> {
  return new Promise(() => undefined);
}
