/** Which way to the messages is the shortest, by what each is expected to read. */
import type { Share } from "#messenger/finding/word-frequencies.ts";
import type { Plan } from "#messenger/store-finding-messages.ts";

export interface Expectation {
  /** Messages in all chats of everybody, and in those that are searched. */
  messageCount: number;
  scopeSize: number;
  /** Of each condition the share of messages that satisfy it. */
  shares: readonly Share[];
  /** How many hits are wanted. */
  limit: number;
}

export interface ChosenPlan {
  plan: Plan;
  /** Which of the conditions the index is asked for. */
  indexed: number[];
  /** Expected time of each plan. */
  costMs: Record<Plan, number>;
}

/** Time to look at one message by each plan, and to take note of one that an index names, in ms. */
const readMs = { selective: 0.004, "own-chats": 0.0025, newest: 0.0008 };
const noteMs = 0.0003;
/** Conditions that are so much less selective than the best one are not worth asking the index for. */
const worthIndexing = 20;
/** Until the table has been analysed: many, so that what is known to be small is preferred. */
const unknownCount = 1_000_000;
/** Messages with a word stand closer together than chance would have it, and so do a user's. */
const unevenness = 2;

export function choosePlan({ messageCount, scopeSize, shares, limit }: Expectation): ChosenPlan {
  const total = Math.max(messageCount || unknownCount, scopeSize);
  const rarest = Math.min(1, ...shares.map(({ atMost }) => atMost));
  const all = shares.reduce((product, { likely }) => product * likely, 1);
  const isIndexed = shares.length > 0;
  const named = total * rarest;
  const expectedHits = scopeSize * all;
  const walked = expectedHits > 0 ? Math.min(total, (limit / expectedHits) * total * unevenness) : total;
  const costMs: Record<Plan, number> = {
    selective: isIndexed ? named * readMs.selective : Number.POSITIVE_INFINITY,
    crossed: isIndexed
      ? scopeSize * rarest * readMs.selective + (named + scopeSize) * noteMs
      : Number.POSITIVE_INFINITY,
    "own-chats": scopeSize * readMs["own-chats"],
    newest: walked * readMs.newest,
  };
  const plans = Object.keys(costMs) as Plan[];
  return {
    plan: plans.reduce((best, plan) => (costMs[plan] < costMs[best] ? plan : best)),
    indexed: shares.flatMap((share, index) => (share.atMost <= rarest * worthIndexing ? [index] : [])),
    costMs,
  };
}
