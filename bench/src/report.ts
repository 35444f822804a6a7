/** The results as a table for people. */
import type { CaseResult, Measure, Unit } from "./case.ts";
import type { Machine } from "./machine.ts";
import type { Repeated } from "./statistics.ts";

const columns = ["", "Parley", "min–max", "floor, in the same run", "", "of floor", "target", ""] as const;

export function machineLine(machine: Machine): string {
  const { processor, cores, memoryGib, system, node, fdatasyncUs, dataOnMemoryDisk } = machine;
  const disk = dataOnMemoryDisk
    ? "data on a MEMORY DISK: commits cost nothing, the writes are flattered (set TMPDIR to a real disk)"
    : `fdatasync ${fdatasyncUs} µs`;
  return `${processor}, ${cores} cores, ${memoryGib} GiB · ${system} · Node ${node} · ${disk}`;
}

/** Part of the machine that others may take before it has to be said. */
const tolerableShare = 0.05;

export function otherLoadWarning(otherCores: number | undefined, cores: number): string[] {
  if (otherCores === undefined || otherCores < cores * tolerableShare) return [];
  return [
    `WARNING: other processes took ${otherCores.toFixed(1)} of ${cores} cores: the figures are worse than they should be.`,
  ];
}

export function table(measures: readonly Measure[]): string {
  const rows = [[...columns], ...measures.map(row)];
  const widths = columns.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  const rightAligned = new Set([1, 2, 4, 5]);
  const lines = rows.map((cells) =>
    cells
      .map((cell, column) =>
        rightAligned.has(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join("  ")
      .trimEnd(),
  );
  return [lines[0], "─".repeat(Math.max(...lines.map(({ length }) => length))), ...lines.slice(1)].join("\n");
}

function row({ name, unit, value, floor, target }: Measure): string[] {
  return [
    name,
    `${figure(value.median, unit)} ${unit}`,
    value.min === value.max ? "" : `${figure(value.min, unit)}–${figure(value.max, unit)}`,
    floor?.name ?? "",
    floor ? figure(floor.value.median, unit) : "",
    floor ? shareOf(value, floor.value) : "",
    target?.text ?? "",
    target ? (target.isMet ? "met" : "NOT MET") : "",
  ];
}

function shareOf(value: Repeated, floor: Repeated): string {
  const share = value.median / floor.median;
  return share < 10 ? `${Math.round(share * 100)} %` : `${Math.round(share)} ×`;
}

const decimalsOfSmall: Partial<Record<Unit, number>> = { ms: 1, s: 2, KB: 1, MB: 1, "%": 2, "a window": 2 };

/** Three digits that mean something; the rest is chance. */
export function figure(value: number, unit: Unit): string {
  const rounded = value === 0 ? 0 : Number(value.toPrecision(3));
  const decimals = Math.abs(rounded) < 100 ? (decimalsOfSmall[unit] ?? 0) : 0;
  return rounded.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** What stands below the table: how each case was measured. */
export function notes(results: ReadonlyMap<string, CaseResult>): string {
  return [...results]
    .map(([name, result]) => [`${name}:`, ...result.notes.map((note) => `  ${note}`)].join("\n"))
    .join("\n");
}

export function appendices(results: ReadonlyMap<string, CaseResult>): string {
  return [...results]
    .filter(([, { appendix }]) => appendix)
    .map(([name, { appendix = [] }]) => `\n${name}:\n${appendix.join("\n\n")}`)
    .join("\n");
}

export function profiles(results: ReadonlyMap<string, CaseResult>): string {
  return [...results]
    .filter(([, { profile }]) => profile)
    .map(([name, { profile = [] }]) => {
      const lines = profile.map((one) => `  ${(one.share * 100).toFixed(1).padStart(5)} %  ${one.name}`);
      return `\n${name}: where the server's time went (of its busy time, in the function itself)\n${lines.join("\n")}`;
    })
    .join("\n");
}

export function verdict(results: ReadonlyMap<string, CaseResult>): string {
  const targets = [...results.values()].flatMap(({ measures }) => measures.filter(({ target }) => target));
  const missed = targets.filter(({ target }) => !target?.isMet);
  if (targets.length === 0) return "";
  if (missed.length === 0) return `All ${targets.length} targets are met.`;
  const names = missed.map(({ name }) => name.trim()).join("; ");
  return `${targets.length - missed.length} of ${targets.length} targets are met. Not met: ${names}.`;
}
