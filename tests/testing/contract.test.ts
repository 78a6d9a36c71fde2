import { contracts } from "../support/testing/contracts.js";
import { contractSuites } from "../support/testing/suites.js";

for (const [what, registers] of Object.entries(contracts)) contractSuites("fake", what, registers);
