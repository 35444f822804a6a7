import type { AdapterName } from "#dispatch/providers/catalogue.ts";
import type { Adapter } from "#dispatch/sending/adapters/adapter.ts";
import { json } from "#dispatch/sending/adapters/json.ts";
import { libretranslate } from "#dispatch/sending/adapters/libretranslate.ts";
import { openaiChat } from "#dispatch/sending/adapters/openai-chat.ts";

export const adapters: Readonly<Record<AdapterName, Adapter>> = {
  json,
  libretranslate,
  "openai-chat": openaiChat,
};
