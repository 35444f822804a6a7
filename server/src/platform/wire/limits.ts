/** How much two processes trust each other with. */

/** How long a stream waits for the other side before it is given up. */
export const stallMs = 60_000;
/** What may come of one call before it is read. */
export const callWindowBytes = 1_048_576;
/** The same of a transfer, of which there are many at a time, and that are read as fast as their reader takes them. */
export const transferWindowBytes = 262_144;
/**
 * Of a connection, over all its streams. Not memory is what it bounds, since each stream has its window, but how much is dealt
 * with before it is the turn of others: larger ones make calls wait, smaller ones transfers, for a round trip each time.
 */
export const connectionWindowBytes = 524_288;
