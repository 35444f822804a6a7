/**
 * Where the stamps are in Redis. They are divided into a few hash slots by the id that their tag begins with: so one
 * command reads a chat's stamps with the generation, a batch is changed by at most so many commands, and the nodes of a
 * Redis Cluster share the work.
 */
export const buckets = 16;

export const generationKey = (bucket: number) => `parley:stamp:{${bucket}}:generation`;
export const stampKey = (tag: string) => `parley:stamp:{${bucketOf(tag)}}:${tag}`;
/** Each writing pod and the time, by the clock of Redis, of its last sign of life. */
export const writersKey = "parley:stamp:{writers}";

export function bucketOf(tag: string): number {
  let hash = 0;
  const end = tag.indexOf(":");
  for (let i = 0; i < end; i++) hash = (Math.imul(hash, 31) + tag.charCodeAt(i)) | 0;
  return (hash >>> 0) % buckets;
}
