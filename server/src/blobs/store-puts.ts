/** The statements that change keys; their bodies are in migrations/0001-blobs.sql. */
import type { Queryable, Statement } from "#platform/database.ts";

/** Makes an object, whose bytes are there, that of a key. */
export interface Put {
  ownerId: string;
  key: Buffer;
  object: PutObject;
  contentType: string;
  /** Undefined: there is none. */
  metadata: Record<string, string> | undefined;
  condition: PutCondition;
}

export interface PutObject {
  id: string;
  size: number;
  sha256: Uint8Array;
  /** As in StoredObject. */
  pieces?: readonly { id: string; size: number }[] | undefined;
  spooledBy?: string | undefined;
}

/** All of it must hold. Hashes are SHA-256 in hex. */
export interface PutCondition {
  /** Undefined: whether or not. */
  exists?: boolean | undefined;
  isOneOf?: readonly string[] | undefined;
  isNoneOf?: readonly string[] | undefined;
}

export type PutRefusal = "precondition-failed" | "quota-exceeded";

export type PutOutcome = { updatedAtMs: number; isCreated: boolean } | { refusal: PutRefusal };

const putBlobs: Statement = {
  name: "blobs.put-blobs",
  text: `SELECT at_ms, outcomes FROM blobs.put_blobs($1::uuid[], $2::int[], $3::bytea[], $4::int[], $5::uuid[],
    $6::bigint[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::boolean[],
    $14::text[], $15::text[], $16::bigint)`,
};

/** One outcome per put, in their order; those of one key are applied in that order. */
export async function storePuts(
  database: Queryable,
  puts: readonly Put[],
  quotaBytes: number,
): Promise<PutOutcome[]> {
  const { owners, keyOwners, keys, keyPlaces } = placesOf(puts);
  const objects = puts.map(({ object }) => object);
  const [row] = await database.queryArrays<[atMs: number, outcomes: string[]]>(putBlobs, [
    owners,
    keyOwners,
    keys,
    keyPlaces,
    objects.map(({ id }) => id),
    objects.map(({ size }) => size),
    objects.map(({ sha256 }) => hexOf(sha256)),
    objects.map(({ pieces }) => pieces && arrayLiteral(pieces.map(({ id }) => id))),
    objects.map(({ pieces }) => pieces && arrayLiteral(pieces.map(({ size }) => String(size)))),
    objects.map(({ spooledBy }) => spooledBy),
    puts.map(({ contentType }) => contentType),
    puts.map(({ metadata }) => metadata && JSON.stringify(metadata)),
    puts.map(({ condition }) => condition.exists),
    puts.map(({ condition }) => condition.isOneOf && arrayLiteral(condition.isOneOf)),
    puts.map(({ condition }) => condition.isNoneOf && arrayLiteral(condition.isNoneOf)),
    quotaBytes,
  ]);
  const [updatedAtMs, outcomes] = row!;
  return outcomes.map((outcome) =>
    outcome === "created" || outcome === "replaced"
      ? { updatedAtMs, isCreated: outcome === "created" }
      : { refusal: outcome as PutRefusal },
  );
}

const hexOf = (bytes: Uint8Array) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");

/** Of ids, numbers and hashes, which need no quotes. */
const arrayLiteral = (values: readonly string[]) => `{${values.join(",")}}`;

/** Owners and keys, distinct and in the order in which they are locked, and each put's place from 1. */
function placesOf(puts: readonly Put[]) {
  const owners = [...new Set(puts.map(({ ownerId }) => ownerId))].sort();
  const ownerPlaces = new Map(owners.map((ownerId, index) => [ownerId, index + 1]));
  const byKey = new Map<string, Put>();
  const nameOf = ({ ownerId, key }: Put) => `${ownerId}${key.toString("latin1")}`;
  for (const put of puts) byKey.set(nameOf(put), put);
  // Of equally long owners, so the order of the whole is that of owner and then key.
  const names = [...byKey.keys()].sort();
  const keyPlaceOf = new Map(names.map((name, index) => [name, index + 1]));
  const distinct = names.map((name) => byKey.get(name)!);
  return {
    owners,
    keyOwners: distinct.map(({ ownerId }) => ownerPlaces.get(ownerId)!),
    keys: distinct.map(({ key }) => key),
    keyPlaces: puts.map((put) => keyPlaceOf.get(nameOf(put))!),
  };
}

export type DeleteOutcome = "deleted" | "absent" | "precondition-failed";

const deleteBlobStatement: Statement = {
  name: "blobs.delete-blob",
  text: "SELECT blobs.delete_blob($1, $2, $3, $4) AS outcome",
};

/** match: undefined: whatever it is; "*": whatever it is, but something; else the SHA-256 in hex that it must have. */
export async function storeDelete(
  database: Queryable,
  { ownerId, key, match }: { ownerId: string; key: Buffer; match: string | undefined },
): Promise<DeleteOutcome> {
  const hash = match === "*" ? null : match;
  const [row] = await database.query<{ outcome: DeleteOutcome }>(deleteBlobStatement, [
    ownerId,
    key,
    match !== undefined,
    hash,
  ]);
  return row!.outcome;
}
