import { ParleyError } from "@parley/client";

const sentences: Record<string, string> = {
  network: "The server cannot be reached. Check your connection.",
  timeout: "The server took too long to answer. Please try again.",
  unavailable: "Parley is away for the moment. Please try again.",
  "circuit-open": "Parley is away for the moment. Please try again.",
  overloaded: "Parley is busy. Please try again in a moment.",
  "too-many-requests": "That was a bit too fast. Please try again in a moment.",
  "bad-credentials": "Wrong e-mail address, login name or password.",
  forbidden: "You may not do that here.",
  "too-large": "This is too large.",
  "quota-exceeded": "You have no room left for this. Delete messages with files first.",
  "storage-full": "The server has no room left.",
  "blob-store-unavailable": "Files cannot be stored or read for the moment. Please try again.",
  "blob-not-found": "A file of this message is no longer there.",
  "processor-not-found": "There is no such processor any more.",
  "too-many-search-tasks": "Too many of your searches are under way. Please try again in a moment.",
  "search-task-not-found": "These results were kept for some minutes only. Please search again.",
  internal: "Something went wrong on the server.",
};

/** What to tell a person about a failure. */
export function describeError(error: unknown): string {
  if (!(error instanceof ParleyError)) return "Something went wrong.";
  const [violation] = error.violations;
  if (violation) return `${violation.field}: ${violation.message}`;
  return sentences[error.code] ?? (error.detail || error.code);
}
