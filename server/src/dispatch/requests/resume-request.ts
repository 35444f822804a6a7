/** A request that nobody waits for goes on: one that was due, or that a dead process left. */
import type { Catalogue, Processor, Provider } from "#dispatch/providers/catalogue.ts";
import type { RequestRow } from "#dispatch/requests/request-row.ts";
import type { Runner } from "#dispatch/requests/run-request.ts";
import type { Clock } from "#platform/clock.ts";

export interface ResumeParts {
  catalogue: Pick<Catalogue, "processors" | "providers">;
  runner: Runner;
  clock: Clock;
}

/** No provider is begun with after it; the request is tried again later. */
const timeoutMs = 60_000;

/** Resolves when it has ended; rejects as Runner.run does. */
export async function resumeRequest(parts: ResumeParts, row: RequestRow): Promise<void> {
  const { catalogue, runner, clock } = parts;
  const { id, userId, text, mayUsePaid, createdAt } = row;
  const processor = catalogue.processors.get(row.processor);
  const wasSent = row.status === "sending";
  const provider = catalogue.providers.get(row.provider ?? "");
  if (wasSent && !isRepeatable(processor, provider)) {
    const detail = `The process ended while ${row.provider} had it, and nobody knows what came of it`;
    await runner.fail(id, "outcome-unknown", detail);
    return;
  }
  if (!processor) {
    await runner.fail(id, "processor-not-found", `There is no processor ${row.processor} any more`);
    return;
  }
  const only = wasSent && provider?.idempotencyHeader ? { only: provider } : {};
  const ageMs = Math.max(0, clock.now() - createdAt.getTime());
  await runner.run({ id, userId, text: text ?? "", processor, mayUsePaid, timeoutMs, ageMs, ...only });
}

/** Whether asking once more, of this provider or any, does no harm. */
function isRepeatable(processor: Processor | undefined, provider: Provider | undefined): boolean {
  if (!processor) return false;
  return provider?.idempotencyHeader !== undefined || processor.delivery === "at-least-once";
}
