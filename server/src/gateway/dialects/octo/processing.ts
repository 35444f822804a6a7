/** Both paths lead to the dispatcher, which picks the provider. */
import type { DialectExchange, DialectParts, DialectRoute } from "#gateway/dialects/dialect.ts";
import { requiredText } from "#gateway/dialects/fields.ts";
import { readForm } from "#gateway/dialects/octo/form.ts";

export function processingRoutes(parts: DialectParts): DialectRoute[] {
  return ["/free_provider", "/paid_provider"].map((template) => process(parts, template));
}

function process({ clients, optionsFor }: DialectParts, template: string): DialectRoute {
  return {
    method: "POST",
    template,
    access: "required",
    rate: "write",
    takesItsTime: true,
    successor: "/v2/process",
    async serve(exchange) {
      const request = { text: await readMessage(exchange) };
      const options = optionsFor(exchange.context);
      const answer = await clients.dispatchInternal.processWithinAllowance(request, options);
      return { body: { ok: true, response: answer.process?.result ?? "" } };
    },
  };
}

async function readMessage(exchange: DialectExchange): Promise<string> {
  const { query, request } = exchange;
  const hasBody = ((request.body as Buffer | undefined)?.length ?? 0) > 0;
  return requiredText(query.has("message") || !hasBody ? query : await readForm(exchange), "message");
}
