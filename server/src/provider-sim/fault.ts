/** What a simulated provider can do instead of answering well. */

export const faultNames = ["html", "broken-json", "wrong-shape", "half", "hang", "late", "reset"] as const;

export type Fault =
  | { readonly kind: "ok" }
  /** A status with a JSON error; 429 is a refusal that does not count. The request is neither processed nor charged. */
  | { readonly kind: "status"; readonly status: number }
  /** All of these process the request, and charge it: 200 with HTML; with half of the JSON, complete by its length; with JSON of another shape; */
  | { readonly kind: "html" | "broken-json" | "wrong-shape" }
  /** the connection ends in mid-answer; there is never an answer; it comes later; the connection ends without one. */
  | { readonly kind: "half" | "hang" | "late" | "reset" };

/** "ok", a name, or a status from 400 to 599. Throws an Error that says what is wrong. */
export function parseFault(text: string): Fault {
  if (text === "ok") return { kind: "ok" };
  if (/^[45]\d\d$/.test(text)) return { kind: "status", status: Number(text) };
  const kind = faultNames.find((name) => name === text);
  if (!kind)
    throw new Error(`"${text}" is no fault; there are a status from 400 to 599, ${faultNames.join(", ")}`);
  return { kind };
}

export const nameOfFault = (fault: Fault): string =>
  fault.kind === "status" ? String(fault.status) : fault.kind;
