/** The program: picks the command, runs it, and turns the outcome into an exit code. */
import { commands, usage } from "#app/commands.ts";

const [name = "help", ...rest] = process.argv.slice(2);
const command =
  commands[name === "--help" || name === "-h" ? "help" : name === "--version" ? "version" : name];
if (!command) {
  process.stderr.write(`parley: there is no command "${name}"\n\n${usage()}`);
  process.exitCode = 2;
} else {
  process.exitCode = await command.run(rest);
}
