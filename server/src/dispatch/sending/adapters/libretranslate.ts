/** LibreTranslate and what speaks like it: options source, target, format and api_key. See https://docs.libretranslate.com. */
import { type Adapter, decodeText, property } from "#dispatch/sending/adapters/adapter.ts";

export const libretranslate: Adapter = {
  path: "/translate",
  encode: (text, { source = "auto", target, format = "text", api_key }) => ({
    q: text,
    source,
    target,
    format,
    api_key,
  }),
  decode: (answer) => decodeText(property(answer, "translatedText")),
  retryAfterMs: () => undefined,
};
