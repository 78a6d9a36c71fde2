import { ErrorCodes, ResponseError } from "vscode-jsonrpc/node";
import { ConnectionError, RpcError, type RpcErrorCode } from "../base/errors.js";

const codes: Record<number, RpcErrorCode> = {
  [ErrorCodes.MethodNotFound]: "METHOD_NOT_FOUND",
  [ErrorCodes.InvalidParams]: "INVALID_PARAMS",
};
/** The runtime's own codes around the connection token. */
const unauthorized = new Set([-32001, -32002, -32003]);

/** The runtime's error as ours. It says nearly everything with -32603 and a text, so two texts are told apart here. */
export function remoteError(error: ResponseError<unknown>, method: string): RpcError | ConnectionError {
  if (unauthorized.has(error.code))
    return new ConnectionError("UNAUTHORIZED", `${method}: ${error.message} (${error.code})`, error);
  return new RpcError(codes[error.code] ?? codeOfText(error.message), `${method}: ${error.message}`, {
    rpcCode: error.code,
    method,
    data: error.data,
    cause: error,
  });
}

function codeOfText(text: string): RpcErrorCode {
  if (/Failed to load session events/.test(text)) return "NOT_RESUMABLE";
  if (/Session not found/i.test(text)) return "SESSION_NOT_FOUND";
  return "RPC";
}

export const isResponseError = (error: unknown): error is ResponseError<unknown> => error instanceof ResponseError;
