/** A ledger that is restored from a backup while its runtime lives on: what the tests of both engines have in common. */
import { keep } from "latchkey/keeper";
import { type Entry, type Ledger, openLedger } from "latchkey/ledger";
import { connect, type Rpc } from "latchkey/rpc";
import { type FakeRuntime, fakeRuntime } from "latchkey/testing";
import * as assert from "uvu/assert";
import { key } from "./place.js";

/** Makes a backup of the ledger while it is in use; what it returns restores it, and says where it is then. */
export type Backup = (location: string) => Promise<() => Promise<string>>;

const permission = { permissionRequest: { kind: "read", path: "a.txt" } } as const;
const approve = { kind: "approve-once" } as const;

/** The entry of a request, once it is in this state. */
async function becomes(ledger: Ledger, requestId: string, state: Entry["state"]): Promise<Entry> {
  const stop = new AbortController();
  try {
    for await (const entry of ledger.watch({}, { after: "0", signal: stop.signal }))
      if (entry.requestId === requestId && entry.state === state) return entry;
  } finally {
    stop.abort();
  }
  throw new Error("the watch ended");
}

/** What happens to the requests: how far each has come when the backup is made. */
interface Story {
  readonly over: string;
  readonly inDoubt: string;
  readonly answered: string;
  readonly open: string;
}

async function beforeBackup(fake: FakeRuntime, rpc: Rpc, ledger: Ledger, sessionId: string): Promise<Story> {
  const keeping = keep(rpc, ledger, { sessions: [sessionId], interest: ["mcp.oauth_required"] });
  const raise = () => fake.raise(sessionId, "permission.requested", permission);
  const story = { over: raise(), inDoubt: raise(), answered: raise(), open: raise() };
  await ledger.answer((await becomes(ledger, story.over, "open")).id, approve);
  await becomes(ledger, story.over, "settled");
  const waiting = await Promise.all(
    [story.inDoubt, story.answered, story.open].map((requestId) => becomes(ledger, requestId, "open")),
  );
  await keeping.close();
  const [doubtful, answered] = waiting;
  for (const entry of [doubtful, answered]) if (entry) await ledger.answer(entry.id, approve);
  // As if the keeper had been killed after it sent the answer, and before it wrote down the reply.
  if (doubtful) await ledger.deliver(doubtful.id, { owner: "killed", leaseMs: 1 });
  await rpc.session(sessionId).request("permissions.handlePendingPermissionRequest", {
    ...{ requestId: story.inDoubt, result: approve },
  });
  return story;
}

/** After the backup everything is answered and delivered, and two more questions come: one of them is answered too. */
async function afterBackup(fake: FakeRuntime, rpc: Rpc, ledger: Ledger, sessionId: string, story: Story) {
  await using _ = keep(rpc, ledger, { sessions: [sessionId] });
  await becomes(ledger, story.answered, "settled");
  await ledger.answer((await becomes(ledger, story.open, "open")).id, approve);
  await becomes(ledger, story.open, "settled");
  const late = fake.raise(sessionId, "permission.requested", permission);
  await ledger.answer((await becomes(ledger, late, "open")).id, approve);
  await becomes(ledger, late, "settled");
  const waits = fake.raise(sessionId, "permission.requested", permission);
  await becomes(ledger, waits, "open");
  return { late, waits };
}

/** Nothing is answered twice, and nothing that waits is forgotten. */
export async function restores(location: string, backup: Backup): Promise<void> {
  await using fake = await fakeRuntime();
  const dial = () => connect(fake.endpoint, { token: fake.token });
  await using host = await dial();
  const { sessionId } = await host.request("session.create", { requestPermission: true });
  const ledger = await openLedger(location, { key });
  const rpc = await dial();
  const story = await beforeBackup(fake, rpc, ledger, sessionId);
  const restore = await backup(location);
  const { late, waits } = await afterBackup(fake, rpc, ledger, sessionId, story);
  await rpc.close();
  await ledger.close();

  await using restored = await openLedger(await restore(), { key });
  assert.equal(
    (await restored.list()).map(({ requestId, state }) => [requestId, state]).sort(),
    [
      ...[
        [story.over, "settled"],
        [story.inDoubt, "sent"],
      ],
      ...[
        [story.answered, "answered"],
        [story.open, "open"],
      ],
    ].sort(),
  );
  await using again = await dial();
  await using _ = keep(again, restored, { sessions: [sessionId] });
  for (const requestId of [story.inDoubt, story.answered, story.open]) await becomes(restored, requestId, "settled");
  const found = await becomes(restored, waits, "open");
  assert.is(
    await restored.claim({ id: { ...found }.id }, { owner: "broker" }).then((claim) => claim?.entries.length),
    1,
  );
  assert.is((await restored.list({ state: "open" })).length, 1, "what is over was asked for again");
  for (const requestId of [...Object.values(story), late])
    assert.is(fake.answered.filter((each) => each.requestId === requestId).length, 1, "given more than once");
}
