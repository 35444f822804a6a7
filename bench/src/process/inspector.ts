/** The inspector of a Node process that was started with --inspect=127.0.0.1:0 (Chrome DevTools Protocol). */
import WebSocket from "ws";

export interface Inspector extends Disposable {
  call<T>(method: string, params?: object): Promise<T>;
}

export const inspectOption = "--inspect=127.0.0.1:0";
const answerTimeoutMs = 30_000;
/** Of the largest answer, which is a processor profile. */
const maxAnswerBytes = 512 * 1_024 * 1_024;

/** From what a process prints when it starts. */
export function inspectorUrl(output: string): string | undefined {
  return /ws:\/\/127\.0\.0\.1:\d+\/[\w-]+/.exec(output)?.[0];
}

export async function openInspector(url: string | undefined): Promise<Inspector> {
  if (!url) throw new Error("the process was started without an inspector");
  const ws = new WebSocket(url, { perMessageDeflate: false, maxPayload: maxAnswerBytes });
  const pending = new Map<number, (answer: Answer) => void>();
  ws.on("message", (data) => {
    const answer = JSON.parse(String(data)) as Answer;
    pending.get(answer.id)?.(answer);
    pending.delete(answer.id);
  });
  await new Promise<void>((resolve, reject) => {
    ws.once("open", resolve);
    ws.once("error", reject);
  });
  let nextId = 1;
  return {
    call: <T>(method: string, params: object = {}) =>
      new Promise<T>((resolve, reject) => {
        const id = nextId++;
        const timer = setTimeout(() => reject(new Error(`no answer to ${method}`)), answerTimeoutMs);
        pending.set(id, ({ result, error }) => {
          clearTimeout(timer);
          if (error) reject(new Error(`${method}: ${error.message}`));
          else resolve(result as T);
        });
        ws.send(JSON.stringify({ id, method, params }));
      }),
    [Symbol.dispose]: () => ws.terminate(),
  };
}

interface Answer {
  id: number;
  result?: unknown;
  error?: { message: string };
}

export interface MemoryUse {
  residentBytes: number;
  heapUsedBytes: number;
  externalBytes: number;
}

/** After all garbage was collected. */
export async function readMemory(inspector: Inspector): Promise<MemoryUse> {
  await inspector.call("HeapProfiler.collectGarbage");
  const { result } = await inspector.call<{ result: { value: NodeJS.MemoryUsage } }>("Runtime.evaluate", {
    expression: "process.memoryUsage()",
    returnByValue: true,
  });
  const { rss, heapUsed, external } = result.value;
  return { residentBytes: rss, heapUsedBytes: heapUsed, externalBytes: external };
}
