/** What must be true of every chat at any moment, as `parley doctor` checks it: tests do so after everything. */
import { messengerChecks } from "#messenger/doctor/messenger-checks.ts";
import type { Database } from "#platform/database.ts";
import { runCheck } from "#platform/doctor.ts";

export interface BrokenRule {
  rule: string;
  /** Up to 20 of each rule. */
  id: string;
}

export async function findViolations(database: Database): Promise<BrokenRule[]> {
  const broken: BrokenRule[] = [];
  const run = { signal: new AbortController().signal, onProgress() {} };
  for (const check of messengerChecks) {
    const { examples } = await runCheck(check, database, run);
    for (const { id } of examples) broken.push({ rule: check.name, id });
  }
  return broken;
}
