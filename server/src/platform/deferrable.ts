/**
 * Which methods take as long as somebody outside of Parley does (option parley.v2.deferrable), and which as long as they
 * are given (parley.v2.budgeted).
 */
import { type DescMethod, getOption } from "@bufbuild/protobuf";
import { budgeted, deferrable } from "@parley/api/v2/options";

export const isDeferrable = knownOption(deferrable);
const isBudgeted = knownOption(budgeted);

/** That such a call is slow, or not done by its deadline, says nothing about the service that was called. */
export const takesItsTime = (method: DescMethod): boolean => isDeferrable(method) || isBudgeted(method);

function knownOption(option: typeof deferrable): (method: DescMethod) => boolean {
  const known = new WeakMap<DescMethod, boolean>();
  return (method) => {
    let answer = known.get(method);
    if (answer === undefined) {
      answer = getOption(method, option);
      known.set(method, answer);
    }
    return answer;
  };
}
