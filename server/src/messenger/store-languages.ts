/** The languages of chats as they are found out from their messages: two columns of messenger.chats. */
import type { Queryable, Statement } from "#platform/database.ts";

const textsPerChat = 40;
const charactersPerText = 300;

// A bounded number of rows of each chat, whatever they hold: deleted messages are among them, without texts.
const selectLatestTexts: Statement = {
  name: "messenger.select-latest-texts",
  text: `SELECT ARRAY(
      SELECT left(m.text, ${charactersPerText}) FROM messenger.messages m
      WHERE m.chat_id = given.chat_id ORDER BY m.seq DESC LIMIT ${textsPerChat}
    )
    FROM unnest($1::uuid[]) WITH ORDINALITY AS given (chat_id, ordinal) ORDER BY given.ordinal`,
};

/** Of each chat the texts of its latest messages, the latest first, in the order of the ids. */
export async function readLatestTexts(database: Queryable, chatIds: readonly string[]): Promise<string[][]> {
  const rows = await database.queryArrays<[string[]]>(selectLatestTexts, [chatIds]);
  return rows.map(([texts]) => texts);
}

export interface DetectedLanguage {
  chatId: string;
  /** ISO 639-1; empty: none that is known. */
  language: string;
  /** The chat's last message's number when it was found out. */
  atNo: number;
}

const given = (values: string) => `(${values})[array_position($1::uuid[], c.chat_id)]`;

// Waits for nobody: a chat that somebody writes in just now is left out, so that no send can end up in a deadlock with
// the locks on the others. By arrays rather than a join, which could become a hash of the whole table.
const updateDetected: Statement = {
  name: "messenger.update-detected-languages",
  text: `UPDATE messenger.chats c
    SET detected_language = ${given("$2::text[]")}, detected_at_no = ${given("$3::int[]")}
    WHERE c.detected_at_no < ${given("$3::int[]")} AND c.chat_id = ANY (ARRAY(
      SELECT chat_id FROM messenger.chats WHERE chat_id = ANY ($1::uuid[]) FOR NO KEY UPDATE SKIP LOCKED
    ))`,
};

/** Those that somebody is just changing, or that were found out from more messages meanwhile, stay as they are. */
export async function setDetectedLanguages(
  database: Queryable,
  detected: readonly DetectedLanguage[],
): Promise<void> {
  await database.query(updateDetected, [
    detected.map(({ chatId }) => chatId),
    detected.map(({ language }) => language),
    detected.map(({ atNo }) => atNo),
  ]);
}
