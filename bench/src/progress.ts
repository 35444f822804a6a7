/** What is going on, on stderr: stdout is for the results. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}
