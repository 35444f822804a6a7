/**
 * An error for the log: it and its causes by name, code, message and stack only. Other properties can hold what people wrote
 * (a database's "detail" does), and so can the messages of the database itself: of those the SQLSTATE is all that is told.
 */
const maxCauses = 5;
const maxChars = 8_192;

export function describeError(error: unknown): object[] {
  const chain: object[] = [];
  let current: unknown = error;
  while (current instanceof Error && chain.length < maxCauses) {
    chain.push(isFromDatabase(current) ? describeDatabaseError(current) : describeOne(current));
    current = current.cause;
  }
  if (current !== undefined && !(current instanceof Error)) chain.push({ message: `a ${typeof current}` });
  return chain;
}

function describeOne({ name, message, stack, code }: NodeJS.ErrnoException): object {
  const cut = (text: string | undefined) => text?.slice(0, maxChars);
  return { name, ...(typeof code === "string" ? { code } : {}), message: cut(message), stack: cut(stack) };
}

type DatabaseError = Error & { code: string; severity: string };

function isFromDatabase(error: Error): error is DatabaseError {
  const { code, severity } = error as Partial<DatabaseError>;
  return typeof severity === "string" && typeof code === "string" && /^[0-9A-Z]{5}$/.test(code);
}

/** The stack begins with the message. */
function describeDatabaseError({ name, code, stack = "" }: DatabaseError): object {
  const frames = stack.split("\n").filter((line) => line.startsWith("    at "));
  return { name, sqlState: code, stack: frames.join("\n") };
}
