import { pendingRequest } from "latchkey/pending";
import { askers } from "../../../lib/testing/ledger/asking.js";

export { token } from "../../../lib/testing/ledger/asking.js";
export const { oauthRequest, permissionRequest } = askers(pendingRequest);
