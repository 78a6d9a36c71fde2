/** Where a client finds its runtime: a TCP port, or a program to start and talk to over its stdio. */
export type Place = { port: number; token?: string | undefined } | { path: string; home: string };

/** What each of the four contestants must be able to do. */
export interface Client {
  ping(message: string): Promise<unknown>;
  /** A session of this id; a random one when left out. Its events go to `handler`. */
  open(options: Opening, handler: (event: Event) => void): Promise<string>;
  /** `session.log`: a call that makes the runtime emit an event before it answers. */
  log(sessionId: string, message: string): Promise<unknown>;
  /** Answers a permission with "approve-once". */
  approve(sessionId: string, requestId: string): Promise<unknown>;
  /** Answers the call of the host's tool; the SDK does that by itself. */
  answerTool?(sessionId: string, requestId: string): Promise<unknown>;
  send(sessionId: string, prompt: string): Promise<unknown>;
  close(): Promise<void>;
}

export interface Opening {
  sessionId?: string | undefined;
  /** Where the scripted model is; no model when left out. */
  modelUrl?: string | undefined;
}

export interface Event {
  readonly type: string;
  readonly timestamp?: string;
  readonly data: unknown;
}

/** The host's tool, where the session has a model that may call it. */
export const hostTool = { name: "note", description: "Writes down.", parameters: { type: "object", properties: {} } };

/** The model's part of the params of `session.create`. */
export const provider = (modelUrl: string | undefined) =>
  modelUrl === undefined
    ? {}
    : {
        provider: { type: "openai" as const, wireApi: "completions" as const, baseUrl: modelUrl, apiKey: "none" },
        model: "scripted",
      };

/** The other params of `session.create` that all but the SDK send, which has names of its own for them. */
export const sessionParams = ({ modelUrl }: Opening) => ({
  requestPermission: true,
  ...provider(modelUrl),
  ...(modelUrl === undefined ? {} : { tools: [hostTool] }),
});
