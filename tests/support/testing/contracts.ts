import type { Register } from "./contract.js";
import { answersContract, deathContract } from "./contract-kinds.js";
import { logContract } from "./contract-log.js";
import { loginContract } from "./contract-login.js";
import { oauthContract } from "./contract-oauth.js";
import { loadsContract, questionsContract } from "./contract-questions.js";
import { sessionsContract, wedgeContract } from "./contract-sessions.js";
import { endContract, wireContract } from "./contract-wire.js";

/** Every contract, by what it is about. */
export const contracts: Readonly<Record<"sessions" | "log" | "oauth" | "kinds", readonly Register[]>> = {
  sessions: [wireContract, sessionsContract, wedgeContract, endContract],
  log: [logContract],
  oauth: [oauthContract, loginContract],
  kinds: [answersContract, deathContract, questionsContract, loadsContract],
};
