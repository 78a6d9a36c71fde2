/** So much of oidc-provider, which brings no types, as is used here. */
declare module "oidc-provider" {
  import type { IncomingMessage, ServerResponse } from "node:http";

  interface Interaction {
    readonly prompt: {
      readonly name: string;
      readonly details: { missingOIDCScope?: string[]; missingResourceScopes?: Record<string, string[]> };
    };
    readonly params: { readonly client_id: string };
    readonly session?: { readonly accountId: string };
    readonly grantId?: string;
  }
  interface ConsentGrant {
    addOIDCScope(scope: string): void;
    addResourceScope(resource: string, scope: string): void;
    save(): Promise<string>;
  }
  export default class Provider {
    constructor(issuer: string, configuration: object);
    callback(): (request: IncomingMessage, response: ServerResponse) => void;
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>;
    interactionFinished(
      request: IncomingMessage,
      response: ServerResponse,
      result: object,
      options: object,
    ): Promise<void>;
    readonly Grant: {
      new (about: { accountId?: string; clientId: string }): ConsentGrant;
      find(id: string): Promise<ConsentGrant>;
    };
    on(event: string, listener: (...about: unknown[]) => void): this;
  }
}
