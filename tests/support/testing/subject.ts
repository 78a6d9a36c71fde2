/**
 * What the contract of a runtime is asked of: a real runtime with a scripted model and an asking server, or the fake. A test sees its
 * endpoint and token; only to make it ask something is there a way of its own.
 */
import { pendingRequest, wholeData } from "latchkey/pending";
import type { FakeRuntime, fakeRuntime, Likeness } from "latchkey/testing";
import { type ProvocationName, provocations, provokedParams } from "../kinds/provocations.js";
import {
  mcpApps,
  obtainToken,
  onDisk,
  openWorld,
  type Reply,
  type RuntimeUnderTest,
  serverName,
  startAskingServer,
  startModel,
  startTestRuntime,
  type TestRuntime,
  tokenAnswer,
  type World,
} from "../world.js";
import { type Data, openWire, type Wire } from "./wire.js";

/** A session's params and the servers behind them. */
export interface Scenario extends AsyncDisposable {
  readonly params: Data;
  /** The model's next words in this session: it calls the tool that asks this, or says "done". */
  script(sessionId: string, ...names: readonly ("text" | ProvocationName | "protected")[]): void;
  /** A token that the protected server takes. */
  token(data: Data): Promise<Data>;
  /** Where the browser of somebody who consents is sent. */
  consent(authorizationUrl: string): Promise<string>;
  /** The protected server takes no token that it was given before. */
  revoke(sessionId: string): void;
  /** The protected server does not take the token for its tool `write`. */
  refuse(sessionId: string): void;
}

export interface Subject extends AsyncDisposable {
  readonly version: Likeness;
  readonly older: boolean;
  readonly endpoint: string;
  readonly token: string;
  /** Longer than any call takes that is not blocked. */
  readonly blockedMs: number;
  connect(): Promise<Wire>;
  /** For a session that is brought to ask this kind of question. */
  scenario(name: ProvocationName, more?: Data): Promise<Scenario>;
  /** For a session with a server that wants a token, called `notes`. */
  protectedScenario(more?: Data): Promise<Scenario>;
  /** Resolves when this is on disk. */
  onDisk(sessionId: string, text: string): Promise<void>;
  restart(): Promise<void>;
  /** Resolves when the runtime has ended by itself. */
  readonly exited: Promise<unknown>;
}

const plain = { text: "done" };

function replies(names: readonly ("text" | ProvocationName | "protected")[]): Reply[] {
  return names.flatMap((name): Reply[] => {
    if (name === "text") return [plain];
    return name === "protected" ? [{ tool: "whoami" }] : [...provocations[name].script];
  });
}

export async function realSubject(under: RuntimeUnderTest): Promise<Subject> {
  const testRuntime: TestRuntime = await startTestRuntime(under, { env: mcpApps });
  return {
    version: under.retries ? "1.0.85" : "1.0.102",
    older: under.retries,
    blockedMs: 700,
    get endpoint() {
      return testRuntime.runtime.endpoint;
    },
    get token() {
      return testRuntime.runtime.token;
    },
    get exited() {
      return testRuntime.runtime.exited;
    },
    connect: () => openWire(testRuntime.runtime),
    async scenario(name, more = {}) {
      const model = await startModel();
      const mcp = await startAskingServer(name === "headers" ? { pass: { header: "x-pass", value: "let me in" } } : {});
      const params = { ...provokedParams(name, { modelUrl: model.baseUrl, mcpUrl: mcp.endpoint }), ...more };
      return {
        params,
        script: (_, ...names) => model.say(...replies(names)),
        token: async () => ({}),
        consent: async () => "",
        revoke: () => undefined,
        refuse: () => undefined,
        async [Symbol.asyncDispose]() {
          await Promise.all([model.close(), mcp.close()]);
        },
      };
    },
    async protectedScenario(more = {}) {
      const world: World = await openWorld();
      return {
        params: { ...world.sessionParams(), ...more },
        script: (_, ...names) => world.model.say(...replies(names)),
        async token(data) {
          const request = pendingRequest({ type: "mcp.oauth_required", data }, { sessionId: "any" });
          if (request.kind !== "mcp.oauth_required") throw new Error(`is no request for a token: ${request.kind}`);
          return { ...tokenAnswer(await obtainToken(wholeData(request))) };
        },
        async consent(authorizationUrl) {
          const { headers } = await fetch(authorizationUrl, { redirect: "manual" });
          return headers.get("location") ?? "";
        },
        revoke: () => world.authorization.revokeAll(),
        refuse: () => undefined,
        [Symbol.asyncDispose]: () => world.close(),
      };
    },
    onDisk: (sessionId, text) => onDisk(testRuntime.home, sessionId, text),
    restart: () => testRuntime.restart(),
    [Symbol.asyncDispose]: () => testRuntime.close(),
  };
}

