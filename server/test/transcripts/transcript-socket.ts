/** A socket of a transcript: keeps the frames that came until the transcript asks for them. */
import { once } from "node:events";
import { WebSocket } from "ws";
import { MismatchError, matchBody, type Variables } from "#test/transcripts/match-pattern.ts";
import { until } from "#test/until.ts";

export interface TranscriptSocket {
  send(frame: string): void;
  /** Takes the first frame that fits, whenever it came. */
  receive(pattern: string, variables: Variables): Promise<void>;
  closed(code: number): Promise<void>;
  stop(): void;
}

export interface OpenOptions {
  url: string;
  /** Status of the answer, when the server must not let it in. */
  refusedWith: number | undefined;
  patienceMs: number;
}

/** Not a transcript's own patience: whether a socket opens does not depend on how long one waits for frames. */
const openTimeoutMs = 20_000;

/** Undefined: refused, as it should be. */
export async function openSocket(options: OpenOptions): Promise<TranscriptSocket | undefined> {
  const { url, refusedWith, patienceMs } = options;
  const ws = new WebSocket(url);
  const frames: string[] = [];
  let closeCode: number | undefined;
  ws.on("message", (data) => frames.push(data.toString()));
  ws.on("close", (code) => {
    closeCode = code;
  });
  const status = await outcome(ws);
  if (status !== (refusedWith ?? 101)) {
    ws.terminate();
    throw new MismatchError(`opening ${url} should answer ${refusedWith ?? 101}, and answers ${status}`);
  }
  if (refusedWith !== undefined) return undefined;
  return {
    send: (frame) => ws.send(frame),
    async receive(pattern, variables) {
      const came = () => `a frame that fits ${pattern}; there came:${list(frames)}`;
      await until(came, () => takeFirst(frames, pattern, variables), patienceMs);
    },
    async closed(code) {
      const said = () => `closing with ${code}; it is ${closeCode ?? "open"}, and there came:${list(frames)}`;
      await until(said, () => closeCode === code, patienceMs);
    },
    stop: () => ws.terminate(),
  };
}

/** Status of the answer to the upgrade. */
async function outcome(ws: WebSocket): Promise<number> {
  let refusal: number | undefined;
  ws.on("unexpected-response", (request, response) => {
    refusal = response.statusCode;
    request.destroy();
    ws.emit("refused");
  });
  ws.on("error", () => {});
  const signal = AbortSignal.timeout(openTimeoutMs);
  await Promise.race([
    once(ws, "open", { signal }),
    once(ws, "refused", { signal }),
    once(ws, "close", { signal }),
  ]);
  return refusal ?? (ws.readyState === WebSocket.OPEN ? 101 : 0);
}

function takeFirst(frames: string[], pattern: string, variables: Variables): boolean {
  const at = frames.findIndex((frame) => {
    try {
      matchBody(pattern, frame, variables);
      return true;
    } catch (error) {
      if (error instanceof MismatchError) return false;
      throw error;
    }
  });
  if (at >= 0) frames.splice(at, 1);
  return at >= 0;
}

const list = (frames: readonly string[]) => frames.map((frame) => `\n  ${frame}`).join("") || " none";
