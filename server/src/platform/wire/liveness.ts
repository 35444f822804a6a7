/**
 * Whether a process is worth sending calls to. One whose connection broke, or could not be made, is not, until it has
 * answered an HTTP/2 ping on a new connection: that a connection is accepted proves nothing, as a process that hangs
 * accepts them too.
 */
import { connect } from "node:http2";
import { setTimeout as delay } from "node:timers/promises";

export interface Liveness {
  readonly isSuspect: boolean;
  /** A call could not be brought there, or its answer did not come back. */
  suspect(): void;
  /** A call got no answer in time: if a ping gets none either, the process is suspect. */
  doubt(): void;
  stop(): void;
}

const pingTimeoutMs = 1_000;
const minPauseMs = 200;
const maxPauseMs = 2_000;

export function createLiveness(url: string): Liveness {
  let isSuspect = false;
  let isAsking = false;
  const stopping = new AbortController();
  const watch = async () => {
    for (let pauseMs = minPauseMs; ; pauseMs = Math.min(pauseMs * 2, maxPauseMs)) {
      await delay(pauseMs * (0.5 + Math.random() / 2), undefined, { signal: stopping.signal, ref: false });
      if (await answersPing(url)) break;
    }
    isSuspect = false;
  };
  const suspect = () => {
    if (isSuspect) return;
    isSuspect = true;
    watch().catch(() => {});
  };
  const ask = async () => {
    isAsking = true;
    if (!(await answersPing(url))) suspect();
    isAsking = false;
  };
  return {
    get isSuspect() {
      return isSuspect;
    },
    suspect,
    doubt() {
      if (!isSuspect && !isAsking) void ask();
    },
    stop: () => stopping.abort(),
  };
}

function answersPing(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const session = connect(url);
    const settle = (answer: boolean) => {
      clearTimeout(timer);
      session.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => settle(false), pingTimeoutMs);
    session.on("error", () => settle(false));
    session.once("connect", () => {
      // A session says so even when it has been destroyed meanwhile, and must not be used then.
      if (!session.destroyed) session.ping((error) => settle(!error));
    });
  });
}
