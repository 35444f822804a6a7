import type { Redis } from "#platform/redis.ts";
import { chunkOf, chunksOf, type ResultKey, type ResultStore, readChunks } from "#search/results/results.ts";

/** Ids hold no line breaks. */
const separator = "\n";

/** `keptMs`: past the time when the task expires, whose end removes them. */
export function createRedisResults(redis: Pick<Redis, "command">, keptMs: number): ResultStore {
  const send = (key: string, command: string, ...args: string[]) =>
    redis.command(key, [command, key, ...args]);
  return {
    async write(of, messageIds) {
      for (let chunk = 0; chunk < chunksOf(messageIds.length); chunk++) {
        const value = chunkOf(messageIds, chunk).join(separator);
        await send(keyOf(of, chunk), "SET", value, "PX", String(keptMs));
      }
    },
    read: (of, from, to) =>
      readChunks(from, to, async (chunk) => {
        const value = await send(keyOf(of, chunk), "GET");
        return value === null || value === undefined ? undefined : String(value).split(separator);
      }),
    async remove(of, count) {
      for (let chunk = 0; chunk < chunksOf(count); chunk++) await send(keyOf(of, chunk), "DEL");
    },
  };
}

const keyOf = ({ id, attempt }: ResultKey, chunk: number) => `parley:search:{${id}}:${attempt}:${chunk}`;
