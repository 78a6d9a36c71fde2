export {
  type DeliverAnswersOptions,
  type Deliverer,
  type DelivererEventMap,
  deliverAnswers,
} from "./deliverer.js";
export { type Keeping, type KeepingEventMap, type KeepingOptions, keep } from "./keep.js";
export { type Recorder, type RecorderEventMap, type RecordPendingOptions, recordPending } from "./recorder.js";
export { type Keeper, type KeeperEventMap, type KeepOptions, keepSessions } from "./sessions.js";
