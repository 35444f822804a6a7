/**
 * How old an object may be that nothing refers to yet. What is older, whoever sweeps takes for left behind by a crash; so no object may
 * take nearly as long to become somebody's: the difference is an hour for each of two clocks to be wrong by.
 */
const hourMs = 3_600_000;

export const maxWriteMs = 23 * hourMs;
export const leftBehindMs = 25 * hourMs;
