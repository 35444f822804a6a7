import assert from "node:assert/strict";
import type { LookupAddress } from "node:dns";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isPrivateAddress } from "#dispatch/sending/private-network.ts";
import { createPublicLookup, PrivateNetworkError } from "#dispatch/sending/public-lookup.ts";

describe("addresses", () => {
  const notPublic = `0.0.0.0 0.1.2.3 10.1.2.3 100.64.0.1 100.127.255.255 127.0.0.1 127.9.9.9 169.254.169.254 172.16.0.1
    172.31.255.255 192.0.0.8 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1
    224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255
    :: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:169.254.169.254 ::ffff:0:7f00:1 64:ff9b::7f00:1
    64:ff9b::10.0.0.1 64:ff9b::169.254.169.254 64:ff9b:1::1 100::1 2001::1 2001:2::1 2001:10::1 2001:db8::1 2002:7f00:1::
    3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1 ::ffff:10.0.0.1%1`;
  for (const address of notPublic.split(/\s+/)) {
    test(`${address} is private`, () => assert.equal(isPrivateAddress(address), true));
  }

  const open = `1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 126.255.255.255 128.0.0.1 169.253.1.1
    172.15.255.255 172.32.0.1 192.0.1.1 192.167.1.1 198.17.1.1 198.20.0.1 223.255.255.255 ::ffff:8.8.8.8 64:ff9b::8.8.8.8
    2001:200::1 2001:4860:4860::8888 2606:4700::1111 2a00:1450::1`;
  for (const address of open.split(/\s+/)) {
    test(`${address} is public`, () => assert.equal(isPrivateAddress(address), false));
  }

  test("mapped and through NAT64 they are what they are as IPv4", () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const isPrivate = isPrivateAddress(address);
        assert.equal(isPrivateAddress(`::ffff:${address}`), isPrivate);
        assert.equal(isPrivateAddress(`64:ff9b::${address}`), isPrivate);
      }),
    );
  });

  test("what is no address is private", () => {
    for (const text of ["", "example.com", "1.2.3", "1.2.3.4.5", "[::1]", ":::"]) {
      assert.equal(isPrivateAddress(text), true, text);
    }
  });
});

describe("names", () => {
  const addressOf = (address: string): LookupAddress => ({ address, family: address.includes(":") ? 6 : 4 });

  function lookUp(answers: string[], all: boolean, privateHosts: string[] = []) {
    const lookup = createPublicLookup(new Set(privateHosts), (_host, options, done) => {
      assert.equal(options.all, true);
      done(null, answers.map(addressOf));
    });
    return new Promise((resolve) => {
      lookup("api.example.com", { all }, (error, address) => resolve(error ?? address));
    });
  }

  test("that lead to private addresses too give the public ones only", async () => {
    const mixed = ["169.254.169.254", "8.8.8.8", "::1", "2606:4700::1111"];
    assert.deepEqual(await lookUp(mixed, true), ["8.8.8.8", "2606:4700::1111"].map(addressOf));
    assert.equal(await lookUp(mixed, false), "8.8.8.8");
  });

  test("that lead to private addresses only give none", async () => {
    for (const all of [true, false]) {
      assert.ok((await lookUp(["127.0.0.1", "fd00::1"], all)) instanceof PrivateNetworkError);
      assert.ok((await lookUp([], all)) instanceof PrivateNetworkError);
    }
  });

  test("that are named, or lead to a named address, give it", async () => {
    assert.deepEqual(await lookUp(["10.0.0.1"], true, ["api.example.com"]), [addressOf("10.0.0.1")]);
    assert.deepEqual(await lookUp(["10.0.0.1", "10.0.0.2"], true, ["10.0.0.2"]), [addressOf("10.0.0.2")]);
  });
});
