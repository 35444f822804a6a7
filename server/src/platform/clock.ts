/** The time of day, injected so that tests can move it. Milliseconds since 1970. */
export interface Clock {
  now(): number;
}
