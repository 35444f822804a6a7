import type { DialectExchange } from "#gateway/dialects/dialect.ts";
import { fault } from "#platform/errors.ts";

/** The texts of a form of either kind, or of a JSON object. Throws "malformed-request" when it is neither. */
export async function readForm({ request, form }: DialectExchange): Promise<URLSearchParams> {
  const type = request.headers["content-type"] ?? "";
  if (!/^multipart\/form-data\b/i.test(type)) return form();
  const texts = new URLSearchParams();
  for (const [name, value] of await readParts(request.body, type)) {
    if (typeof value === "string") texts.append(name, value);
  }
  return texts;
}

async function readParts(body: unknown, type: string): Promise<FormData> {
  try {
    const bytes = new Uint8Array((body as Buffer | undefined) ?? []);
    return await new Response(bytes, { headers: { "content-type": type } }).formData();
  } catch (error) {
    throw fault("malformed-request", { detail: "The form cannot be read", cause: error });
  }
}
