/** What accounts are known by: an e-mail address, or a login name, which old APIs let people choose. */
import { type Email, parseEmail } from "#identity/email.ts";
import { fitsOneLine } from "#platform/one-line.ts";

export interface LoginName {
  /** As the user wrote it. */
  readonly given: string;
  /** Two login names are the same when their keys are. */
  readonly key: string;
}

/** Neither: it can be nobody's. No text is both, so that a login name is never taken for somebody's address. */
export interface Login {
  readonly email?: Email;
  readonly loginName?: LoginName;
}

export const maxLoginCharacters = 100;

export function parseLogin(text: string): Login {
  const email = parseEmail(text);
  if (email) return { email };
  const given = text.normalize("NFC").trim();
  if (!fitsOneLine(given) || [...given].length > maxLoginCharacters) return {};
  return { loginName: { given, key: given.toLowerCase().normalize("NFC") } };
}
