/** The protocol versions that these types were checked against. Outside this window `connect` rejects. */
export const protocolWindow = { min: 3, max: 3 } as const;
