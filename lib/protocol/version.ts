/** The protocol versions that these types were checked against. Outside this window `connect` rejects. */
export const protocolWindow = { min: 3, max: 3 } as const;

/** The runtime's versions that every test runs on. Others inside the window are let in; where they differ, nobody has looked. */
export const testedVersions: readonly string[] = ["1.0.85", "1.0.102"];
