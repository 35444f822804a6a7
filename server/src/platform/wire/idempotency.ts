/** Which methods may be called once more when it is not known whether the first call did anything. */
import { type DescMethod, getOption } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Level } from "@bufbuild/protobuf/wkt";
import { http } from "@parley/api/google/api/annotations";

const known = new WeakMap<DescMethod, boolean>();

/** Those that say so in the contract, and those whose HTTP method does: GET, PUT and DELETE (RFC 9110, 9.2.2). */
export function isIdempotent(method: DescMethod): boolean {
  let answer = known.get(method);
  if (answer === undefined) {
    const verb = getOption(method, http).pattern.case;
    const isByVerb = verb === "get" || verb === "put" || verb === "delete";
    answer = isByVerb || method.idempotency !== Level.IDEMPOTENCY_UNKNOWN;
    known.set(method, answer);
  }
  return answer;
}
