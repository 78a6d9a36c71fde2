// An MCP server with three tools behind an authorization server of the same origin, both as npm has them.
//   node server.mjs sdk      @modelcontextprotocol/sdk (version 1): its server, its router, its check of tokens
//   node server.mjs legacy   @modelcontextprotocol/server (version 2), with the router that @modelcontextprotocol/server-legacy kept
// Says JSON lines: {"type":"ready","url"}, and {"type":"counts",…} when it is told {"type":"count"} or {"type":"expire"}. Ends with its parent.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import express from "express";
import { z } from "zod";
import { Provider } from "./provider.mjs";

const parts = { sdk, legacy }[process.argv[2]];
if (parts === undefined) throw new Error("say sdk or legacy");
const { mcpAuthRouter, requireBearerAuth, metadataUrlOf, errors, answer } = await parts();

const server = createServer();
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const issuerUrl = new URL(`http://localhost:${server.address().port}`);
const resourceServerUrl = new URL("/mcp", issuerUrl);
const provider = new Provider(errors, resourceServerUrl.href);
const app = express();
const rateLimit = false;
app.use(
  mcpAuthRouter({
    ...{ provider, issuerUrl, resourceServerUrl, scopesSupported: ["notes:read", "notes:write"] },
    ...{ authorizationOptions: { rateLimit }, tokenOptions: { rateLimit } },
    ...{ clientRegistrationOptions: { rateLimit }, revocationOptions: { rateLimit } },
  }),
);
const protect = (requiredScopes) =>
  requireBearerAuth({ verifier: provider, requiredScopes, resourceMetadataUrl: metadataUrlOf(resourceServerUrl) });
const [reads, writes] = [protect(["notes:read"]), protect(["notes:write"])];
const isWriting = ({ body }) => body?.method === "tools/call" && body.params?.name === "write";
app.use("/mcp", express.json(), (request, response, next) =>
  (isWriting(request) ? writes : reads)(request, response, next),
);
app.all("/mcp", answer);
server.on("request", app);

const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);
say({ type: "ready", url: resourceServerUrl.href });
for await (const line of createInterface({ input: process.stdin })) {
  if (JSON.parse(line).type === "expire") provider.expire();
  say({ type: "counts", ...provider.counts });
}
process.exit();

/** The same tools for both: how they are registered is the same too. */
function withTools(mcp) {
  const text = (said) => ({ content: [{ type: "text", text: said }] });
  const named = (description) => ({ description, inputSchema: z.object({ text: z.string().optional() }) });
  mcp.registerTool("whoami", named("Says who you are"), () => text("ada"));
  mcp.registerTool("write", named("Writes a note"), ({ text: note = "" }) => text(`written: ${note}`));
  return mcp;
}

async function sdk() {
  const [{ mcpAuthRouter, getOAuthProtectedResourceMetadataUrl }, { requireBearerAuth }, errors] = await Promise.all([
    import("@modelcontextprotocol/sdk/server/auth/router.js"),
    import("@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js"),
    import("@modelcontextprotocol/sdk/server/auth/errors.js"),
  ]);
  const [{ McpServer }, { StreamableHTTPServerTransport }] = await Promise.all([
    import("@modelcontextprotocol/sdk/server/mcp.js"),
    import("@modelcontextprotocol/sdk/server/streamableHttp.js"),
  ]);
  return {
    ...{ mcpAuthRouter, requireBearerAuth, errors, metadataUrlOf: getOAuthProtectedResourceMetadataUrl },
    async answer(request, response) {
      const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
      await withTools(new McpServer({ name: "notes", version: "1.0.0" })).connect(transport);
      await transport.handleRequest(request, response, request.body);
    },
  };
}

async function legacy() {
  const auth = await import("@modelcontextprotocol/server-legacy/auth");
  const [{ McpServer }, { NodeStreamableHTTPServerTransport }] = await Promise.all([
    import("@modelcontextprotocol/server"),
    import("@modelcontextprotocol/node"),
  ]);
  return {
    ...{ mcpAuthRouter: auth.mcpAuthRouter, requireBearerAuth: auth.requireBearerAuth, errors: auth },
    metadataUrlOf: auth.getOAuthProtectedResourceMetadataUrl,
    async answer(request, response) {
      const transport = new NodeStreamableHTTPServerTransport({ sessionIdGenerator: undefined });
      await withTools(new McpServer({ name: "notes", version: "1.0.0" })).connect(transport);
      await transport.handleRequest(request, response, request.body);
    },
  };
}
