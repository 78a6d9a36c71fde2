import type { SessionCreateParams } from "../../../lib/protocol/index.js";
import { publicClient } from "./authorization.js";

/** The name under which sessions know the protected server. */
export const serverName = "notes";

/** Where a session finds its servers. */
export interface Places {
  readonly modelUrl: string;
  readonly mcpUrl: string;
}

/** Params of `session.create` for a session whose MCP server wants OAuth and whose model plays a script. */
export function sessionParams({ modelUrl, mcpUrl }: Places): SessionCreateParams {
  return {
    provider: { type: "openai", wireApi: "completions", baseUrl: modelUrl, apiKey: "none" },
    model: "scripted",
    envValueMode: "direct",
    requestPermission: true,
    mcpServers: {
      [serverName]: {
        type: "http",
        url: mcpUrl,
        tools: ["*"],
        oauthClientId: publicClient.id,
        oauthPublicClient: true,
      },
    },
  };
}
