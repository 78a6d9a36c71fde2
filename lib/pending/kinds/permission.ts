import * as v from "valibot";
import type {
  PermissionDecisionApproveForLocationApproval,
  PermissionDecisionApproveForSessionApproval,
  PermissionRule,
  UserToolSessionApproval,
} from "../../protocol/index.js";
import { ephemeral, kind } from "./kind.js";
import { fieldsOf, noSecrets, shown, text, variantOf } from "./shapes.js";

const decision = <K extends string>(name: K) => v.strictObject({ kind: v.literal(name) });
const explained = <K extends string>(name: K) =>
  v.strictObject({ kind: v.literal(name), feedback: v.exactOptional(v.string()) });

/** `permission.requested`. Its id survives a cold resume. It is not asked again, so only the record knows of it. */
export const permission = kind({
  event: "permission.requested",
  completed: "permission.completed",
  respond: "session.permissions.handlePendingPermissionRequest",
  enabledBy: ["requestPermission"],
  open: shown({
    requestId: v.string(),
    permissionRequest: v.looseObject({ kind: v.string(), toolCallId: v.exactOptional(v.string()) }),
    /** What the runtime asks about by itself: `manual`, `assisted` with a recommendation, or nothing (`allow-all`). */
    permissionMode: v.exactOptional(v.string()),
    promptRequest: v.exactOptional(
      v.looseObject({
        /** What the runtime's own judge made of it, in `assisted` mode. */
        assistedApproval: v.exactOptional(
          v.looseObject({
            recommendation: v.exactOptional(v.string()),
            reason: v.exactOptional(v.string()),
            /** How the recommendation came about. */
            evaluation: v.exactOptional(v.looseObject({ reasonCode: v.exactOptional(v.string()) })),
          }),
        ),
      }),
    ),
  }),
  answer: v.variant("kind", [
    v.strictObject({ kind: v.literal("approve-once"), approvedInteractively: v.exactOptional(v.boolean()) }),
    v.strictObject({
      kind: v.literal("approve-for-session"),
      approval: v.exactOptional(variantOf<PermissionDecisionApproveForSessionApproval>()),
      domain: v.exactOptional(text),
    }),
    v.strictObject({
      kind: v.literal("approve-read-only-for-session"),
      directories: v.pipe(v.array(text), v.minLength(1)),
    }),
    v.strictObject({
      kind: v.literal("approve-for-location"),
      approval: variantOf<PermissionDecisionApproveForLocationApproval>(),
      locationKey: text,
    }),
    v.strictObject({ kind: v.literal("approve-permanently"), domain: text }),
    explained("reject"),
    decision("user-not-available"),
    decision("approved"),
    v.strictObject({ kind: v.literal("approved-for-session"), approval: variantOf<UserToolSessionApproval>() }),
    v.strictObject({
      kind: v.literal("approved-for-location"),
      approval: variantOf<UserToolSessionApproval>(),
      locationKey: text,
    }),
    v.strictObject({ kind: v.literal("cancelled"), reason: v.exactOptional(v.string()) }),
    v.strictObject({ kind: v.literal("denied-by-rules"), rules: v.array(variantOf<PermissionRule>()) }),
    decision("denied-no-approval-rule-and-could-not-request-from-user"),
    v.strictObject({
      kind: v.literal("denied-interactively-by-user"),
      feedback: v.exactOptional(v.string()),
      forceReject: v.exactOptional(v.boolean()),
    }),
    v.strictObject({ kind: v.literal("denied-by-content-exclusion-policy"), path: v.string(), message: v.string() }),
    v.strictObject({
      kind: v.literal("denied-by-permission-request-hook"),
      message: v.exactOptional(v.string()),
      interrupt: v.exactOptional(v.boolean()),
    }),
  ]),
  secrets: noSecrets,
})({
  ...ephemeral,
  send: (session, requestId, result, options) =>
    session.request("permissions.handlePendingPermissionRequest", { requestId, result }, options),
  attributed: (answer, actor) =>
    answer.kind === "approve-once" ? { approvedInteractively: actor === "person", ...answer } : answer,
  // Not its `intention`: that is what the model says about it.
  title: "Permission",
  summary: (data) =>
    fieldsOf(data.permissionRequest, "kind", "serverName", "toolName", "fullCommandText", "fileName", "path", "url"),
  modelSays: (data) => fieldsOf(data.permissionRequest, "intention")[0],
  yes: { kind: "approve-once" },
  yesForSession: { kind: "approve-for-session" },
  no: (feedback) => ({ kind: "reject", ...(feedback === undefined ? {} : { feedback }) }),
  text: undefined,
  // OAuth inside a tool call brings a second permission request for the same call: the same intent relates the two.
  intent: (whole) => [whole.permissionRequest.toolCallId ?? whole.requestId],
  survivesRuntime: true,
  retriesToolCall: false,
  blocks: false,
  toolCall: (data) => fieldsOf(data.permissionRequest, "toolCallId")[0],
});
