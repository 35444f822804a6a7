import assert from "node:assert/strict";
import { test } from "node:test";
import { addressKey } from "#gateway/throttle/address-key.ts";
import { throttleSettings } from "#gateway/throttle/config.ts";
import { parseRateLimit } from "#gateway/throttle/rate-limit.ts";
import { readSettings, type SettingProblem } from "#platform/settings.ts";

const parsed = (text: string) => {
  const limit = parseRateLimit(text);
  return limit === "off" ? limit : [limit.burst, limit.intervalMs];
};

test("reads limits as people write them", () => {
  assert.deepEqual(parsed("100/s burst 500"), [500, 10]);
  assert.deepEqual(parsed("10/min"), [10, 6_000]);
  assert.deepEqual(parsed("5/10s"), [5, 2_000]);
  assert.deepEqual(parsed("2/h burst 1"), [1, 1_800_000]);
  assert.equal(parsed("off"), "off");
  assert.equal(String(parseRateLimit("100/s burst 500")), "100/s burst 500");
});

test("a limit that is malformed or out of range stops the start, with a message that names it", () => {
  const malformed = [
    "0/s",
    "-1/s",
    "1.5/s",
    "100",
    "100/s burst",
    "100/s burst 0",
    "10/day",
    "1e3/s",
    " 1/s",
    "OFF",
  ];
  const outOfRange = ["100001/s", "1/s burst 1000001", "1/h burst 1000"];
  for (const text of [...malformed, ...outOfRange]) {
    const problems: SettingProblem[] = [];
    readSettings(throttleSettings, { PARLEY_LIMIT_SEND: text }, problems);
    assert.equal(problems[0]?.name, "PARLEY_LIMIT_SEND", text);
    assert.match(problems[0].message, /^must /, text);
  }
});

test("an IPv6 address stands for its /64, an IPv4 address for itself", () => {
  const same = [
    "2001:db8:1:2::1",
    "2001:db8:1:2:ffff:ffff:ffff:ffff",
    "2001:0DB8:0001:0002:3::",
    "2001:db8:1:2::1.2.3.4",
  ];
  assert.deepEqual([...new Set(same.map(addressKey))], ["2001:db8:1:2::/64"]);
  assert.equal(addressKey("2001:db8::1"), "2001:db8:0:0::/64");
  assert.equal(addressKey("::1"), "0:0:0:0::/64");
  assert.equal(addressKey("fe80::1%eth0"), "fe80:0:0:0::/64");
  assert.equal(addressKey("1:2:3:4:5:6:1.2.3.4"), "1:2:3:4::/64");
  assert.notEqual(addressKey("2001:db8:1:3::1"), addressKey("2001:db8:1:2::1"));
  assert.equal(addressKey("192.0.2.7"), "192.0.2.7");
  assert.equal(addressKey(""), "");
});
