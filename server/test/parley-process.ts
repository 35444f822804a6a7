/** Parley as a process of its own, as `npm start` runs it, for tests that kill it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { ampleLimits, cheapHashing } from "#test/parley.ts";

export interface ParleyProcess {
  readonly url: string;
  readonly wsUrl: string;
  readonly pid: number;
  readonly output: () => string;
  /** Sends the signal and waits for the end. Resolves to the exit code, or null when the signal itself ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const readyWithinMs = 60_000;

/** Rejects with what Parley printed when it ends before it is ready. */
export async function spawnParley(environment: Record<string, string>): Promise<ParleyProcess> {
  const child = spawn(process.execPath, [main, "serve"], {
    env: { ...ownEnvironment(), ...anyPorts, ...cheapHashing, ...ampleLimits, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit") as Promise<[number | null]>;
  after(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
    await exited;
  });
  const { url, output } = await untilReady(child);
  return {
    url,
    wsUrl: `${url.replace("http", "ws")}/v2/ws`,
    pid: child.pid!,
    output,
    async end(signal) {
      child.kill(signal);
      const [code] = await exited;
      return code;
    },
  };
}

const anyPorts = { PARLEY_PORT: "0", PARLEY_GRPC_PORT: "0", PARLEY_OPS_PORT: "0" };

function ownEnvironment(): Record<string, string> {
  const foreign = (name: string) => name.startsWith("PARLEY_") || name === "DATABASE_URL";
  return Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] => !foreign(entry[0]) && entry[1] !== undefined,
    ),
  );
}

function untilReady(child: ChildProcess): Promise<{ url: string; output: () => string }> {
  let printed = "";
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`Parley was not ready in time:\n${printed}`)),
      readyWithinMs,
    );
    const onData = (chunk: Buffer) => {
      printed += chunk;
      const url = /Web client: (http:\/\/\S+)/.exec(printed)?.[1];
      if (!url) return;
      clearTimeout(timer);
      resolve({ url: url.replace("localhost", "127.0.0.1"), output: () => printed });
    };
    child.stdout?.on("data", onData);
    child.stderr?.on("data", onData);
    child.on("exit", (code) => {
      clearTimeout(timer);
      reject(new Error(`Parley ended with code ${code} before it was ready:\n${printed}`));
    });
  });
}
