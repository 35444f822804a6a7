/** argon2id (RFC 9106), off the event loop and a few at a time. */
import { randomBytes } from "node:crypto";
import * as argon2 from "@node-rs/argon2";
import type { IdentityConfig } from "#identity/config.ts";
import { invalidInput } from "#platform/errors.ts";
import { createGate } from "#platform/gate.ts";
import type { Log } from "#platform/log.ts";

export interface PasswordHashing {
  hash(password: string, signal?: AbortSignal): Promise<string>;
  /** Whether it is the password of that hash. Without a hash the answer is no, after the same work. */
  verify(passwordHash: string | undefined, password: string, signal?: AbortSignal): Promise<boolean>;
  /** Whether the hash was made with other parameters than are set now. */
  isOutdated(passwordHash: string): boolean;
  stop(): Promise<void>;
}

const minCharacters = 8;
export const maxPasswordBytes = 256;
/** The cheapest of the settings that OWASP's Password Storage Cheat Sheet calls equal: 7 MiB, 5 passes. */
const leastWork = 7_168 * 5;
const saltBytes = 16;
const outputBytes = 32;

/** What of @node-rs/argon2 is used; a test can put a counting one in its place. */
export type Argon2 = Pick<typeof argon2, "hash" | "verify">;

export function createPasswordHashing(config: IdentityConfig, engine: Argon2 = argon2): PasswordHashing {
  const parameters = {
    memoryCost: config.PARLEY_ARGON2_MEMORY_KIB,
    timeCost: config.PARLEY_ARGON2_PASSES,
    parallelism: config.PARLEY_ARGON2_LANES,
    outputLen: outputBytes,
  };
  const queue = createGate({
    maxRunning: config.PARLEY_PASSWORD_HASH_CONCURRENCY,
    maxWaiting: config.PARLEY_PASSWORD_HASH_QUEUE,
  });
  const decoy = decoyHash(parameters);
  return {
    async hash(password, signal) {
      const bytes = passwordBytes(password);
      return queue.run(() => engine.hash(bytes, parameters), signal);
    },
    async verify(passwordHash, password, signal) {
      const bytes = passwordBytes(password);
      const matches = await queue.run(() => engine.verify(passwordHash ?? decoy, bytes), signal);
      return matches && passwordHash !== undefined;
    },
    isOutdated(passwordHash) {
      const made = argon2.parseOptions(passwordHash);
      return (Object.keys(parameters) as (keyof typeof parameters)[]).some(
        (name) => made[name] !== parameters[name],
      );
    },
    stop: () => queue.stop(),
  };
}

export function warnOfWeakHashing(config: IdentityConfig, log: Log): void {
  const work = config.PARLEY_ARGON2_MEMORY_KIB * config.PARLEY_ARGON2_PASSES;
  if (work < leastWork) log.warn("password hashing is set weaker than advised");
}

/** Throws what the contract says about new passwords; for callers that the contract's rules were not applied to. */
export function requireAcceptablePassword(password: string): void {
  if ([...normalizePassword(password)].length < minCharacters) {
    throw invalidInput("password", `must have at least ${minCharacters} characters`);
  }
}

function passwordBytes(password: string): Buffer {
  if (!password.isWellFormed()) throw invalidInput("password", "must be valid Unicode");
  if (Buffer.byteLength(password) > maxPasswordBytes)
    throw invalidInput("password", `must have at most ${maxPasswordBytes} bytes`);
  return Buffer.from(normalizePassword(password));
}

/**
 * One password typed on two keyboards must be the same bytes: the mappings of the OpaqueString profile
 * (RFC 8265, section 4.2). Unlike NFKC they keep apart characters that only look alike.
 */
function normalizePassword(password: string): string {
  return password.replace(/\p{Zs}/gu, " ").normalize("NFC");
}

/** A hash that costs as much to verify as a real one, and that belongs to no password. */
function decoyHash(p: { memoryCost: number; timeCost: number; parallelism: number }): string {
  const [salt, output] = [saltBytes, outputBytes].map((size) =>
    randomBytes(size).toString("base64").replaceAll("=", ""),
  );
  return `$argon2id$v=19$m=${p.memoryCost},t=${p.timeCost},p=${p.parallelism}$${salt}$${output}`;
}
