/** How good a hit is: how near its words come to what was asked for, how close together they are, and how new it is. */
import { likeness, type SoughtTerm, type Way } from "#messenger/finding/likeness.ts";
import { termCondition } from "#messenger/finding/to-tsquery.ts";
import type { Candidate } from "#messenger/store-finding-messages.ts";

/** What a candidate is probed for: the terms as near as each degree of likeness. */
interface Probe {
  term: number;
  likeness: number;
  condition: string;
}

export interface Ranking {
  /** tsqueries; the candidates tell which of them they satisfy. */
  conditions: string[];
  score(candidate: Candidate): number;
}

const closenessBonus = 0.2;
const optionalBonus = 0.1;
/** What of the score never fades, and how fast the rest does. */
const lasting = 0.75;
const halfLifeDays = 180;
const dayMs = 86_400_000;
/** ts_rank_cd of words next to each other. */
const closest = 0.1;

export function rankingOf(terms: readonly SoughtTerm[]): Ranking {
  const wanted = terms.filter((term) => !term.excluded);
  const probes = wanted.flatMap(probesOf);
  return {
    conditions: probes.map((probe) => probe.condition),
    score({ satisfied, closeness, ageMs }) {
      const best = wanted.map(() => 0);
      for (const [index, probe] of probes.entries()) {
        if (satisfied[index] === "1") best[probe.term] = Math.max(best[probe.term]!, probe.likeness);
      }
      const fading = 2 ** (-Math.max(ageMs, 0) / dayMs / halfLifeDays);
      const match = matchOf(wanted, best) * (1 + closenessBonus * Math.min(closeness / closest, 1));
      return match * (lasting + (1 - lasting) * fading);
    },
  };
}

function matchOf(terms: readonly SoughtTerm[], best: readonly number[]): number {
  const required = best.filter((_, index) => !terms[index]!.optional);
  const bonus = best.filter((how, index) => terms[index]!.optional && how > 0).length;
  if (required.length === 0) return 1;
  return required.reduce((sum, how) => sum + how, 0) / required.length + bonus * optionalBonus;
}

function probesOf(term: SoughtTerm, index: number): Probe[] {
  return Object.values(likeness).flatMap((least) => {
    const ways = term.ways.map((way) => waysAtLeast(way, least)).filter((way) => way !== undefined);
    if (ways.length === 0) return [];
    return [{ term: index, likeness: least, condition: termCondition({ ...term, ways }) }];
  });
}

/** Undefined: not as near as that. */
function waysAtLeast(way: Way, least: number): Way | undefined {
  const slots = way.map(({ words, beginnings }) => ({
    words: new Map([...words].filter(([, how]) => how >= least)),
    beginnings: new Map([...beginnings].filter(([, how]) => how >= least)),
  }));
  return slots.every(({ words, beginnings }) => words.size + beginnings.size > 0) ? slots : undefined;
}
