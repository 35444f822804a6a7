/** `parley provider-sim`: a simulated provider until it is told to stop. */
import { waitForStopSignal } from "#app/stop-signal.ts";
import { providerSimUsage, readProviderSimArgs } from "#provider-sim/command-line.ts";
import { type ProviderSimOptions, startProviderSim } from "#provider-sim/start-provider-sim.ts";

export async function runProviderSim(args: string[]): Promise<number> {
  let options: ProviderSimOptions | undefined;
  try {
    options = readProviderSimArgs(args);
  } catch (error) {
    process.stderr.write(
      `parley provider-sim: ${(error as Error).message}\nparley provider-sim --help tells more\n`,
    );
    return 2;
  }
  if (!options) {
    process.stdout.write(providerSimUsage);
    return 0;
  }
  return serve(options);
}

async function serve(options: ProviderSimOptions): Promise<number> {
  using stop = waitForStopSignal();
  try {
    const sim = await startProviderSim(options);
    process.stdout.write(`The simulated provider is ready.  ${sim.url}   Ledger: ${sim.url}/ledger\n`);
    await stop.requested;
    await sim.stop();
    return 0;
  } catch (error) {
    process.stderr.write(`parley provider-sim: ${(error as Error).message}\n`);
    return 1;
  }
}
