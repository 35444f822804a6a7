import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseHost, urlProblem } from "#dispatch/sending/provider-url.ts";

describe("URLs", () => {
  const none = new Set<string>();

  test("of private addresses in whatever form, and of local names, are refused", () => {
    const hosts = `127.0.0.1 127.1 2130706433 0x7f000001 0177.0.0.1 10.0.0.1 169.254.169.254 [::1] [::ffff:7f00:1]
      [fd00::1] localhost LocalHost localhost. app.localhost 0 １２７.0.0.1`;
    for (const host of hosts.split(/\s+/)) {
      assert.match(urlProblem(new URL(`http://${host}/`), none) ?? "", /private network/, host);
    }
  });

  test("of public addresses, and of names that are looked up later, are not", () => {
    for (const host of ["8.8.8.8", "[2606:4700::1111]", "api.example.com", "notlocalhost"]) {
      assert.equal(urlProblem(new URL(`https://${host}/`), none), undefined, host);
    }
  });

  test("are not refused where the host is named, in whatever form", () => {
    const named: [string, string][] = [
      ["localhost", "LOCALHOST"],
      ["127.1", "127.0.0.1"],
      ["[::1]", "0:0:0:0:0:0:0:1"],
      ["[::1]", "[::1]"],
      ["localhost.", "localhost"],
    ];
    for (const [host, name] of named) {
      assert.equal(urlProblem(new URL(`http://${host}/`), new Set([parseHost(name)!])), undefined, host);
    }
    assert.match(urlProblem(new URL("http://10.0.0.1"), new Set(["10.0.0.2"])) ?? "", /private/);
  });

  test("of other protocols, with credentials and with a fragment are refused", () => {
    assert.match(urlProblem(new URL("ftp://example.com"), none) ?? "", /http/);
    const withPassword = urlProblem(new URL("https://me:secret@example.com"), none) ?? "";
    assert.match(withPassword, /use headers/);
    assert.doesNotMatch(withPassword, /secret/);
    assert.match(urlProblem(new URL("https://example.com/#part"), none) ?? "", /#/);
    assert.match(urlProblem(null, none) ?? "", /must be a URL/);
  });
});
