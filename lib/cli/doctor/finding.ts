/** One thing that was looked at. `todo` says what to do about it when it is not well. */
export interface Finding {
  readonly about: string;
  readonly state: "well" | "odd" | "bad";
  readonly what: string;
  readonly todo?: string;
}
