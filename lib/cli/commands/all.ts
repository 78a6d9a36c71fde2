import { answer, cancel } from "./answering.js";
import { broker, finish, notify } from "./brokering.js";
import type { Command } from "./command.js";
import { keyDerive, keyNew } from "./keys.js";
import { ls, prune, receipts, show } from "./looking.js";
import { env, fake, keep, start, status, stop } from "./runtimes.js";
import { inbox } from "./serving.js";
import { grants, grantsForget, ticket } from "./signing.js";
import { completion, doctor, repl } from "./tools.js";

/** All commands, as help, completion and the parser see them. One whose name begins with another stands before it. The code that does the work is loaded when a command runs. */
export const commands: readonly Command[] = [
  ...[start, stop, status, env, keep],
  ...[ls, show, receipts, answer, cancel, prune],
  ...[broker, finish, notify, ticket, grantsForget, grants, inbox],
  ...[doctor, repl, keyNew, keyDerive, fake, completion],
];
