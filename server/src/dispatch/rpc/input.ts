/** What dispatch makes sure of itself, whoever calls. */
import type { HandlerContext } from "@connectrpc/connect";
import type { DispatchParts } from "#dispatch/parts.ts";
import type { Processor } from "#dispatch/providers/catalogue.ts";
import { requireActor } from "#platform/actor.ts";
import { fault, invalidInput } from "#platform/errors.ts";
import { textProblem } from "#platform/text-problem.ts";
import { isUuid } from "#platform/uuid.ts";

const maxKeyChars = 255;
/** For calls that bring no deadline. */
const standardTimeoutMs = 30_000;

export interface TextInput {
  readonly text: string;
  /** "default" when empty. */
  readonly processor: string;
}

export function readText(
  { catalogue, config }: Pick<DispatchParts, "catalogue" | "config">,
  { text, processor: name }: TextInput,
): { text: string; processor: Processor } {
  const processor = catalogue.processors.get(name || "default");
  if (!processor) {
    throw fault("processor-not-found", {
      detail: `There is no processor "${name}"; GET /v2/processors lists them`,
    });
  }
  const maxBytes = Math.min(config.PARLEY_PROCESS_MAX_TEXT_BYTES, processor.maxTextBytes);
  const problem = text === "" ? "must not be empty" : (lengthProblem(text, maxBytes) ?? textProblem(text));
  if (problem) throw invalidInput("text", problem);
  return { text, processor };
}

/** No character takes more than three bytes per UTF-16 unit: most texts need not be counted. */
function lengthProblem(text: string, maxBytes: number): string | undefined {
  if (text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes) return undefined;
  return `must be at most ${maxBytes} bytes of UTF-8`;
}

export function readKey(key: string): string {
  if (key === "" || key.length > maxKeyChars) {
    throw invalidInput("idempotencyKey", `must be 1 to ${maxKeyChars} characters`);
  }
  const problem = textProblem(key);
  if (problem) throw invalidInput("idempotencyKey", problem);
  return key;
}

export function readUserId(field: string, id: string): string {
  if (!isUuid(id)) throw invalidInput(field, "must be a UUID");
  return id.toLowerCase();
}

export interface Caller {
  readonly userId: string;
  readonly mayUsePaid: boolean;
}

export function callerOf({ catalogue }: Pick<DispatchParts, "catalogue">, context: HandlerContext): Caller {
  const { userId } = requireActor(context);
  if (!isUuid(userId)) throw fault("unauthenticated");
  return { userId: userId.toLowerCase(), mayUsePaid: mayUsePaid(catalogue, hasPaidRole(context)) };
}

export const hasPaidRole = (context: HandlerContext): boolean => requireActor(context).roles.includes("paid");

export const mayUsePaid = (
  { paidAccess }: Pick<DispatchParts["catalogue"], "paidAccess">,
  hasRole: boolean,
): boolean => paidAccess === "everyone" || hasRole;

export const timeLeftMs = (context: HandlerContext): number =>
  Math.max(0, context.timeoutMs() ?? standardTimeoutMs);
