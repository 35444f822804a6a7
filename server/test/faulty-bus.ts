/** An event bus that does what a real one between pods may do: lose messages, delay them, change their order. */
import type { BusMessage } from "@parley/api/internal/bus";
import { type Bus, createLocalBus } from "#platform/bus.ts";

export type BusMood = "deliver" | "lose" | "hold";

export class FaultyBus implements Bus {
  mood: BusMood = "deliver";
  readonly #inner = createLocalBus((error) => {
    throw error;
  });
  readonly #gapListeners = new Set<() => void>();
  #held: { topic: string; message: BusMessage }[] = [];

  publish(topic: string, message: BusMessage): void {
    if (this.mood === "deliver") this.#inner.publish(topic, message);
    else if (this.mood === "hold") this.#held.push({ topic, message });
  }

  subscribe: Bus["subscribe"] = (topic, handler) => this.#inner.subscribe(topic, handler);

  onGap: Bus["onGap"] = (listener) => {
    this.#gapListeners.add(listener);
    return () => void this.#gapListeners.delete(listener);
  };

  /** Says that something may have been lost. */
  tellGap(): void {
    for (const listener of this.#gapListeners) listener();
  }

  /** Delivers what was held back, in an order that the given number decides. */
  release(order: number): void {
    const held = this.#held;
    this.#held = [];
    for (let seed = order; held.length > 0; seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) {
      const [next] = held.splice(seed % held.length, 1);
      if (next) this.#inner.publish(next.topic, next.message);
    }
  }
}
