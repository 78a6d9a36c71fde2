/** Methods about MCP servers. */
import { isRecord } from "../base/record.js";
import type { Call, Handlers } from "./call.js";
import { loginMethods } from "./login.js";
import { ask } from "./requests.js";
import { listServers, oauthRequired, reconnect, restart, serverNamed, start, stop, whenStarted } from "./servers.js";
import { capabilities, hasInterest } from "./session.js";
import { challenge, isOpen, tokenOf } from "./tokens.js";

function restartServer(call: Call): unknown {
  const server = serverNamed(call);
  stop(call.session, server, "not_configured");
  if (!restart(call.session, server)) throw new Error(`MCP server "${server.name}" requires authentication`);
  return {};
}

/** Supersedes a request that is open, and asks again where there is interest; it answers with an error all the same. */
function authenticationStateChanged(call: Call): unknown {
  const server = serverNamed(call);
  start(call.session, server);
  if (isOpen(call.session, server)) return {};
  throw new Error(`MCP server "${server.name}" still requires authentication`);
}

/** A call of an MCP app. Where the server refuses the token, the caller waits until the host has brought another. */
function callTool(call: Call): Promise<unknown> {
  const { session, params } = call;
  if (!capabilities(session).ui.mcpApps) throw new Error("mcp-apps capability is not available");
  const server = serverNamed(call);
  const text = isRecord(params.arguments) ? String(params.arguments.text ?? "done") : "done";
  const result = { content: [{ type: "text", text }] };
  if (isOpen(session, server)) return Promise.resolve(result);
  if (!hasInterest(session, oauthRequired)) throw new Error("Re-authentication required");
  return new Promise((resolve, reject) => {
    server.asked = ask(session, oauthRequired, challenge(session, server, "refresh"), {
      fail: reject,
      settle(given) {
        server.asked = undefined;
        if (tokenOf(session, server, given) !== "good") {
          reject(new Error("Re-authentication required"));
          return;
        }
        reconnect(session, server);
        resolve(result);
      },
    });
  });
}

function reload({ session }: Call): unknown {
  for (const server of session.servers.values()) if (server.status !== "disabled") start(session, server);
  return {};
}

export const serverMethods: Handlers = {
  ...loginMethods,
  "mcp.list": async ({ session }) => {
    await whenStarted(session);
    return listServers(session);
  },
  "mcp.reload": reload,
  "mcp.restartServer": restartServer,
  "mcp.disable": (call) => {
    stop(call.session, serverNamed(call), "disabled");
    return {};
  },
  "mcp.enable": (call) => {
    restart(call.session, serverNamed(call));
    return {};
  },
  "mcp.oauth.authenticationStateChanged": authenticationStateChanged,
  "mcp.apps.callTool": callTool,
};
