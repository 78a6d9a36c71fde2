// Which comparisons count in which part of lib/, and which test files answer for them, the quick ones first.

/** Whose an answer is, what it may serve, and how long. */
const guards =
  /principal|credential|fence|lease|until|expire|due|epoch|owner|whose|kid\b|intent|answer\b|digest|mac\b|shared|refused|sealed|bind|session_?id|request_?id|anchor|live|bound|used_at|ticket|tag\b|grant_key|spent/i;
const shown = new RegExp(`${guards.source}|known|completed|shown|missing|same`, "i");
const oauth =
  /issuer|\biss\b|resource|client_?id|client\.|server|\burl|origin|host|pathname|state|expire|until|redirect|protocol|verifier|\baud\b|next/i;
const processes = /pid|port|start|state|mark|endpoint|host|address|note|token|hex|inode|sockets/i;
const session =
  /session_?id|request_?id|principal|server_?name|server_?url|server\.|client_?id|scope|epoch|anchor|issuer|\biss\b|origin|pathname|resource|expire|authorizationId|data\.reason/i;

export const groups = [
  {
    files: /^lib\/ledger\/(rules\/|seal\/|[\w-]+\.ts$)/,
    words: guards,
    tests: [
      ...["tests/ledger/keyring.test.ts", "tests/ledger/sqlite.test.ts", "tests/ledger/seals.test.ts"],
      ...["tests/ledger/grants.test.ts", "tests/ledger/tickets.test.ts", "tests/ledger/tags.test.ts"],
      ...["tests/ledger/hostile.test.ts", "tests/ledger/migrate.test.ts", "tests/ledger/secrets.test.ts"],
      ...["tests/ledger/model.test.ts"],
    ],
  },
  {
    files: /^lib\/keeper\//,
    words: shown,
    tests: [
      ...["tests/keeper/parking.test.ts", "tests/keeper/stranger.test.ts", "tests/keeper/keep.test.ts"],
      ...["tests/keeper/sessions.test.ts", "tests/keeper/elsewhere.long.test.ts", "tests/keeper/live.test.ts"],
      ...["tests/ledger/passing.long.test.ts"],
    ],
  },
  {
    files: /^lib\/oauth\//,
    words: oauth,
    tests: [
      ...["tests/oauth/values.test.ts", "tests/oauth/redirect.test.ts", "tests/oauth/client.test.ts"],
      ...["tests/oauth/discovery.test.ts", "tests/oauth/hostile.test.ts", "tests/oauth/code.test.ts"],
      ...["tests/oauth/renew.test.ts", "tests/oauth/provider.test.ts"],
    ],
  },
  {
    files: /^lib\/pending\//,
    words: session,
    tests: [
      ...["tests/pending/kinds/rows.test.ts", "tests/pending/identity.test.ts", "tests/pending/request.test.ts"],
      ...[
        "tests/pending/secrets.test.ts",
        "tests/pending/session/seed.test.ts",
        "tests/pending/session/attach.long.test.ts",
      ],
      ...["tests/pending/session/hold.long.test.ts", "tests/pending/session/runtime-login.long.test.ts"],
      ...["tests/pending/session/attend.test.ts", "tests/pending/session/resume.test.ts"],
      ...[
        "tests/pending/session/resume-kinds.long.test.ts",
        "tests/ledger/sqlite.test.ts",
        "tests/keeper/live.test.ts",
      ],
    ],
  },
  {
    files:
      /^lib\/rpc\/runtime\/(mark|stop|processes|start)\.ts$|^lib\/cli\/(state-folder|reach)\.ts$|^lib\/cli\/commands\/runtime\.ts$/,
    words: processes,
    tests: [
      ...[
        "tests/rpc/runtime/mark.test.ts",
        "tests/rpc/runtime/start.test.ts",
        "tests/rpc/runtime/installs.long.test.ts",
      ],
      ...["tests/cli/runtime.long.test.ts"],
    ],
  },
];

export const groupOf = (path) => groups.find(({ files }) => files.test(path));
