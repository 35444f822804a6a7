/** How much two processes trust each other with. */

/** How long a stream waits for the other side before it is given up. */
export const stallMs = 60_000;
/** What may come of one call before it is read. */
export const callWindowBytes = 1_048_576;
/** The same of a transfer, of which there are many at a time, and that are read as fast as their reader takes them. */
export const transferWindowBytes = 262_144;
/**
 * What may be under way on a connection. It is not memory that this bounds, since each stream has its window, but speed: so
 * much a round trip.
 */
export const connectionWindowBytes = 16_777_216;
