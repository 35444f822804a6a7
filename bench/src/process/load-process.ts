/** The load generator as a process of its own, so that it does not wait for this one, nor the server for it. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { LoadCalls, LoadRequest, LoadResponse } from "../load/worker.ts";

export interface LoadProcess extends AsyncDisposable {
  readonly pid: number;
  call<Name extends keyof LoadCalls>(
    name: Name,
    ...options: Parameters<LoadCalls[Name]>
  ): ReturnType<LoadCalls[Name]>;
}

const workerPath = fileURLToPath(new URL("../load/worker.ts", import.meta.url));
const callTimeoutMs = 180_000;

export function startLoadProcess(execArgv: string[] = []): LoadProcess {
  const worker = fork(workerPath, [], { execArgv });
  const pending = new Map<number, PromiseWithResolvers<unknown>>();
  let nextId = 1;
  worker.on("message", (response: LoadResponse) => {
    const call = pending.get(response.id);
    pending.delete(response.id);
    if ("error" in response) call?.reject(new Error(`load generator: ${response.error}`));
    else call?.resolve(response.result);
  });
  const exited = new Promise<void>((resolve) => {
    worker.once("exit", (code, signal) => {
      for (const call of pending.values())
        call.reject(new Error(`the load generator ended (${signal ?? code})`));
      pending.clear();
      resolve();
    });
  });
  return {
    pid: worker.pid ?? 0,
    call: ((call: keyof LoadCalls, options: unknown) => {
      const id = nextId++;
      const answered = Promise.withResolvers<unknown>();
      pending.set(id, answered);
      const timer = setTimeout(() => answered.reject(new Error(`${call} took too long`)), callTimeoutMs);
      worker.send({ id, call, options } satisfies LoadRequest);
      return answered.promise.finally(() => clearTimeout(timer));
    }) as LoadProcess["call"],
    async [Symbol.asyncDispose]() {
      if (worker.connected) worker.disconnect();
      await exited;
    },
  };
}
