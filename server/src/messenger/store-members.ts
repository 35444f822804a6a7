import type { Queryable, Statement } from "#platform/database.ts";

export interface MemberRow {
  userId: string;
  role: string;
  joinedAtMs: number;
  readNo: number;
  /** In this chat; empty: as everywhere. */
  displayName: string;
}

// A row with a null userId: the reader is a member and the page is empty.
const selectMembers: Statement = {
  name: "messenger.select-members",
  text: `SELECT m.user_id AS "userId", m.role, date_part('epoch', m.joined_at) * 1000 AS "joinedAtMs",
      m.read_no AS "readNo", m.display_name AS "displayName"
    FROM messenger.members reader
    LEFT JOIN LATERAL (
      SELECT * FROM messenger.members
      WHERE chat_id = $1::uuid AND user_id > $3::uuid ORDER BY user_id LIMIT $4
    ) m ON true
    WHERE reader.chat_id = $1::uuid AND reader.user_id = $2::uuid
    ORDER BY m.user_id`,
};

/** In the order of their ids. Undefined: the reader is not a member. */
export async function listMembers(
  database: Queryable,
  page: { chatId: string; readerId: string; afterUserId: string; limit: number },
): Promise<MemberRow[] | undefined> {
  const rows = await database.query<MemberRow | { [K in keyof MemberRow]: null }>(selectMembers, [
    page.chatId,
    page.readerId,
    page.afterUserId,
    page.limit,
  ]);
  if (rows.length === 0) return undefined;
  return rows.filter((row): row is MemberRow => row.userId !== null);
}

const insertMembers: Statement = {
  name: "messenger.insert-members",
  text: `INSERT INTO messenger.members (chat_id, user_id, role, read_no, joined_at)
    SELECT $1::uuid, given.user_id, 'member', $3, to_timestamp($4::float8 / 1000)
    FROM unnest($2::uuid[]) AS given (user_id)
    ON CONFLICT (chat_id, user_id) DO NOTHING
    RETURNING user_id AS "userId"`,
};

/** Those who were not members before. What was written before they came counts as read. */
export async function addMembers(
  tx: Queryable,
  addition: { chatId: string; userIds: string[]; readNo: number; atMs: number },
): Promise<string[]> {
  const { chatId, userIds, readNo, atMs } = addition;
  const rows = await tx.query<{ userId: string }>(insertMembers, [chatId, userIds, readNo, atMs]);
  return rows.map((row) => row.userId);
}

const selectRole: Statement = {
  name: "messenger.select-role",
  text: `SELECT role FROM messenger.members WHERE chat_id = $1 AND user_id = $2`,
};

/** Undefined: not a member. */
export async function findRole(tx: Queryable, chatId: string, userId: string): Promise<string | undefined> {
  const rows = await tx.query<{ role: string }>(selectRole, [chatId, userId]);
  return rows[0]?.role;
}

const updateRole: Statement = {
  name: "messenger.update-role",
  text: `UPDATE messenger.members SET role = $3 WHERE chat_id = $1 AND user_id = $2`,
};

export async function setRole(
  tx: Queryable,
  member: { chatId: string; userId: string; role: string },
): Promise<void> {
  await tx.query(updateRole, [member.chatId, member.userId, member.role]);
}

const updateDisplayName: Statement = {
  name: "messenger.update-display-name",
  text: `UPDATE messenger.members SET display_name = $3
    WHERE chat_id = $1 AND user_id = $2 AND display_name <> $3`,
};

/** Under the lock on the chat. */
export async function setDisplayName(
  tx: Queryable,
  member: { chatId: string; userId: string; displayName: string },
): Promise<void> {
  await tx.query(updateDisplayName, [member.chatId, member.userId, member.displayName]);
}

const deleteMember: Statement = {
  name: "messenger.delete-member",
  text: `DELETE FROM messenger.members WHERE chat_id = $1 AND user_id = $2`,
};

export async function removeMember(tx: Queryable, chatId: string, userId: string): Promise<void> {
  await tx.query(deleteMember, [chatId, userId]);
}

export interface ReadPosition {
  readNo: number;
  lastNo: number;
  atMs: number;
}

const raiseReadNo: Statement = {
  name: "messenger.raise-read-no",
  text: `UPDATE messenger.members m SET read_no = LEAST($3::int, c.last_no)
    FROM messenger.chats c
    WHERE m.chat_id = $1 AND m.user_id = $2 AND c.chat_id = $1 AND m.read_no < LEAST($3::int, c.last_no)
    RETURNING m.read_no AS "readNo", c.last_no AS "lastNo",
      floor(date_part('epoch', clock_timestamp()) * 1000) AS "atMs"`,
};

/** Undefined: it stays where it is, or the user is not a member. */
export async function raiseReadPosition(
  database: Queryable,
  position: { chatId: string; userId: string; no: number },
): Promise<ReadPosition | undefined> {
  const values = [position.chatId, position.userId, position.no];
  const rows = await database.query<ReadPosition & Record<string, number>>(raiseReadNo, values);
  return rows[0];
}

const selectReadPosition: Statement = {
  name: "messenger.select-read-position",
  text: `SELECT m.read_no AS "readNo", c.last_no AS "lastNo"
    FROM messenger.members m JOIN messenger.chats c ON c.chat_id = m.chat_id
    WHERE m.chat_id = $1 AND m.user_id = $2`,
};

/** Undefined: not a member. */
export async function findReadPosition(database: Queryable, chatId: string, userId: string) {
  const rows = await database.query<{ readNo: number; lastNo: number }>(selectReadPosition, [chatId, userId]);
  return rows[0];
}

const selectAcquaintances: Statement = {
  name: "messenger.select-acquaintances",
  text: `SELECT DISTINCT other.user_id AS "userId" FROM messenger.members other
    WHERE other.user_id = ANY($2::uuid[])
      AND other.chat_id IN (SELECT chat_id FROM messenger.members WHERE user_id = $1)`,
};

/** Those candidates who share a chat with the user. */
export async function filterAcquaintances(database: Queryable, userId: string, candidateIds: string[]) {
  const rows = await database.query<{ userId: string }>(selectAcquaintances, [userId, candidateIds]);
  return rows.map((row) => row.userId);
}
