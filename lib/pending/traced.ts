import type { TracedRequest } from "../base/tracing.js";
import { fieldsOf } from "./kinds/shapes.js";
import { rowOf } from "./kinds/table.js";
import type { PendingRequest } from "./request.js";

/** Of a request, what a trace may say: ids and names. */
export function tracedRequest(request: Omit<PendingRequest, "secrets">): TracedRequest {
  const { kind, sessionId, requestId } = request;
  const data: object = request.data;
  const [permission] = fieldsOf(data, "permissionRequest");
  const [serverName, toolName] = fieldsOf(permission ?? data, "serverName", "toolName");
  const toolCallId = rowOf(kind).toolCall?.({ ...data });
  return {
    ...{ kind, sessionId, requestId },
    ...(typeof serverName === "string" && { serverName }),
    ...(typeof toolName === "string" && { toolName }),
    ...(typeof toolCallId === "string" && { toolCallId }),
  };
}
