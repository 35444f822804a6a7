/** What may be said of an account, checked and in the form in which it is kept. */
import { requireNamePart, toDisplayName } from "#identity/display-name.ts";
import { type Email, parseEmail } from "#identity/email.ts";
import { type Login, maxLoginCharacters, parseLogin } from "#identity/login-name.ts";
import { foldName } from "#identity/name-search.ts";
import { maxPasswordBytes } from "#identity/password-hashing.ts";
import { invalidInput } from "#platform/errors.ts";

const maxProfileFields = 16;
const maxFieldNameCharacters = 32;
const maxValueCharacters = 1_000;
/** Line ends and tabs are fine in what people write of themselves. */
const unfitValue = /[^\P{Cc}\t\n\r]|\p{Cs}/u;

/** At least one of the two. */
export function requireLogin(loginText: string, emailText: string): Login {
  const named = loginText.trim() === "" ? {} : requireLoginText(loginText);
  const email = emailText.trim() === "" ? named.email : requireEmail(emailText);
  if (named.email && named.email.key !== email?.key) {
    throw invalidInput("login", "must not be another address than the email");
  }
  if (!named.loginName && !email) throw invalidInput("login", "must have at least one character");
  return { ...named, ...(email ? { email } : {}) };
}

function requireLoginText(text: string): Login {
  const login = parseLogin(text);
  if ((!login.email && !login.loginName) || [...text.trim()].length > maxLoginCharacters) {
    throw invalidInput(
      "login",
      `must have 1 to ${maxLoginCharacters} characters, none of them control characters`,
    );
  }
  return login;
}

export function requireEmail(text: string): Email {
  const email = parseEmail(text);
  if (!email) throw invalidInput("email", "must be an email address");
  return email;
}

/** Old clients may have a short one. */
export function requireOldPassword(password: string): void {
  const bytes = Buffer.byteLength(password);
  if (bytes < 1 || bytes > maxPasswordBytes || password.includes("\0") || !password.isWellFormed()) {
    throw invalidInput("password", `must have 1 to ${maxPasswordBytes} bytes of Unicode, none of them zero`);
  }
}

/** Of an account that gives no name: as it is known by. */
export function defaultName({ email, loginName }: Login): string {
  const text = loginName?.given ?? email?.given.replace(/@.*$/u, "") ?? "";
  return toDisplayName(text, "User");
}

export function surnameColumns(text: string) {
  const surname = requireNamePart("surname", text);
  return { surname, surnameFolded: foldName(surname) };
}

export function requireProfile(profile: Record<string, string>): Record<string, string> {
  const fields = Object.entries(profile);
  if (fields.length > maxProfileFields) {
    throw invalidInput("profile", `must have at most ${maxProfileFields} fields`);
  }
  for (const [field, value] of fields) {
    if (!fits(field, maxFieldNameCharacters) || field === "") {
      throw invalidInput("profile", `names of fields must have 1 to ${maxFieldNameCharacters} characters`);
    }
    if (!fits(value, maxValueCharacters)) {
      throw invalidInput(
        field,
        `must have at most ${maxValueCharacters} characters, none of them control characters`,
      );
    }
  }
  return profile;
}

const fits = (text: string, maxCharacters: number) =>
  [...text].length <= maxCharacters && !unfitValue.test(text);
