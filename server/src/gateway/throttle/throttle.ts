/**
 * How often anybody may call: a limit for each class of methods, counted by user, and by address where no user is
 * known. The same for all transports and, with Redis, over all pods together. See docs/throttling.md.
 */
import type { DescMethod } from "@bufbuild/protobuf";
import { isPublic } from "#gateway/access.ts";
import type { CallContext } from "#gateway/call.ts";
import { addressKey } from "#gateway/throttle/address-key.ts";
import type { ThrottleConfig } from "#gateway/throttle/config.ts";
import { type CountedLimiter, createCountedLimiter, type Scope } from "#gateway/throttle/counted-limiter.ts";
import { createLocalLimiter } from "#gateway/throttle/local-limiter.ts";
import { type RateClassName, rateClassOf } from "#gateway/throttle/rate-class.ts";
import type { RateLimit } from "#gateway/throttle/rate-limit.ts";
import { createSharedBuckets, type SharedBuckets } from "#gateway/throttle/shared-buckets.ts";
import { createSharedLimiter } from "#gateway/throttle/shared-limiter.ts";
import { observeThrottle } from "#gateway/throttle/throttle-metrics.ts";
import type { Log } from "#platform/log.ts";
import type { Redis } from "#platform/redis.ts";
import type { Telemetry } from "#platform/telemetry.ts";

/** Where the answer's headers go. */
export interface RateHeaders {
  readonly headersSent: boolean;
  setHeader(name: string, value: string): unknown;
}

type CallFrom = Pick<CallContext, "caller" | "clientAddress">;

/** All of these throw, or reject with, "too-many-requests"; undefined: passed at once. */
export interface Throttle {
  admit(method: DescMethod, from: CallFrom): Promise<void> | undefined;
  /** The same, and the answer's headers say what is left. */
  admitRequest(method: DescMethod, from: CallFrom, headers: RateHeaders): Promise<void>;
  /** As admitRequest, for what is no method of the contract. */
  admitClass(name: RateClassName, from: CallFrom, headers: RateHeaders): Promise<void>;
  /** Somebody whose credentials are refused, or are yet to be looked at. */
  admitStranger(address: string, headers?: RateHeaders): Promise<void>;
  admitSocket(userId: string): Promise<void> | undefined;
  /** Failed sign-ins of one account; undefined: no limit. */
  readonly account: CountedLimiter | undefined;
  readonly shared: SharedBuckets | undefined;
  stop(): void;
}

export interface ThrottleOptions {
  config: ThrottleConfig;
  redis: Redis | undefined;
  log: Log;
  telemetry: Telemetry;
  /** By any clock that only goes forward. */
  nowMs?: () => number;
}

/** What PARLEY_THROTTLING=off leaves. */
export const noThrottle: Throttle = {
  admit: () => undefined,
  admitRequest: async () => {},
  admitClass: async () => {},
  admitStranger: async () => {},
  admitSocket: () => undefined,
  account: undefined,
  shared: undefined,
  stop() {},
};

export function createThrottle(options: ThrottleOptions): Throttle {
  const { config, telemetry } = options;
  if (config.PARLEY_THROTTLING === "off") return noThrottle;
  const { shared, limiters, account } = createLimiters(options);
  const all = [...limiters.values(), ...(account ? [account] : [])];
  const stop = observeThrottle(telemetry.meter, all, shared);
  const byMethod = new Map<DescMethod, CountedLimiter | undefined>();

  function limiterOf(method: DescMethod): CountedLimiter | undefined {
    const known = byMethod.get(method);
    if (known || byMethod.has(method)) return known;
    const limiter = limiters.get(rateClassOf(method));
    byMethod.set(method, limiter);
    return limiter;
  }

  return {
    account,
    shared: shared?.buckets,
    admit(method, from) {
      const limiter = limiterOf(method);
      return limiter?.admit(keyOf(limiter, method, from));
    },
    async admitRequest(method, from, headers) {
      const limiter = limiterOf(method);
      if (limiter) await admitAndTell(limiter, keyOf(limiter, method, from), headers);
    },
    async admitClass(name, { caller, clientAddress }, headers) {
      const limiter = limiters.get(name);
      if (!limiter) return;
      const key = limiter.scope === "user" && caller ? caller.userId : addressKey(clientAddress);
      await admitAndTell(limiter, key, headers);
    },
    async admitStranger(address, headers) {
      const limiter = limiters.get("address");
      if (limiter) await admitAndTell(limiter, addressKey(address), headers);
    },
    admitSocket: (userId) => limiters.get("socket")?.admit(userId),
    stop,
  };
}

function keyOf({ scope }: CountedLimiter, method: DescMethod, { caller, clientAddress }: CallFrom): string {
  if (scope === "user" && caller && !isPublic(method)) return caller.userId;
  return addressKey(clientAddress);
}

async function admitAndTell(limiter: CountedLimiter, key: string, headers: RateHeaders | undefined) {
  try {
    await limiter.admit(key);
  } finally {
    if (headers && !headers.headersSent) {
      headers.setHeader("RateLimit-Policy", limiter.policyHeader);
      headers.setHeader("RateLimit", limiter.headerFor(key));
    }
  }
}

function createLimiters({ config, redis, log, nowMs = () => performance.now() }: ThrottleOptions) {
  let fallbacks = 0;
  const onAway = () => {
    fallbacks += 1;
  };
  const buckets = redis && createSharedBuckets({ redis, log, nowMs, onAway });
  const create = (name: string, scope: Scope, limit: RateLimit | "off") => {
    if (limit === "off") return undefined;
    const maxBuckets = config.PARLEY_THROTTLE_MAX_BUCKETS;
    const limiter = buckets
      ? createSharedLimiter({ name, limit, maxBuckets, shared: buckets, nowMs })
      : createLocalLimiter({ name, limit, maxBuckets, nowMs });
    return createCountedLimiter(limiter, scope, { log, nowMs });
  };
  const classes: [RateClassName, Scope, RateLimit | "off"][] = [
    ["read", "user", config.PARLEY_LIMIT_READ],
    ["write", "user", config.PARLEY_LIMIT_WRITE],
    ["send", "user", config.PARLEY_LIMIT_SEND],
    ["lookup", "user", config.PARLEY_LIMIT_LOOKUP],
    ["search", "user", config.PARLEY_LIMIT_SEARCH],
    ["socket", "user", config.PARLEY_LIMIT_SOCKET],
    ["messenger-v1", "user", config.PARLEY_LIMIT_MESSENGER_V1],
    ["sign-in", "address", config.PARLEY_LIMIT_SIGN_IN],
    ["sign-up", "address", config.PARLEY_LIMIT_SIGN_UP],
    ["address", "address", config.PARLEY_LIMIT_ADDRESS],
  ];
  const limiters = new Map<RateClassName, CountedLimiter>();
  for (const [name, scope, limit] of classes) {
    const limiter = create(name, scope, limit);
    if (limiter) limiters.set(name, limiter);
  }
  const account = create("account", "account", config.PARLEY_LIMIT_ACCOUNT);
  const shared = buckets && {
    buckets,
    get fallbacks() {
      return fallbacks;
    },
  };
  return { shared, limiters, account };
}
