/**
 * The keys that access tokens are signed with (Ed25519). All pods share them through the database, where the private
 * halves lie sealed under the master secret.
 *
 * A key made because the last one has grown old is published for a while before it signs; one made on request signs
 * at once (verifiers fetch the key set again when they meet an unknown key id). Of two keys that may sign, the one
 * made later does. A key stays published until every token that it can have signed has expired.
 */
import { createHash, createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { clockSkewMs, type IdentityConfig } from "#identity/config.ts";
import type { PrivateKeySealer } from "#identity/sealed-private-key.ts";
import type { RetiredKey, SigningKeyRow, SigningKeyStore } from "#identity/store-signing-keys.ts";
import type { Clock } from "#platform/clock.ts";
import { fault } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";

export interface SigningKey {
  readonly kid: string;
  /** base64url of the public key. */
  readonly x: string;
  readonly privateKey: KeyObject;
  readonly signsFromMs: number;
}

export interface SigningKeys {
  /** Makes the first key if there is none. Throws when the master secret does not fit the keys in the database. */
  start(): Promise<void>;
  /** The key to sign with now. */
  signer(): Promise<SigningKey>;
  /** Every key that a valid token may be signed with. */
  published(): Promise<SigningKey[]>;
  /** Makes a key that signs from now on and answers its id. */
  rotate(): Promise<string>;
  /** Makes the next key if the last one has grown old, and removes those that have served their time. */
  maintain(): Promise<void>;
}

interface SigningKeysOptions {
  config: IdentityConfig;
  store: SigningKeyStore;
  sealer: PrivateKeySealer;
  clock: Clock;
  log: Log;
}

/** How long a pod signs with the keys that it knows before it looks for newer ones. */
const reloadAfterMs = 15_000;
/** A bound on what a runaway caller of rotate can do to the size of the key set. */
const maxKeys = 20;
const msPerDay = 86_400_000;

export function createSigningKeys(options: SigningKeysOptions): SigningKeys {
  const { config, store, clock, log } = options;
  const ring = createKeyRing(options);

  const leadMs = config.PARLEY_SIGNING_KEY_LEAD_SECONDS * 1_000;
  const firstKey = (present: SigningKeyRow[]) =>
    present.length === 0 ? generate(options, clock.now()) : undefined;
  const successorOfOldKey = (present: SigningKeyRow[]) => {
    const last = present.at(-1);
    if (!last) return generate(options, clock.now());
    const endsMs = last.signsFrom.getTime() + config.PARLEY_SIGNING_KEY_DAYS * msPerDay;
    const now = clock.now();
    return now >= endsMs - leadMs ? generate(options, now + leadMs) : undefined;
  };
  const announce = (key: SigningKeyRow | undefined) => {
    if (key) log.info({ kid: key.kid, signsFrom: key.signsFrom }, "made a signing key");
    return key;
  };

  return {
    async start() {
      // Before anything is added: a wrong master secret must leave the key set as it is.
      await ring.reload();
      await store.addIfDue((present) => announce(firstKey(present)));
      await ring.reload();
    },
    signer: async () => currentSigner(await ring.keys(), clock.now()),
    published: () => ring.latest(),
    async rotate() {
      let made: SigningKeyRow | undefined;
      await store.addIfDue((present) => {
        if (present.length >= maxKeys) {
          throw fault("too-many-requests", { detail: "The signing keys were rotated too often lately" });
        }
        made = generate(options, clock.now());
        return announce(made);
      });
      await ring.reload();
      return made!.kid;
    },
    async maintain() {
      // Looked at without the lock first: nearly always there is nothing to do.
      const present = await store.list();
      if (successorOfOldKey(present)) await store.addIfDue((rows) => announce(successorOfOldKey(rows)));
      const now = clock.now();
      const retired = retiredKeys(present, config, now);
      if (retired.length > 0) await store.remove(retired, new Date(now - clockSkewMs));
      await ring.reload();
    },
  };
}

/** The keys as this pod last saw them. */
function createKeyRing({ store, sealer, clock, log }: SigningKeysOptions) {
  let ring = { keys: [] as SigningKey[], loadedAtMs: Number.NEGATIVE_INFINITY, load: 0 };
  let loads = 0;

  const reload = async () => {
    const load = ++loads;
    const loadedAtMs = clock.now();
    const rows = await store.list();
    const known = new Map(ring.keys.map((key) => [key.kid, key]));
    const keys = rows.map((row) => known.get(row.kid) ?? openKey(row, sealer));
    // A load that was overtaken by a later one must not bring back what that one found gone.
    if (load > ring.load) ring = { keys, loadedAtMs, load };
    return keys;
  };
  /** After a failed reload the keys known so far do, as long as there are any. */
  const reloadIfPossible = async () => {
    try {
      return await reload();
    } catch (error) {
      if (ring.keys.length === 0) throw error;
      log.warn({ err: error }, "signing keys could not be reloaded; going on with those known");
      return ring.keys;
    }
  };
  return {
    reload,
    latest: reloadIfPossible,
    keys: async () => {
      const ageMs = clock.now() - ring.loadedAtMs;
      return ageMs >= 0 && ageMs < reloadAfterMs ? ring.keys : reloadIfPossible();
    },
  };
}

/** Falls back to the oldest for a pod whose clock is behind that of the pod which made the first key. */
function currentSigner(keys: SigningKey[], nowMs: number): SigningKey {
  const signer = keys.findLast((key) => key.signsFromMs <= nowMs) ?? keys[0];
  if (!signer) throw fault("unavailable");
  return signer;
}

/** A key is out of use from the moment a later one signs; its last tokens of usual length expire a token's life after that. */
function retiredKeys(rows: SigningKeyRow[], config: IdentityConfig, nowMs: number): RetiredKey[] {
  const handoverMs = reloadAfterMs + clockSkewMs;
  const tokenMs = config.PARLEY_ACCESS_TOKEN_SECONDS * 1_000;
  return rows.flatMap(({ kid }, index) => {
    const later = rows.slice(index + 1).map((row) => row.signsFrom.getTime());
    const signedUntilMs = Math.min(...later) + handoverMs;
    return signedUntilMs + tokenMs <= nowMs ? [{ kid, signedUntil: new Date(signedUntilMs) }] : [];
  });
}

function generate({ sealer, clock }: SigningKeysOptions, signsFromMs: number): SigningKeyRow {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const x = publicKey.export({ format: "jwk" }).x!;
  const kid = thumbprint(x);
  return {
    kid,
    x,
    sealedPrivateKey: sealer.seal(kid, privateKey.export({ format: "der", type: "pkcs8" })),
    signsFrom: new Date(signsFromMs),
    createdAt: new Date(clock.now()),
  };
}

function openKey(row: SigningKeyRow, sealer: PrivateKeySealer): SigningKey {
  const der = sealer.open(row.kid, row.sealedPrivateKey);
  if (!der) {
    throw new Error(
      "The master secret (PARLEY_SECRET_KEY) does not open the signing keys in this database: " +
        "start with the secret that they were made with",
    );
  }
  return {
    kid: row.kid,
    x: row.x,
    privateKey: createPrivateKey({ key: der, format: "der", type: "pkcs8" }),
    signsFromMs: row.signsFrom.getTime(),
  };
}

/** RFC 7638. */
function thumbprint(x: string): string {
  return createHash("sha256")
    .update(JSON.stringify({ crv: "Ed25519", kty: "OKP", x }))
    .digest("base64url");
}
