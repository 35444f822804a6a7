/**
 * The floor of the writes: multi-row INSERTs into a table of the same shape as Parley's messages, indexes and
 * constraints included, on the same PostgreSQL; one connection, a commit for each batch.
 */
import { randomUUID } from "node:crypto";
import type pg from "pg";
import { createTexts } from "../load/texts.ts";

export interface InsertFloorOptions {
  client: pg.Client;
  rowsPerBatch: number;
  windowMs: number;
}

const schema = "bench_floor";
const chats = Array.from({ length: 100 }, () => randomUUID());
const senders = Array.from({ length: 200 }, () => randomUUID());
const texts = createTexts(4_096, 100, 1);

let measurements = 0;

/** Rows per second. */
export async function measureInserts({
  client,
  rowsPerBatch,
  windowMs,
}: InsertFloorOptions): Promise<number> {
  await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  await client.query(`CREATE SCHEMA ${schema}`);
  try {
    await client.query(`CREATE TABLE ${schema}.messages (LIKE messenger.messages INCLUDING ALL)`);
    // A prepared statement keeps to the table that it was prepared for.
    const name = `floor-${++measurements}`;
    const startedAt = performance.now();
    let rows = 0;
    let batch = createBatch(rows, rowsPerBatch);
    while (performance.now() - startedAt < windowMs) {
      const inserted = client.query({ name, text: insert, values: batch });
      rows += rowsPerBatch;
      // Made while the database works, as a server would.
      batch = createBatch(rows, rowsPerBatch);
      await inserted;
    }
    return (rows * 1_000) / (performance.now() - startedAt);
  } finally {
    await client.query(`DROP SCHEMA ${schema} CASCADE`);
  }
}

const insert = `INSERT INTO ${schema}.messages (chat_id, seq, no, sender_id, client_id, text, created_at)
  SELECT chat_id, seq, seq, sender_id, client_id, text, now()
  FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[], $5::text[])
    AS row (chat_id, seq, sender_id, client_id, text)`;

function createBatch(from: number, rows: number): unknown[] {
  const numbers = Array.from({ length: rows }, (_, row) => from + row);
  const cycle = <T>(values: readonly T[]) => numbers.map((number) => values[number % values.length]!);
  return [cycle(chats), numbers, cycle(senders), numbers.map((number) => `floor.${number}`), cycle(texts)];
}
