import * as assert from "uvu/assert";
import { scopesIn } from "../../lib/base/scope.js";
import { traceparentOf } from "../../lib/base/trace.js";
import { suite } from "../support/suite.js";

const test = suite("trace context and scope strings");

test("a traceparent has the form of W3C Trace Context", () => {
  const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  assert.is(traceparentOf(good), good);
  assert.is(traceparentOf(good.replace("00-", "cc-")), good.replace("00-", "cc-"));
  for (const wrong of [
    ...["", good.toUpperCase(), good.slice(1), `${good}0`, `${good}\n`, ` ${good}`, good.replace("00-", "ff-")],
    ...[`00-${"0".repeat(32)}-b7ad6b7169203331-01`, `00-0af7651916cd43dd8448eb211c80319c-${"0".repeat(16)}-01`],
    ...[5, null, {}, undefined],
  ])
    assert.throws(() => traceparentOf(wrong), TypeError, JSON.stringify(wrong));
});

test("a scope string is a set of tokens; quotation marks are none of them", () => {
  const cases: [string | undefined, string[]][] = [
    [undefined, []],
    ["", []],
    ['""', []],
    ['" "', []],
    ["b a  b", ["b", "a"]],
    ['"a b"', ["a", "b"]],
    ["a\tb\nc", ["a", "b", "c"]],
    ["a:b/c ü \u0000", ["a:b/c"]],
  ];
  for (const [scope, expected] of cases) assert.equal(scopesIn(scope), expected);
});
