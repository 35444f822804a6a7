/** Writes messages as clients do, over WebSockets, as fast as they are acknowledged. */
import type { Account } from "../accounts.ts";
import { createChatFrames } from "../load/frame-reader.ts";
import { openLoadSocket } from "../load/load-socket.ts";
import { createRandom } from "../load/schedule.ts";
import { createTextSource, type GeneratedText } from "./vocabulary.ts";

export interface Writer {
  account: Account;
  /** Larger at the end: the first ones get the most messages. */
  chatIds: string[];
}

export interface WriteOptions {
  socketUrl: string;
  writers: readonly Writer[];
  /** In all. */
  count: number;
  onWritten(message: GeneratedText, chatId: string): void;
  onProgress(written: number): void;
}

const inFlight = 16;
const stallTimeoutMs = 60_000;

export async function writeMessages(options: WriteOptions): Promise<void> {
  const { writers, count, onProgress } = options;
  const share = Math.ceil(count / writers.length);
  let written = 0;
  const onAnswer = () => {
    written += 1;
    if (written % 100_000 === 0) onProgress(written);
  };
  await Promise.all(
    writers.map((writer, nth) => writeShare(writer, nth, { ...options, count: share, onAnswer })),
  );
}

interface ShareOptions extends WriteOptions {
  onAnswer(): void;
}

async function writeShare({ account, chatIds }: Writer, nth: number, options: ShareOptions): Promise<void> {
  const { count, onWritten, onAnswer } = options;
  const nextText = createTextSource(nth + 1);
  const random = createRandom(nth + 1);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let sent = 0;
  let answered = 0;
  const stall = setTimeout(() => reject(new Error("the server stopped answering sends")), stallTimeoutMs);
  const socket = await openLoadSocket({
    url: options.socketUrl,
    accessToken: account.accessToken,
    reader: createChatFrames().createReader(),
    onClose: (code) => reject(new Error(`a writer's socket was closed with ${code}`)),
    onFrame({ id, error }) {
      if (id === undefined) return;
      if (error) return reject(new Error(`a message was refused: ${error.code}`));
      stall.refresh();
      onAnswer();
      answered += 1;
      if (answered === count) resolve();
      else send();
    },
  });
  function send() {
    if (sent === count) return;
    // The square makes some chats busy and leaves most of them quiet.
    const chatId = chatIds[Math.floor(random() ** 2 * chatIds.length)]!;
    const message = nextText();
    onWritten(message, chatId);
    sent += 1;
    socket.send(sent, { chatId, clientId: `fill.${sent}`, text: message.text });
  }
  try {
    for (let first = 0; first < inFlight; first++) send();
    await promise;
  } finally {
    clearTimeout(stall);
    socket.close();
  }
}
