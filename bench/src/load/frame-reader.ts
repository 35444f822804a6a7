/** The parts of a server's frame that the load looks at. */
export interface LoadFrame {
  id?: number;
  error?: { code: string };
  result?: { chats?: { chatId: string; seq?: number }[] };
  events?: LoadEvent[];
}

export interface LoadEvent {
  chatId: string;
  seq?: number;
  kind: string;
  message?: { clientId: string };
}

export interface FrameReader {
  /** The frame lies in this range of the buffer. */
  read(buffer: Buffer, start: number, end: number): LoadFrame;
}

/** The pushes lately received by any socket of one chat, in order. */
export interface ChatFrames {
  /** For one socket of the chat. */
  createReader(): FrameReader;
}

interface KnownFrame {
  data: Buffer;
  frame: LoadFrame;
}

const remembered = 64;

/**
 * Parses frames. All sockets of a chat get the same pushes in the same order, byte for byte, so each reader first
 * compares a frame with the one that another socket got after the same predecessor: parsing for a thousand sockets
 * would cost the generator more than sending costs the server. Every byte is compared; what differs is parsed.
 */
export function createChatFrames(): ChatFrames {
  const ring: KnownFrame[] = [];
  let written = 0;
  return {
    createReader() {
      let position = 0;
      return {
        read(buffer, start, end) {
          const known = position < written ? ring[position % remembered] : undefined;
          if (known && equals(known.data, buffer, start, end)) {
            position++;
            return known.frame;
          }
          const frame = JSON.parse(buffer.toString("utf8", start, end)) as LoadFrame;
          if (frame.events) {
            ring[written++ % remembered] = { data: Buffer.from(buffer.subarray(start, end)), frame };
            position = written;
          }
          return frame;
        },
      };
    },
  };
}

function equals(known: Buffer, buffer: Buffer, start: number, end: number): boolean {
  return known.length === end - start && known.compare(buffer, start, end) === 0;
}
