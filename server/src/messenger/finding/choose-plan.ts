/** Which way to the messages is the shortest, by what each is expected to read. */
import type { Plan } from "#messenger/store-finding-messages.ts";

export interface Expectation {
  /** Messages in all chats of everybody, and in those that are searched. */
  messageCount: number;
  scopeSize: number;
  /** Of each condition the share of messages that satisfy it, at the most. */
  shares: readonly number[];
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

/** Time to look at one message by each plan, in ms. */
const readMs: Record<Plan, number> = { selective: 0.004, "own-chats": 0.0025, newest: 0.0016 };
/** Conditions that are so much less selective than the best one are not worth asking the index for. */
const worthIndexing = 20;
/** Messages with a word stand closer together than chance would have it, and so do a user's. */
const unevenness = 2;

export function choosePlan({ messageCount, scopeSize, shares, limit }: Expectation): ChosenPlan {
  const total = Math.max(messageCount, scopeSize, 1);
  const rarest = shares.length > 0 ? Math.min(...shares) : 1;
  const all = shares.reduce((product, share) => product * share, 1);
  const expectedHits = scopeSize * all;
  const walked = expectedHits > 0 ? Math.min(total, (limit / expectedHits) * total * unevenness) : total;
  const costMs: Record<Plan, number> = {
    selective: shares.length > 0 ? total * rarest * readMs.selective : Number.POSITIVE_INFINITY,
    "own-chats": scopeSize * readMs["own-chats"],
    newest: walked * readMs.newest,
  };
  const plans = Object.keys(costMs) as Plan[];
  return {
    plan: plans.reduce((best, plan) => (costMs[plan] < costMs[best] ? plan : best)),
    indexed: shares.flatMap((share, index) => (share <= rarest * worthIndexing ? [index] : [])),
    costMs,
  };
}
