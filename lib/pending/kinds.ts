import type * as v from "valibot";
import { mcpOauth } from "./oauth.js";

/** The table of pending kinds, by the event that asks. Everything else reads it. */
export const kinds = {
  [mcpOauth.event]: mcpOauth,
} as const;

export type Kinds = typeof kinds;
export type KindName = keyof Kinds;
/** A kind's data as it may be seen. */
export type DataOf<K extends KindName> = v.InferOutput<Kinds[K]["open"]>;
/** A kind's secret fields, nested as in the event. */
export type SecretsOf<K extends KindName> = v.InferOutput<Kinds[K]["secrets"]>;
/** What answers a kind. */
export type AnswerOf<K extends KindName> = v.InferOutput<Kinds[K]["answer"]>;

export const isKind = (name: string): name is KindName => Object.hasOwn(kinds, name);
