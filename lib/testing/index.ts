export { type Clock, createClock, type MovedClock } from "./clock.js";
export { type Explored, type ExploreOptions, explore, type Failure, type Run, type Scenario } from "./explore.js";
export {
  type FakeAnswer,
  type FakeOptions,
  type FakeReply,
  type FakeRequest,
  type FakeRuntime,
  fakeRuntime,
} from "./fake.js";
export { type Fault, type FaultName, faultNames, type TraceLine } from "./faults.js";
export type { AskedData, KindName } from "./kinds.js";
export { type LedgerContractOptions, ledgerContract } from "./ledger/contract.js";
export type { OpenNamed } from "./ledger/given.js";
export { type Likeness, likenesses } from "./likeness.js";
export { type Recorded, type Recording, record } from "./record.js";
export { type Replay, replay } from "./replay.js";
