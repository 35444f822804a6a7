/** One end of a realtime connection: resumes, sends, and tells of every frame. */
import type { FrameReader, LoadFrame } from "./frame-reader.ts";
import { openRawWebSocket, type RawWebSocket } from "./raw-websocket.ts";

export interface LoadSocketOptions {
  /** ws://host:port/v2/ws */
  url: string;
  accessToken: string;
  /** Source address, to go past the number of ports that one has. */
  localAddress?: string;
  reader: FrameReader;
  onFrame(frame: LoadFrame): void;
  onClose(code: number): void;
}

export interface LoadSocket {
  readonly isOpen: boolean;
  /** Starts delivery: pushes come from now on. Resolves to the seq that each chat stands at. */
  resume(): Promise<ReadonlyMap<string, number>>;
  /** Does not wait for anything; the answer comes to onFrame under this id. */
  send(callId: number, params: { chatId: string; clientId: string; text: string }): void;
  close(): void;
}

const resumeTimeoutMs = 20_000;
/** Beyond every id that a run counts up to. */
const resumeId = 2 ** 31;

export async function openLoadSocket(options: LoadSocketOptions): Promise<LoadSocket> {
  const { reader, onFrame, onClose } = options;
  let onResumed: ((frame: LoadFrame) => void) | undefined;
  const socket = await openRawWebSocket({
    url: options.url,
    headers: { authorization: `Bearer ${options.accessToken}` },
    localAddress: options.localAddress,
    onText(buffer, start, end) {
      const frame = reader.read(buffer, start, end);
      if (frame.id === resumeId) onResumed?.(frame);
      else onFrame(frame);
    },
    onClose,
  });
  return {
    get isOpen() {
      return socket.isOpen;
    },
    resume() {
      const frame = new Promise<LoadFrame>((resolve) => {
        onResumed = resolve;
      });
      return resume(socket, frame);
    },
    send(callId, { chatId, clientId, text }) {
      // The three strings are the bench's own and need no escaping.
      socket.send(
        `{"id":${callId},"call":"MessengerService/SendMessage","params":{"chatId":"${chatId}","clientId":"${clientId}","text":"${text}"}}`,
      );
    },
    close: () => socket.destroy(),
  };
}

async function resume(
  socket: RawWebSocket,
  answer: Promise<LoadFrame>,
): Promise<ReadonlyMap<string, number>> {
  socket.send(`{"id":${resumeId},"call":"RealtimeService/Resume","params":{}}`);
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeout.reject(new Error("no answer to Resume")), resumeTimeoutMs);
  const { error, result } = await Promise.race([answer, timeout.promise]).finally(() => clearTimeout(timer));
  if (error) throw new Error(`Resume was answered with ${error.code}`);
  return new Map(result?.chats?.map(({ chatId, seq }) => [chatId, seq ?? 0]));
}
