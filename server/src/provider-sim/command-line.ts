/** The arguments of `parley provider-sim`. */
import { parseArgs } from "node:util";
import { changeBehaviour, defaultBehaviour } from "#provider-sim/behaviour.ts";
import { faultNames } from "#provider-sim/fault.ts";
import type { ProviderSimOptions } from "#provider-sim/start-provider-sim.ts";

export const defaultPort = 4_000;

export const providerSimUsage = `Usage: parley provider-sim [options]

A provider for development and tests: it answers with the text in upper case, keeps to its quotas, and keeps a ledger.

  --port 4000                  TCP port; 0 takes any; without it, 4000
  --host 127.0.0.1             address to listen on; without it, 127.0.0.1
  --quota fixed-window:20/60s  a quota; given several times, requests count against all of them. See below
  --price 0.002                what a request costs; without it, nothing
  --latency 20ms               until it answers; or 10ms..50ms, or p50=20ms,p99=200ms; without it, at once
  --travel 5ms                 until a request that has arrived is counted; written like --latency
  --idempotency-header NAME    a repeated value of this header gets the first outcome
  --fault-rate 0.01            how many requests fail, from 0 to 1, with one of --faults
  --faults 500,hang            a status, ${faultNames.join(", ")}
  --script 500,html,ok         what happens to the first requests, one after the other
  --late 10s                   how much later the fault "late" answers
  --no-retry-after             refusals do not say when to come again
  --rate-limit-headers         answers say what is left of the quotas

Quotas: how many, then the window after a slash, then the block. Lengths of time: 250ms, 60s, 5min, 24h, 1d
  fixed-window:20/60s          may have ,offset=8h
  first-request-window:20/60s
  sliding-log:20/60s
  count-then-block:20,block=5min
  block-at-limit:20/60s,block=5min
  block-after-limit:20/60s,block=5min    may have ,offset=8h
docs/providers.md shows each in a picture.

It is spoken to like each kind of provider: POST …/translate as LibreTranslate, POST …/chat/completions as OpenAI's chat,
POST to any other path with {"text": "…"}, answered with {"result": "…"}.

  GET /ledger                  what it has seen: accepted, refused, duplicates, spend, windows
  POST /reset                  begin anew
  PUT /behaviour               change it while it runs: {"faultRate": 0.5, "faults": ["500"], "quotas": ["fixed-window:5/60s"]}

Examples:
  npx parley provider-sim --quota fixed-window:20/60s --idempotency-header Idempotency-Key
  npx parley provider-sim --port 4001 --price 0.002 --latency p50=80ms,p99=900ms --fault-rate 0.01 --faults 500,reset
  npx parley provider-sim --port 4002 --quota fixed-window:5/1s --quota fixed-window:1000/1d
  npx parley provider-sim --port 4003 --quota block-at-limit:100/60s,block=5min --no-retry-after
`;

const options = {
  help: { type: "boolean", short: "h" },
  port: { type: "string" },
  host: { type: "string" },
  quota: { type: "string", multiple: true },
  price: { type: "string" },
  latency: { type: "string" },
  travel: { type: "string" },
  "idempotency-header": { type: "string" },
  "fault-rate": { type: "string" },
  faults: { type: "string" },
  script: { type: "string" },
  late: { type: "string" },
  "no-retry-after": { type: "boolean" },
  "rate-limit-headers": { type: "boolean" },
} as const;

/** Undefined: help is asked for. Throws an Error that says what is wrong. */
export function readProviderSimArgs(args: string[]): ProviderSimOptions | undefined {
  const { values } = parseArgs({ args, options });
  if (values.help) return undefined;
  const header = values["idempotency-header"];
  const behaviour = {
    quotas: values.quota ?? [],
    retryAfter: !values["no-retry-after"],
    rateLimitHeaders: values["rate-limit-headers"] ?? false,
    ...given({
      price: numberOf("price", values.price),
      faultRate: numberOf("fault-rate", values["fault-rate"]),
      latency: values.latency,
      travel: values.travel,
      late: values.late,
      faults: values.faults?.split(","),
      script: values.script?.split(","),
    }),
  };
  changeBehaviour(defaultBehaviour, behaviour);
  const port = numberOf("port", values.port) ?? defaultPort;
  if (!Number.isInteger(port) || port > 65_535)
    throw new Error("--port must be a whole number from 0 to 65535");
  if (header !== undefined && !/^[A-Za-z0-9-]+$/.test(header)) {
    throw new Error("--idempotency-header must be the name of a header");
  }
  return { ...behaviour, port, host: values.host ?? "127.0.0.1", ...given({ idempotencyHeader: header }) };
}

function numberOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+(\.\d+)?$/.test(text)) throw new Error(`--${name} must be a number`);
  return Number(text);
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without what is undefined. */
const given = <T extends object>(values: T): Given<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Given<T>;
