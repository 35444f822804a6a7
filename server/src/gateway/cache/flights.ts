/** Calls under way, so that many who ask for the same at once cost one call (request collapsing). */
import { type Entry, isUnchanged } from "#gateway/cache/entry.ts";

interface Flight {
  readonly stamps: readonly string[];
  readonly entry: Promise<Entry>;
}

export interface Flights {
  /**
   * Only those share a call whose stamps are the same: who came after a change must not be answered from before it.
   * `isOwn`: the call was made for this one.
   */
  join(
    key: string,
    stamps: readonly string[],
    call: () => Promise<Entry>,
  ): { entry: Promise<Entry>; isOwn: boolean };
}

export function createFlights(): Flights {
  const flights = new Map<string, Flight>();
  return {
    join(key, stamps, call) {
      const underWay = flights.get(key);
      if (underWay && isUnchanged(underWay, stamps)) return { entry: underWay.entry, isOwn: false };
      const flight: Flight = { stamps, entry: call() };
      flights.set(key, flight);
      const forget = () => {
        if (flights.get(key) === flight) flights.delete(key);
      };
      flight.entry.then(forget, forget);
      return { entry: flight.entry, isOwn: true };
    },
  };
}