export async function fakeSubject(make: typeof fakeRuntime, like: Likeness): Promise<Subject> {
  const fake: FakeRuntime = await make({ like, accepts: (token) => token.startsWith("good") });
  let issued = 0;
  const script: Scenario["script"] = (sessionId, ...names) => {
    for (const name of names) {
      if (name === "text") fake.script(sessionId, plain);
      else if (name === "protected") {
        const permissionRequest = { kind: "mcp", serverName, toolName: "whoami" } as const;
        fake.script(sessionId, { ask: "permission.requested", data: { permissionRequest } });
      } else scripted(fake, sessionId, name);
    }
  };
  const scenario = (params: Data): Scenario => ({
    params,
    script,
    async token() {
      issued += 1;
      return { kind: "token", accessToken: `good-${issued}` };
    },
    async consent(authorizationUrl) {
      const { searchParams } = new URL(authorizationUrl);
      return `${searchParams.get("redirect_uri")}?code=fake&state=${searchParams.get("state")}`;
    },
    revoke: (sessionId) => fake.revoke(sessionId),
    refuse: (sessionId) => fake.revoke(sessionId),
    async [Symbol.asyncDispose]() {},
  });
  return {
    version: like,
    older: like === "1.0.85",
    blockedMs: 100,
    get endpoint() {
      return fake.endpoint;
    },
    token: fake.token,
    exited: fake.exited,
    connect: () => openWire(fake),
    scenario: async (name, more = {}) =>
      scenario({
        ...provokedParams(name, { modelUrl: "http://127.0.0.1:9/v1", mcpUrl: "http://127.0.0.1:9/mcp" }),
        ...more,
      }),
    protectedScenario: async (more = {}) => {
      const server = {
        type: "http",
        url: "http://127.0.0.1:9/mcp",
        tools: ["*"],
        oauthClientId: "c",
        oauthPublicClient: true,
      };
      return scenario({ requestPermission: true, mcpServers: { [serverName]: server }, ...more });
    },
    onDisk: async () => undefined,
    restart: () => fake.restart(),
    [Symbol.asyncDispose]: () => fake.close(),
  };
}

function scripted(fake: FakeRuntime, sessionId: string, name: ProvocationName): void {
  const elicitation = { elicitationSource: "asking", message: "Which colour?" };
  if (name === "permission") fake.script(sessionId, { ask: "permission.requested" });
  if (name === "externalTool") fake.script(sessionId, { ask: "external_tool.requested", data: { toolName: "ticket" } });
  if (name === "serverElicitation") fake.script(sessionId, { ask: "elicitation.requested", data: elicitation });
  if (name === "sampling") fake.script(sessionId, { ask: "sampling.requested", data: { serverName: "asking" } });
  if (name === "userInput")
    fake.script(sessionId, { ask: "user_input.requested", data: { question: "Tea?", choices: ["yes", "no"] } });
  if (name === "exitPlanMode") fake.script(sessionId, { ask: "exit_plan_mode.requested" });
}
