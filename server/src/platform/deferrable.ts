/** Which methods take as long as somebody outside of Parley does (option parley.v2.deferrable). */
import { type DescMethod, getOption } from "@bufbuild/protobuf";
import { deferrable } from "@parley/api/v2/options";

const known = new WeakMap<DescMethod, boolean>();

/** That such a call is slow, or not done by its deadline, says nothing about the service that was called. */
export function isDeferrable(method: DescMethod): boolean {
  let answer = known.get(method);
  if (answer === undefined) {
    answer = getOption(method, deferrable);
    known.set(method, answer);
  }
  return answer;
}
