/** Which node of a Redis cluster has which keys: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/ */
import type { NodeAddress } from "#platform/redis/node-client.ts";

export const slotCount = 16_384;

export interface SlotRange {
  readonly first: number;
  readonly last: number;
  readonly master: NodeAddress;
}

/** Reads the answer of CLUSTER SLOTS. A node that does not know its own name is the one that was asked. */
export function readClusterSlots(answer: unknown, asked: NodeAddress): SlotRange[] {
  const ranges = (answer as [number, number, [string | null, number]][]).map(
    ([first, last, [host, port]]) => ({
      first,
      last,
      master: { host: host && host !== "?" ? host : asked.host, port },
    }),
  );
  const covered = ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  if (covered !== slotCount) throw new Error(`${slotCount - covered} slots of the cluster have no node`);
  return ranges;
}

/** CRC-16/XMODEM. */
const crcTable = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

/** Of a key or a sharded channel; of its hash tag, where it has one. */
export function slotOf(key: string): number {
  const open = key.indexOf("{");
  const close = open < 0 ? -1 : key.indexOf("}", open + 1);
  const hashed = close > open + 1 ? key.slice(open + 1, close) : key;
  let crc = 0;
  for (const byte of Buffer.from(hashed)) crc = ((crc << 8) & 0xffff) ^ crcTable[(crc >> 8) ^ byte]!;
  return crc % slotCount;
}
