import fc from "fast-check";
import * as assert from "uvu/assert";
import { visible, visibleJson } from "../../lib/base/visible.js";
import { suite } from "../support/suite.js";

const test = suite("A stranger's text");

const esc = String.fromCharCode(27);
const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/u;

/** Characters that do something to a terminal or are drawn as nothing, and what is easily mistaken for their escapes. */
const nasty = fc.string({
  unit: fc.oneof(
    fc.constantFrom("\\", "u", "n", "t", "r", "2", "0", "e", "a", " ", "\n", "\r", "\t", "\0", esc, "\u007f"),
    fc.constantFrom(
      "\u009b",
      "\u200b",
      "\u202e",
      "\u2066",
      "\u2028",
      "\u2029",
      "\ufeff",
      "\u00ad",
      "\ufe0f",
      "\u3164",
      "\ud800",
    ),
    fc.constantFrom("\u{e0000}", "\u{e0001}", "\u{e0065}", "\u{e0079}", "\u{e007f}", "\u{e0100}", "\u{1f511}"),
  ),
  maxLength: 12,
});

test("is shown on one line, each hidden character as an escape of its own", () => {
  assert.is(visible("ok \u{E0079}\u{E0065}\u{E0073}"), "ok \\udb40\\udc79\\udb40\\udc65\\udb40\\udc73");
  assert.is(visible(`${esc}[31mred\u009b0m`), "\\u001b[31mred\\u009b0m");
  assert.is(visible("a\u202eb\u2066c\u200bd\u{E0000}\0"), "a\\u202eb\\u2066c\\u200bd\\udb40\\udc00\\u0000");
  assert.is(visible("one\r\ntwo\tthree"), "one\\r\\ntwo\\tthree");
  assert.is(visible("ключ 鍵 \u{1f511} naïve C:\\files"), "ключ 鍵 \u{1f511} naïve C:\\files");
});

/** One of each class, so that each has to be named. */
const classes: Readonly<Record<string, string>> = {
  ...{ "C0 control": "\u0007", "C1 control": "\u0085", bidi: "\u202e", "bidi isolate": "\u2067" },
  ...{ "Arabic letter mark": "\u061c", "zero width": "\u200b", "line separator": "\u2028" },
  ...{ "paragraph separator": "\u2029", filler: "\u3164", "variation selector": "\ufe0f" },
  ...{ "half of a pair": "\udc00", tag: "\u{e0041}", "interlinear annotation": "\ufff9" },
};
for (const [name, char] of Object.entries(classes))
  test(`is shown without its ${name}`, () => {
    for (const shown of [visible(`a${char}b`), visibleJson(`a${char}b`)]) {
      assert.is(shown.includes(char), false);
      assert.match(shown, /^"?a(\\u[0-9a-f]{4})+b"?$/);
    }
  });

test("is told apart from a text that spells the escape", () => {
  assert.is(visible("\\u202e"), "\\\\u202e");
  assert.is(visible("\\\u202e"), "\\\\\\u202e");
  assert.is(visible("C:\\new"), "C:\\\\new");
});

test("never looks like another text, and hides nothing", () => {
  fc.assert(
    fc.property(nasty, nasty, (one, other) => {
      assert.is(hidden.test(visible(one)), false);
      assert.is(visible(one) === visible(other), one === other);
    }),
    { numRuns: 20_000 },
  );
});

test("is cut, and not in the middle of a character", () => {
  assert.is(visible("abcdef", 6), "abcdef");
  assert.is(visible("abcdef", 3), "abc…");
  assert.is(visible("ab\u{1f511}d", 3), "ab…");
});

test("as JSON is the same value when it is parsed, and hides nothing", () => {
  fc.assert(
    fc.property(nasty, nasty, fc.constantFrom(undefined, 2), (key, value, indent) => {
      const json = visibleJson({ [key]: [value] }, indent);
      assert.is(hidden.test(json.replaceAll("\n", "")), false);
      assert.equal(JSON.parse(json), JSON.parse(JSON.stringify({ [key]: [value] })));
    }),
    { numRuns: 5_000 },
  );
});

test("takes time in proportion to its length", () => {
  const began = performance.now();
  visible("\\".repeat(1_000_000));
  visible("\\u".repeat(500_000));
  visibleJson("\u202e".repeat(1_000_000));
  assert.ok(performance.now() - began < 5_000);
});
