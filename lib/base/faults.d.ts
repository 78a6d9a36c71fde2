/** True only in the variant of the package that the crash tests use; `if (FAULTS) …` is compiled out of the published one. */
declare const FAULTS: boolean;
