/** The stamps of a Parley that is one process. */
import type { Stamps } from "#platform/stamps/stamps.ts";

const maxTags = 200_000;
const generation = "1";

export function createLocalStamps({ maxKept = maxTags } = {}): Stamps {
  // Only tags that somebody has read are kept: to change another one there is nothing to do. A forgotten tag gets a
  // number that no tag ever had, so that whatever was kept with its former one is out of date.
  const stamps = new Map<string, string>();
  let last = 0;
  const next = () => String(++last);
  const read = (tag: string) => {
    const known = stamps.get(tag);
    if (known !== undefined) return known;
    const made = next();
    stamps.set(tag, made);
    // The one that was added the longest time ago.
    if (stamps.size > maxKept) stamps.delete(stamps.keys().next().value as string);
    return made;
  };
  const done = Promise.resolve();
  return {
    read: async (tags) => [...tags.map(read), generation],
    change(tags) {
      for (const tag of tags) if (stamps.has(tag)) stamps.set(tag, next());
      return done;
    },
  };
}
