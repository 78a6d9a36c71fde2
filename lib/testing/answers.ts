/** Answers that the fake has seen, in order; whoever iterates begins with the first and then waits. */
export interface Answers<T> {
  push(answer: T): void;
  readonly seen: readonly T[];
  readonly stream: AsyncIterable<T>;
  /** Ends the iterations. */
  end(): void;
}

export function createAnswers<T>(): Answers<T> {
  const seen: T[] = [];
  const waiters: (() => void)[] = [];
  let over = false;
  const wake = (): void => {
    for (const waiter of waiters.splice(0)) waiter();
  };
  return {
    seen,
    push(answer) {
      seen.push(answer);
      wake();
    },
    end() {
      over = true;
      wake();
    },
    stream: {
      async *[Symbol.asyncIterator]() {
        for (let index = 0; ; index += 1) {
          while (index >= seen.length && !over) await new Promise<void>((resolve) => waiters.push(resolve));
          const answer = seen[index];
          if (answer === undefined) return;
          yield answer;
        }
      },
    },
  };
}
