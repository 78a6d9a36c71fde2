/** An error of the protocol with a code of its own; every other error is `-32603`. */
export class Refusal extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}
