import { createInterface } from "node:readline";
import * as v from "valibot";
import type { Message } from "./processes.js";

/** Says one message to the parent process, and resolves when it is written. */
export function say(message: Message): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(`${JSON.stringify(message)}\n`, (error) => (error ? reject(error) : resolve()));
  });
}

/** The messages of the parent process. When there is no parent any more the program ends. */
export async function* heard(): AsyncGenerator<Message> {
  for await (const line of createInterface({ input: process.stdin })) yield JSON.parse(line);
  process.exit();
}

/** What the parent gave this program to work with, checked. */
export function given<Schema extends v.GenericSchema>(schema: Schema): v.InferOutput<Schema> {
  return v.parse(schema, JSON.parse(process.env.GIVEN ?? "{}"));
}
