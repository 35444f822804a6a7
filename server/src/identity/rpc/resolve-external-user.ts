import { randomUUID } from "node:crypto";
import type { ServiceImpl } from "@connectrpc/connect";
import type { IdentityInternalService } from "@parley/api/internal/identity";
import { toDisplayName } from "#identity/display-name.ts";
import { nameColumns } from "#identity/name-search.ts";
import type { IdentityParts } from "#identity/parts.ts";
import type { NewUser } from "#identity/store-users.ts";
import { invalidInput } from "#platform/errors.ts";
import { tags } from "#platform/stamps/stamps.ts";

type ResolveExternalUser = ServiceImpl<typeof IdentityInternalService>["resolveExternalUser"];

const maxIssuerBytes = 1_000;
/** OpenID Connect Core, section 2, allows a subject 255 ASCII characters. */
const maxSubjectBytes = 255;

export function resolveExternalUser({ store, stamps, clock }: IdentityParts): ResolveExternalUser {
  return async ({ issuer, subject, name }) => {
    requireFit("issuer", issuer, maxIssuerBytes);
    requireFit("subject", subject, maxSubjectBytes);
    let isNew = false;
    const userId = await store.users.external(issuer, subject, () => {
      isNew = true;
      return newUser(name, clock.now());
    });
    if (isNew) await stamps.change([tags.accounts()]);
    return { userId };
  };
}

function requireFit(field: string, text: string, maxBytes: number) {
  const fits = text !== "" && Buffer.byteLength(text) <= maxBytes && !/\p{Cc}|\p{Cs}/u.test(text);
  if (!fits) throw invalidInput(field, `must have 1 to ${maxBytes} bytes and no control characters`);
}

function newUser(givenName: string, nowMs: number): NewUser {
  const id = randomUUID();
  const name = toDisplayName(givenName, `User ${id.slice(0, 8)}`);
  return { id, ...nameColumns(name), createdAt: new Date(nowMs) };
}
