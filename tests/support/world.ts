/** The world around the library that tests, the demo and the benchmarks run against: all real, all on this machine. */
export { type AskingServer, type AskingServerOptions, startAskingServer } from "./world/asking-server.js";
export {
  type AuthorizationServer,
  confidentialClient,
  publicClient,
  startAuthorization,
} from "./world/authorization.js";
export type { Grant, Issued, Tokens } from "./world/grants.js";
export { type Challenge, type McpServer, startMcpServer, type ToolRun } from "./world/mcp-server.js";
export { type Model, type ModelMessage, type ModelRequest, type Reply, startModel } from "./world/model.js";
export { type Demand, obtainMachineToken, obtainToken, refreshTokens, tokenAnswer } from "./world/oauth-client.js";
export { onDisk } from "./world/on-disk.js";
export { type Exit, type Message, type Program, startProgram, startScript } from "./world/processes.js";
export {
  allRuntimes,
  bundled,
  cli,
  fake,
  fakeAndReal,
  fakeByDay,
  type RuntimeUnderTest,
  runtimes,
} from "./world/runtimes.js";
export * from "./world/scenario.js";
export { type Places, serverName, sessionParams } from "./world/session-params.js";
