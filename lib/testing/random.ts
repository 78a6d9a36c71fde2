/** Numbers and names that look random and follow from a seed. */
export interface Random {
  /** From 0 up to 1, without 1. */
  next(): number;
  /** A whole number from 0 up to `below`, without it. */
  below(below: number): number;
  uuid(): string;
  /** Another row of numbers that follows from this seed and the name alone, however many were drawn here. */
  fork(name: string): Random;
}

/** The generator sfc32 by Chris Doty-Humphrey, seeded with a hash of the text. */
export function createRandom(seed: string | number): Random {
  const text = String(seed);
  let [a, b, c, d] = [hash(text, 1), hash(text, 2), hash(text, 3), 1];

  function draw(): number {
    const sum = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  }

  for (let i = 0; i < 12; i += 1) draw();
  const hex = (): string => draw().toString(16).padStart(8, "0");
  return {
    next: () => draw() / 2 ** 32,
    below: (below) => Math.floor((draw() / 2 ** 32) * below),
    uuid() {
      const digits = hex() + hex() + hex() + hex();
      const variant = "89ab"[draw() % 4];
      return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-${variant}${digits.slice(17, 20)}-${digits.slice(20)}`;
    },
    fork: (name) => createRandom(`${text}/${name}`),
  };
}

/** FNV-1a with a start of its own for each word of the state. */
function hash(text: string, word: number): number {
  let value = 0x811c9dc5 ^ Math.imul(word, 0x9e3779b1);
  for (let i = 0; i < text.length; i += 1) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value | 0;
}
