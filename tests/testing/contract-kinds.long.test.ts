import { contracts } from "../support/testing/contracts.js";
import { contractSuites } from "../support/testing/suites.js";

contractSuites("real", "kinds", contracts.kinds);
