import type { Engine } from "./engine.js";

export async function postgresEngine(_location: string): Promise<Engine> {
  throw new Error("not yet");
}
