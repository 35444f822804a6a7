/** The three forms in which a simulated provider is spoken to, told apart by the end of the path. */

export interface WireFormat {
  /** The text to process; undefined: the request has none. */
  textOf(body: Record<string, unknown>): string | undefined;
  answer(result: string): unknown;
  failure(message: string): unknown;
}

const plain: WireFormat = {
  textOf: ({ text }) => stringOrNone(text),
  answer: (result) => ({ result }),
  failure: (message) => ({ error: message }),
};

const libreTranslate: WireFormat = {
  textOf: ({ q }) => stringOrNone(q),
  answer: (translatedText) => ({ translatedText }),
  failure: (message) => ({ error: message }),
};

const openAiChat: WireFormat = {
  /** What the user said last. */
  textOf: ({ messages }) => {
    if (!Array.isArray(messages)) return undefined;
    return stringOrNone(messages.findLast((message) => message?.role === "user")?.content);
  },
  answer: (content) => ({
    object: "chat.completion",
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
  }),
  failure: (message) => ({ error: { message, type: "simulated", code: null } }),
};

export function wireFormatOf(path: string): WireFormat {
  if (path.endsWith("/translate")) return libreTranslate;
  if (path.endsWith("/chat/completions")) return openAiChat;
  return plain;
}

const stringOrNone = (value: unknown) => (typeof value === "string" ? value : undefined);
