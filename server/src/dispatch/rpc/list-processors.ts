import type { ListProcessorsResponse } from "@parley/api/v2/process";
import type { DispatchParts } from "#dispatch/parts.ts";

export function listProcessors({ catalogue }: Pick<DispatchParts, "catalogue">) {
  return async (): Promise<ListProcessorsResponse> => ({
    $typeName: "parley.v2.ListProcessorsResponse",
    processors: [...catalogue.processors.values()].map(({ id, about, maxTextBytes }) => ({
      $typeName: "parley.v2.Processor",
      id,
      about,
      maxTextBytes,
    })),
  });
}
