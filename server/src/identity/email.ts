export interface Email {
  /** As the user wrote it. */
  readonly given: string;
  /** Two addresses are the same when their keys are. */
  readonly key: string;
}

const maxCharacters = 254;

/**
 * Undefined when it cannot be an address. Upper and lower case count as the same in the local part too: servers
 * that tell them apart are rare, people who type a capital are not. UTF-8 local parts are fine (RFC 6531).
 */
export function parseEmail(text: string): Email | undefined {
  const given = text.trim();
  const fits = [...given].length <= maxCharacters && given.isWellFormed();
  if (!fits || !/^[^@\s\p{C}]+@[^@\s\p{C}]+$/u.test(given)) return undefined;
  return { given, key: given.normalize("NFC").toLowerCase().normalize("NFC") };
}
