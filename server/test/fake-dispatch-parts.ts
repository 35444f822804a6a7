/** Parts of dispatch for tests: providers that do as they are told and keep a ledger, permits and money counted in memory. */
import type { Budget } from "#dispatch/budget/budget.ts";
import type { NoPermit, Permits } from "#dispatch/permits/permits.ts";
import type { Catalogue, Processor, Provider } from "#dispatch/providers/catalogue.ts";
import type { ProviderRequest, Sender, SendOutcome } from "#dispatch/sending/sender.ts";

export function testProvider(id: string, changes: Partial<Provider> = {}): Provider {
  return {
    id,
    adapter: "json",
    url: new URL("http://127.0.0.1:9"),
    headers: {},
    priceMicros: 0,
    timeoutMs: 2_000,
    concurrency: 64,
    maxQueueMs: 100,
    guardMs: 10,
    quotas: [],
    idempotencyHeader: undefined,
    options: {},
    ...changes,
  };
}

export function testCatalogue(
  providers: readonly Provider[],
  { processor = {}, ...changes }: Partial<Catalogue> & { processor?: Partial<Processor> } = {},
): Catalogue {
  const standard: Processor = {
    id: "default",
    about: "For tests",
    providers,
    maxTextBytes: 65_536,
    delivery: "at-most-once",
    options: {},
    ...processor,
  };
  return {
    providers: new Map(providers.map((provider) => [provider.id, provider])),
    processors: new Map([[standard.id, standard]]),
    currency: "USD",
    paidAccess: "everyone",
    spendCapMicros: undefined,
    userSpendCapMicros: undefined,
    awayCapMicros: 0,
    privateHosts: new Set(),
    ...changes,
  };
}

type Answer = SendOutcome | ((request: ProviderRequest) => SendOutcome | Promise<SendOutcome>);

/** Answers with the text in upper case, unless told otherwise; `sent` is what reached each provider. */
export function createTestSender() {
  const answers = new Map<string, Answer>();
  const sent: Array<{ providerId: string; requestId: string; text: string; timeoutMs: number }> = [];
  const sender: Sender = {
    async send({ id }, request) {
      if (request.signal?.aborted) return { kind: "unsent", reason: "cancelled" };
      const answer = answers.get(id) ?? (() => ({ kind: "done", result: request.text.toUpperCase() }));
      if (typeof answer !== "function" && answer.kind === "unsent") return answer;
      if (!request.onSend()) return { kind: "unsent", reason: "too-late" };
      const { requestId, text, timeoutMs } = request;
      sent.push({ providerId: id, requestId, text, timeoutMs });
      return typeof answer === "function" ? await answer(request) : answer;
    },
    stop: async () => {},
  };
  return {
    sender,
    sent,
    answer: (providerId: string, answer: Answer) => void answers.set(providerId, answer),
    sentTo: (providerId: string) => sent.filter((one) => one.providerId === providerId).length,
  };
}

/** Each permit ends in one of these ways. */
export type PermitEnd = "accepted" | "refused" | "unknown" | "given-back";

/** So many for each provider named; others have no limit. */
export function createTestPermits(limits: Record<string, number> = {}) {
  const left = new Map(Object.entries(limits));
  const ends: PermitEnd[] = [];
  const refusals = new Map<string, NoPermit>();
  let asked = 0;
  let lateUses = 0;
  const permits: Permits = {
    async acquire(providerId) {
      asked += 1;
      const refusal = refusals.get(providerId);
      if (refusal) return refusal;
      const limit = limits[providerId];
      const free = left.get(providerId);
      if (free !== undefined && limit !== undefined) {
        if (free === 0) return { reason: "spent", opensInMs: 7_000, used: limit, limit };
        left.set(providerId, free - 1);
      }
      let isOver = false;
      const end = (how: PermitEnd) => {
        if (isOver) return;
        isOver = true;
        ends.push(how);
      };
      const giveBack = () => {
        if (!isOver && free !== undefined) left.set(providerId, left.get(providerId)! + 1);
        end("given-back");
      };
      return {
        providerId,
        isProbe: false,
        use() {
          if (lateUses === 0) return true;
          lateUses -= 1;
          giveBack();
          return false;
        },
        giveBack,
        accepted: () => end("accepted"),
        refused: () => end("refused"),
        unknown: () => end("unknown"),
      };
    },
    status: async () => [],
    start: async () => {},
    stop: async () => {},
  };
  return {
    permits,
    ends,
    asked: () => asked,
    open: (providerId: string, limit: number) => void left.set(providerId, limit),
    refuse: (providerId: string, why: NoPermit) => void refusals.set(providerId, why),
    /** So many permits come too late. */
    late: (count: number) => {
      lateUses = count;
    },
  };
}

export function createTestBudget(capMicros = Number.POSITIVE_INFINITY) {
  let spentMicros = 0;
  const budget: Budget = {
    async reserve({ amountMicros }) {
      if (spentMicros + amountMicros > capMicros) return { cap: "day", opensInMs: 3_600_000 };
      spentMicros += amountMicros;
      let isReleased = false;
      return {
        release() {
          if (!isReleased) spentMicros -= amountMicros;
          isReleased = true;
        },
      };
    },
    status: async () => ({ spentMicros, reservedMicros: 0, byProviderMicros: new Map() }),
    start: async () => {},
    stop: async () => {},
  };
  return { budget, spentMicros: () => spentMicros };
}
